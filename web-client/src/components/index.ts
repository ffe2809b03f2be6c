export { clock } from './clock';
export { Icon, type IconName } from './Icon';
export { RateSelect } from './RateSelect';
export { Timeline } from './Timeline';
export { Transport } from './Transport';
