import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

/** The older React is installed beside, for tests only. */
const react18 = (name: string) => new URL(`./react-18/node_modules/${name}`, import.meta.url).pathname;

export default defineConfig({
  // The page finds its assets beside itself, wherever it is served.
  base: './',
  plugins: [react()],
  build: {
    // The page's policy allows files of its own origin only: nothing may be inlined as a data URL.
    assetsInlineLimit: 0,
    // `light-dark()` as it is written: what older browsers would get in its place knows one theme for the whole page.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    modulePreload: { polyfill: false },
    rolldownOptions: { input: ['index.html', 'gallery.html'] },
  },
  server: {
    proxy: {
      '/api': 'http://127.0.0.1:8080',
      '/ws': { target: 'http://127.0.0.1:8080', ws: true },
    },
  },
  test: {
    environment: 'jsdom',
    projects: [
      { extends: true, test: { name: 'react 19', provide: { react: '19' }, include: ['{src,console}/**/*.test.{ts,tsx}'] } },
      {
        extends: true,
        resolve: { alias: { react: react18('react'), 'react-dom': react18('react-dom') } },
        test: { name: 'react 18', provide: { react: '18' }, include: ['src/{react,components,audio-player}/**/*.test.tsx', 'src/react-version.test.ts'] },
      },
    ],
  },
});
