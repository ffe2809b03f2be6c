import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App';
import { LanguageProvider } from './i18n/language';
import { open, restore, takeFromAddress } from './session';
import { restoreTheme } from './theme';
import '../src/styles.css';
import './styles/index.css';

restoreTheme();
const given = takeFromAddress();

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <LanguageProvider>
      <App initial={given ? open(given) : restore()} />
    </LanguageProvider>
  </StrictMode>,
);
