// How soon a job that is cancelled is given up, in each of its stages. A random checkpoint of a published
// size makes every stage long enough: shijian bench --shape 2b --keep DIR, and into it the tokenizer's files and
// the chat template of models/nano.
// Each round has a video of its own, so that it is hashed and probed anew.
// Usage: node scripts/cancel_latency.mjs PROGRAM MODEL VIDEO.mp4 [ROUNDS]
import { spawn } from 'node:child_process';
import { appendFileSync, copyFileSync, mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { dirname, join, resolve as absolute } from 'node:path';
import { caller, portOf } from './client.mjs';

const [program, model, video, rounds = '5'] = process.argv.slice(2);
const BAR = 200; // ms
const STAGES = ['probing', 'decoding', 'encoding', 'reading', 'answering'];

const folder = await mkdtemp(join(dirname(absolute(video)), '.cancel-'));
const videos = join(folder, 'videos');
mkdirSync(videos);
const server = spawn(program, ['serve', '--port', '0', '--videos', videos, '--data', join(folder, 'data'),
  '--no-cache', '--model', model, '--log-level', 'warning', '--rate', '100000'],
  { stdio: ['ignore', 'pipe', 'inherit'] });
process.on('exit', () => server.kill('SIGKILL'));
const port = await portOf(server);
const call = caller(port, new Agent({ keepAlive: true }));
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Resolves once the job is in `stage`, to false where it ended without.
const reached = (id, stage) =>
  new Promise((resolve, reject) => {
    const events = request({ port, path: `/api/v1/jobs/${id}/events` }, (response) => {
      let text = '';
      const end = (is) => {
        response.destroy();
        resolve(is);
      };
      response.on('data', (piece) => {
        text += piece;
        if (text.includes(`"stage":"${stage}"`)) end(true);
        else if (/"state":"(done|failed|cancelled)"/.test(text)) end(false);
      });
      response.on('error', () => {});
    });
    events.on('error', reject);
    events.end();
  });

const waits = Object.fromEntries(STAGES.map((stage) => [stage, []]));
for (let round = 0; round < Number(rounds); round++) {
  const name = `${round}.mp4`;
  copyFileSync(video, join(videos, name));
  appendFileSync(join(videos, name), Buffer.from([0, 0, 0, 9, ...Buffer.from('free'), round])); // another content
  for (const stage of STAGES) {
    const body = JSON.stringify({ video_path: name, query: `question ${round} of ${stage}` });
    const { text } = await call('POST', '/api/v1/jobs', body, { 'Content-Type': 'application/json' });
    const { id } = JSON.parse(text).jobs?.[0] ?? JSON.parse(text);
    const there = await reached(id, stage);
    if (there) {
      await pause(Math.random() * 200);
      const begin = performance.now();
      const { status } = await call('POST', `/api/v1/jobs/${id}/cancel`);
      while (JSON.parse((await call('GET', '/api/v1/queue')).text).running > 0) await pause(2);
      if (status < 300) waits[stage].push(performance.now() - begin);
    }
  }
}
server.kill('SIGINT');
await new Promise((resolve) => server.once('exit', resolve));
await rm(folder, { recursive: true });

let slow = false;
console.log('given up after, ms   median     most   of');
for (const [stage, list] of Object.entries(waits)) {
  list.sort((a, b) => a - b);
  const most = list.at(-1) ?? NaN;
  slow ||= !(most < BAR);
  console.log(`${stage.padEnd(18)} ${(list[list.length >> 1] ?? NaN).toFixed(1).padStart(8)} ${most.toFixed(1).padStart(8)} ` +
    `${String(list.length).padStart(4)}`);
}
console.log(slow ? `not all below the bar of ${BAR} ms` : `all below the bar of ${BAR} ms`);
process.exit(slow ? 1 : 0);
