export { en, type Text } from './en';
export { he } from './he';
export { clock, bytes, detailText, nameOf, sidesOf, spoken, statusText } from './format';
