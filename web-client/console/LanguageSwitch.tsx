import { useLanguage } from './i18n/language';

export function LanguageSwitch() {
  const { code, text, toggle } = useLanguage();
  const other = code === 'en' ? 'he' : 'en';
  return (
    <button type="button" className="button quiet language" lang={other} onClick={toggle}>
      {text.otherLanguage}
    </button>
  );
}
