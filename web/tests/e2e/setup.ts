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
    clips: { shapes: string; long: string; longer: string; others: string[]; hours: string; tiny: string };
  }
}

const run = promisify(execFile);

export default async function setup(project: TestProject) {
  const folder = await mkdtemp(join(tmpdir(), 'shijian-clips-'));
  const shapes = join(root, 'samples/shapes.mp4');
  const size = ['--seconds', '6-8', '--size', '320x240', '--fps', '25'];
  await run(programPath, ['synth', '--out', folder, '--split', 'heldout', '--count', '2', ...size]);
  const repeated = async (name: string, times: number) => {
    const list = join(folder, `${name}.txt`);
    const clip = join(folder, `${name}.mp4`);
    await writeFile(list, `file '${shapes}'\n`.repeat(times));
    await run('ffmpeg', ['-v', 'error', '-f', 'concat', '-safe', '0', '-i', list, '-c', 'copy', clip]);
    return clip;
  };
  const long = await repeated('long', 4);
  const longer = await repeated('longer', 8);
  // Two hours at a frame a second; 13 bars show the number of each frame, bit k = bar k from the left.
  const hours = join(folder, 'hours.mp4');
  const bars = "geq=lum='if(mod(floor(N/pow(2,floor(X/2))),2),235,16)':cb=128:cr=128,scale=208:112:flags=neighbor";
  const encode = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'];
  await run('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', `color=c=black:s=26x14:r=1:d=7200,${bars}`, ...encode, '-g', '10', hours]);
  const tiny = join(folder, 'tiny.mp4');
  await run('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=s=32x18:r=5:d=1', ...encode, '-movflags', '+faststart', tiny]);
  const others = ['00000.mp4', '00001.mp4'].map((name) => join(folder, 'videos', name));
  project.provide('clips', { shapes, long, longer, others, hours, tiny });
  return () => rm(folder, { recursive: true, force: true });
}
