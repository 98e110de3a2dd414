// Makes the clips of all tests once, with the program itself and ffmpeg.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import { programPath, root } from './program.ts';

declare module 'vitest' {
  interface ProvidedContext {
    clips: { shapes: string; long: string; others: string[] };
  }
}

const run = promisify(execFile);

export default async function setup(project: TestProject) {
  const folder = await mkdtemp(join(tmpdir(), 'shijian-clips-'));
  const shapes = join(root, 'samples/shapes.mp4');
  const size = ['--seconds', '6-8', '--size', '320x240', '--fps', '25'];
  await run(programPath, ['synth', '--out', folder, '--split', 'heldout', '--count', '2', ...size]);
  const list = join(folder, 'list.txt');
  const long = join(folder, 'long.mp4');
  await writeFile(list, `file '${shapes}'\n`.repeat(4));
  await run('ffmpeg', ['-v', 'error', '-f', 'concat', '-safe', '0', '-i', list, '-c', 'copy', long]);
  const others = ['00000.mp4', '00001.mp4'].map((name) => join(folder, 'videos', name));
  project.provide('clips', { shapes, long, others });
  return () => rm(folder, { recursive: true, force: true });
}
