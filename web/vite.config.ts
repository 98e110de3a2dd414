// `vite build --outDir DIR` writes the page; `vite` serves it while one works on it, in front of
// the server named by API.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

// These end what hangs; a busy machine takes several times as long as an idle one.
const inBrowser = {
  globalSetup: 'tests/e2e/setup.ts',
  testTimeout: 300_000,
  hookTimeout: 180_000,
  expect: { poll: { timeout: 60_000 } },
};

export default defineConfig({
  plugins: [svelte()],
  // What the page's own policy would refuse: data: URLs for assets, the preload helper's script.
  build: {
    target: 'es2022',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 300,
  },
  server: { proxy: { '/api': process.env.API ?? 'http://127.0.0.1:7860' } },
  test: {
    projects: [
      { extends: true, test: { name: 'unit', include: ['src/**/*.test.ts'] } },
      { extends: true, test: { name: 'e2e', include: ['tests/e2e/*.test.ts'], ...inBrowser } },
      { extends: true, test: { name: 'pictures', include: ['tests/pictures.ts'], ...inBrowser } },
    ],
  },
});
