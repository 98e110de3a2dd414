// See load.sh.
import { spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { caller, portOf } from './client.mjs';

const SECONDS = Number(process.argv[2]);
const STREAMS = 200;
const PER_SECOND = 20;
const BATCH = 30; // jobs submitted whenever fewer than that wait
const BAR = 50; // ms that 99 in 100 requests of every route stay below
const SPARE = 8; // descriptors that a job at work may hold

const folder = await mkdtemp(join(tmpdir(), 'shijian-load-'));
await mkdir(join(folder, 'videos'));
await copyFile('samples/shapes.mp4', join(folder, 'videos', 'shapes.mp4'));
const server = spawn(
  'build/release/shijian',
  ['serve', '--port', '0', '--videos', join(folder, 'videos'), '--data', join(folder, 'data'),
    '--cache-dir', join(folder, 'cache'), '--model', 'models/nano', '--log-level', 'warning'],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
process.on('exit', () => server.kill('SIGKILL')); // also when this script breaks off
const port = await portOf(server);
const agent = new Agent({ keepAlive: true, maxSockets: 8 });
const call = caller(port, agent);

const state = async () => {
  const status = await readFile(`/proc/${server.pid}/status`, 'utf8');
  return {
    mib: Number(/VmRSS:\s+(\d+)/.exec(status)[1]) / 1024,
    descriptors: (await readdir(`/proc/${server.pid}/fd`)).length,
  };
};

const failures = [];
const streams = [];
let events = 0;
let closing = false;
const open = () =>
  new Promise((resolve) => {
    const sent = request({ port, path: '/api/v1/events', agent: false }, (response) => {
      response.on('data', () => events++);
      response.on('close', () => closing || failures.push('an event stream ended by itself'));
      response.on('error', () => {});
      resolve({ status: response.statusCode, close: () => sent.destroy() });
    });
    sent.on('error', () => resolve({ status: 0, close: () => {} }));
    sent.end();
  });

let submitted = 0;
const feed = async () => {
  const { queued } = JSON.parse((await call('GET', '/api/v1/queue')).text);
  if (queued >= BATCH) return;
  const queries = Array.from({ length: BATCH }, () => `When is the number ${submitted++} on screen?`);
  const { status } = await call('POST', '/api/v1/jobs', JSON.stringify({ video_path: 'shapes.mp4', queries }),
    { 'Content-Type': 'application/json' });
  if (status !== 202) failures.push(`POST /api/v1/jobs: ${status}`);
};

const [video] = JSON.parse((await call('GET', '/api/v1/videos')).text).videos;
const paths = ['/healthz', '/api/v1/videos', `/api/v1/videos/${video.id}`, '/api/v1/jobs?limit=20', '/api/v1/queue',
  '/api/v1/model', '/'];
await feed();
for (const path of paths) await call('GET', path);
const before = await state();
for (let i = 0; i < STREAMS; i++) streams.push(await open());
const refused = streams.filter(({ status }) => status !== 200).length;

const times = new Map(paths.map((path) => [path, []]));
const pending = [];
const broken = (path) => (error) => failures.push(`${path}: ${error.message}`);
const begin = performance.now();
for (let i = 0; i < SECONDS * PER_SECOND; i++) {
  await new Promise((resolve) => setTimeout(resolve, begin + (i * 1000) / PER_SECOND - performance.now()));
  const path = paths[i % paths.length];
  pending.push(
    call('GET', path).then(({ status, ms }) => {
      times.get(path).push(ms);
      if (status !== 200) failures.push(`${path}: ${status}`);
    }).catch(broken(path)),
  );
  if (i % PER_SECOND === 0) pending.push(feed().catch(broken('jobs')));
}
await Promise.all(pending);
const during = await state();
closing = true;
for (const stream of streams) stream.close();
await new Promise((resolve) => setTimeout(resolve, 2000));
agent.destroy();
const after = await state();
const done = JSON.parse((await call('GET', '/api/v1/jobs?state=done&limit=1')).text).total;
server.kill('SIGINT');
await new Promise((resolve) => server.once('exit', resolve));
await rm(folder, { recursive: true });

const share = (list, p) => list.sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * p))] ?? NaN;
const wrong = [...new Set(failures)];
const line = (name, list) => {
  const [median, most] = [share(list, 0.5), share(list, 0.99)];
  console.log(`${name.padEnd(26)} ${median.toFixed(1).padStart(7)} ${most.toFixed(1).padStart(7)}`);
  if (!(most < BAR)) wrong.push(`over the bar of ${BAR} ms: ${name} has a p99 of ${most.toFixed(1)} ms`);
};
console.log(`${STREAMS} streams (${refused} refused), ${PER_SECOND} requests a second for ${SECONDS} s, ` +
  `${done} jobs done, ${events} pieces of event streams, ${failures.length} failures`);
console.log(`${'latency, ms'.padEnd(26)} ${'p50'.padStart(7)} ${'p99'.padStart(7)}`);
for (const [path, list] of times) line(path.replace(video.id, 'ID'), list);
line('all', [...times.values()].flat());
for (const [name, { mib, descriptors }] of Object.entries({ before, during, after })) {
  console.log(`${name.padEnd(8)} ${mib.toFixed(1)} MiB resident, ${descriptors} descriptors`);
}
if (refused > 0) wrong.push(`${refused} of ${STREAMS} streams were refused`);
if (after.descriptors > before.descriptors + SPARE) {
  wrong.push(`descriptors grew from ${before.descriptors} to ${after.descriptors}`);
}
console.log(wrong.length > 0 ? wrong.join('\n') : `all below the bar of ${BAR} ms, nothing failed`);
process.exit(wrong.length > 0 ? 1 : 0);
