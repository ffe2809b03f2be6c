import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

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
  test: { environment: 'jsdom', include: ['{src,console}/**/*.test.{ts,tsx}'] },
});
