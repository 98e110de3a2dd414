// See slow_library.sh.
import { spawn } from 'node:child_process';
import { linkSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { caller, portOf } from './client.mjs';

const SECONDS = Number(process.argv[2]);
const FILES = Number(process.argv[3]);
const BAR = 50; // ms
const PER_SECOND = 10;

const folder = await mkdtemp(join(tmpdir(), 'shijian-slow-'));
const videos = join(folder, 'videos');
const sample = readFileSync('samples/shapes.mp4');
for (let i = 0; i < FILES; i++) {
  const inner = join(videos, `folder ${Math.floor(i / 1000)}`);
  if (i % 1000 === 0) mkdirSync(inner, { recursive: true });
  // Files of one content, links to one; a thousand may share it.
  if (i % 1000 === 0) writeFileSync(join(inner, '0.mp4'), sample);
  else linkSync(join(inner, '0.mp4'), join(inner, `${i % 1000}.mp4`));
}
const server = spawn(
  `build/${process.argv[4]}/shijian`,
  ['serve', '--port', '0', '--videos', videos, '--data', join(folder, 'data'), '--no-cache',
    '--model', 'models/nano', '--log-level', 'warning', '--rate', '100000'],
  {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, LD_PRELOAD: join(process.cwd(), 'build/slow_disk.so'), SLOW_FOLDER: videos,
      SLOW_MICROSECONDS: '1000' },
  },
);
process.on('exit', () => server.kill('SIGKILL'));
const port = await portOf(server);
const call = caller(port, new Agent({ keepAlive: true }));

// A piece of an upload each time: what a whole one costs beyond that is its probing.
let piece = 0;
const kinds = {
  health: () => call('GET', '/healthz'),
  listing: () => call('GET', '/api/v1/videos?limit=50'),
  history: () => call('GET', '/api/v1/jobs?limit=50'),
  upload: () =>
    call('PUT', `/api/v1/videos/new%20${piece++}.mp4`, sample.subarray(0, 10000),
      { 'Content-Range': `bytes 0-9999/${sample.length}` }),
};
await call('GET', '/api/v1/videos'); // the scan begins
await new Promise((resolve) => setTimeout(resolve, 2000));
const times = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, []]));
const failures = [];
const pending = [];
let scanning = 0;
let last;
const begin = performance.now();
for (let i = 0; i < SECONDS * PER_SECOND; i++) {
  await new Promise((resolve) => setTimeout(resolve, begin + (i * 1000) / PER_SECOND - performance.now()));
  for (const [kind, ask] of Object.entries(kinds)) {
    pending.push(
      ask().then(({ status, ms, text }) => {
        times[kind].push(ms);
        if (status >= 300) failures.push(`${kind}: ${status} ${text}`);
        if (kind === 'listing') {
          last = JSON.parse(text);
          scanning += last.scanning ? 1 : 0;
        }
      }).catch((error) => failures.push(`${kind}: ${error.message}`)),
    );
  }
}
await Promise.all(pending);
server.kill('SIGINT');
await new Promise((resolve) => server.once('exit', resolve));
await rm(folder, { recursive: true });

const share = (list, p) => list.sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * p))];
const wrong = [...new Set(failures)].slice(0, 10);
console.log(`${FILES} files, ${scanning} of ${times.listing.length} lists while they are scanned, ` +
  `${last.total} videos known at the end`);
console.log('latency, ms      p50     p99');
for (const [kind, list] of Object.entries(times)) {
  const most = share(list, 0.99);
  console.log(`${kind.padEnd(12)} ${share(list, 0.5).toFixed(1).padStart(7)} ${most.toFixed(1).padStart(7)}`);
  if (!(most < BAR)) wrong.push(`over the bar of ${BAR} ms: ${kind} has a p99 of ${most.toFixed(1)} ms`);
}
console.log(wrong.length > 0 ? wrong.join('\n') : `all below the bar of ${BAR} ms, nothing failed`);
process.exit(wrong.length > 0 ? 1 : 0);
