// The fake queue: one job at a time, its stages played on a timer, its events sent to the streams.
import type { ServerResponse } from 'node:http';
import type { Job, JobOptions, ServerEvent, Stage, Video } from '../../src/api/types.ts';
import { answerTo, fails, sampleTimes } from './answers.ts';

export class FakeJobs {
  list: Job[] = []; // newest first
  pace: number; // milliseconds between two events
  #streams = new Map<ServerResponse, string | null>(); // the job that one wants, or null for all
  #text = new Map<string, string>();
  #busy = false;
  #count = 0;

  constructor(pace: number) {
    this.pace = pace;
  }

  add(video: Video, query: string, options: JobOptions): Job {
    const job: Job = {
      id: `j${++this.#count}`,
      state: 'queued',
      video: { id: video.id, name: video.name },
      query,
      options,
      priority: 0,
      created: new Date().toISOString(),
      started: null,
      finished: null,
      attempts: 0,
      result: null,
      corrections: null,
      error: null,
    };
    this.list.unshift(job);
    this.#tell(job);
    setTimeout(() => this.#work(video), 0);
    return job;
  }

  queueAgain(job: Job, video: Video): void {
    Object.assign(job, { state: 'queued', finished: null, error: null });
    this.#tell(job);
    setTimeout(() => this.#work(video), 0);
  }

  cancel(job: Job): void {
    job.state = 'cancelled';
    job.finished = new Date().toISOString();
    this.#tell(job);
  }

  subscribe(response: ServerResponse, id: string | null): void {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    response.write(': hello\n\n');
    this.#streams.set(response, id);
    response.on('close', () => this.#streams.delete(response));
    for (const job of this.list) {
      if (id ? job.id === id : job.state === 'running' || job.state === 'queued') {
        write(response, stateOf(job));
        const text = this.#text.get(job.id);
        if (text) write(response, { type: 'text', data: { id: job.id, text } });
      }
    }
  }

  // Ends every stream, as a restart of the server would.
  drop(): void {
    for (const stream of this.#streams.keys()) stream.destroy();
  }

  async #work(video: Video): Promise<void> {
    if (this.#busy) return;
    const job = [...this.list].reverse().find((j) => j.state === 'queued');
    if (!job) return;
    this.#busy = true;
    job.state = 'running';
    job.started = new Date().toISOString();
    ++job.attempts;
    await this.#play(job, { ...video, ...job.video });
    this.#busy = false;
    this.#text.delete(job.id);
    void this.#work(video);
  }

  async #play(job: Job, video: Video): Promise<void> {
    const options = job.options ?? {};
    const frames = sampleTimes(video, options).length;
    const step = async (stage: Stage, done: number, total: number) => {
      if (job.state !== 'running') return;
      job.progress = { stage, done, total };
      this.#tell(job);
      await new Promise((resolve) => setTimeout(resolve, this.pace));
    };
    await step('probing', 0, 1);
    for (let n = 0; n <= frames; n += 4) await step('decoding', Math.min(n, frames), frames);
    for (let n = 0; n <= frames / 2; n += 2) await step('encoding', n, frames / 2);
    for (let n = 0; n <= 4; ++n) await step('reading', n * 90, 360);
    if (job.state === 'running' && fails(job.query)) {
      job.state = 'failed';
      job.error = {
        code: 'unprocessable',
        message: 'the prompt has 300000 tokens, the model reads 262144',
        hint: 'lower frame_sampling_rate or max_frames',
      };
    }
    const answer = answerTo(video, job.query, options);
    const pieces = answer.response.match(/.{1,9}/gs) ?? [];
    for (const [n, piece] of pieces.entries()) {
      if (job.state !== 'running') break;
      this.#text.set(job.id, (this.#text.get(job.id) ?? '') + piece);
      this.#send(job.id, { type: 'text', data: { id: job.id, text: piece } });
      await step('answering', n + 1, pieces.length);
    }
    if (job.state === 'running') {
      job.state = 'done';
      job.result = answer;
    }
    delete job.progress;
    job.finished = new Date().toISOString();
    this.#tell(job);
  }

  #tell(job: Job): void {
    this.#send(job.id, stateOf(job));
  }

  #send(id: string, event: ServerEvent): void {
    for (const [stream, wanted] of this.#streams) {
      if (wanted === null || wanted === id) write(stream, event);
    }
  }
}

function stateOf({ id, state, progress }: Job): ServerEvent {
  const ended = state !== 'queued' && state !== 'running';
  const { stage, done, total } = progress ?? { stage: ended ? ('' as const) : ('queued' as const), done: 0, total: 0 };
  return { type: 'job', data: { id, state, stage, done, total } };
}

function write(response: ServerResponse, { type, data }: ServerEvent): void {
  response.write(`event: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
}
