// `vite build --outDir DIR` writes the page; `vite` serves it while one works on it, in front of
// the server named by API (http://127.0.0.1:7860), or of the fake one when API is not set.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const fakeServer: Plugin = {
  name: 'fake-server',
  apply: 'serve',
  async configureServer(server) {
    if (process.env.API || process.env.VITEST) return;
    const { FakeServer } = await server.ssrLoadModule('/tests/fake/server.ts');
    const fake = new FakeServer();
    server.middlewares.use((request, response, next) => {
      if (!fake.handle(request, response)) next();
    });
  },
};

export default defineConfig({
  plugins: [svelte(), fakeServer],
  // What the page's own policy would refuse: data: URLs for assets, the preload helper's script.
  build: {
    target: 'es2022',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 300,
  },
  server: process.env.API ? { proxy: { '/api': process.env.API } } : {},
  test: {
    projects: [
      { extends: true, test: { name: 'unit', include: ['src/**/*.test.ts'] } },
      {
        extends: true,
        test: {
          name: 'smoke',
          include: ['tests/smoke/*.test.ts'],
          globalSetup: 'tests/smoke/build.ts',
          testTimeout: 90_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
