/** Builds the library into lib/: modules for bundlers, React and everything else of the embedder's left outside. */

import { defineConfig } from 'vite';

export default defineConfig({
  publicDir: false,
  build: {
    outDir: 'lib',
    target: 'es2022',
    // `light-dark()` stays as it is written, as in the console.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    sourcemap: true,
    lib: {
      entry: {
        index: 'src/index.ts',
        core: 'src/core/index.ts',
        react: 'src/react/index.ts',
        components: 'src/components/index.ts',
        element: 'src/element/index.ts',
        'audio-player': 'src/audio-player/index.tsx',
        i18n: 'src/i18n/index.ts',
      },
      formats: ['es'],
    },
    rolldownOptions: { external: /^react(-dom)?(\/|$)/, output: { chunkFileNames: 'shared/[name].js' } },
  },
});
