// Builds the page once for all smoke tests. PAGE names a folder that holds a build already.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    page: string;
  }
}

export default async function setup(project: TestProject) {
  if (process.env.PAGE) {
    project.provide('page', process.env.PAGE);
    return () => {};
  }
  const folder = await mkdtemp(join(tmpdir(), 'shijian-page-'));
  const root = fileURLToPath(new URL('../..', import.meta.url));
  await build({ root, mode: 'production', logLevel: 'warn', build: { outDir: folder } });
  project.provide('page', folder);
  return () => rm(folder, { recursive: true, force: true });
}
