// `shijian serve` as a user runs it: the default model, a folder of its own, any free port.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Job, JobOptions, Video } from '../../src/api/types.ts';

export const root = fileURLToPath(new URL('../../..', import.meta.url));
export const programPath = process.env.SHIJIAN_PROGRAM ?? join(root, 'build/test/shijian');

// So many frames that nano says no more than nonsense, and so many tokens of it that it takes half a minute.
export const slow: JobOptions = { frame_sampling_rate: 30, max_frames: 1000, max_new_tokens: 5000, free_text: true };

export class Program {
  readonly folder = mkdtempSync(join(tmpdir(), 'shijian-e2e-'));
  readonly #flags: string[];
  #child: ChildProcess | null = null;
  #port = 0;

  constructor(...flags: string[]) {
    this.#flags = flags;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/`;
  }

  // After a kill() at the same port and with what was kept.
  async start(): Promise<void> {
    const folders = ['--videos', join(this.folder, 'videos'), '--data', join(this.folder, 'data')];
    const child = spawn(
      programPath,
      ['serve', '--port', String(this.#port), '--model', join(root, 'models/nano'), '--no-cache', '--log-level', 'warning', ...folders, ...this.#flags],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    this.#child = child;
    for await (const line of createInterface(child.stdout)) {
      const port = /http:\/\/localhost:(\d+)/.exec(line)?.[1];
      if (!port) throw new Error(`serve said: ${line}`);
      this.#port = Number(port);
      return;
    }
    throw new Error('serve ended before it listened');
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (!child || child.exitCode !== null) return;
    const end = once(child, 'exit');
    child.kill(signal);
    await end;
  }

  async stop(): Promise<void> {
    await this.kill('SIGTERM');
    await rm(this.folder, { recursive: true, force: true });
  }

  // The API as another client sees it, beside the page.
  async api<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${this.url}api/v1/${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text ? JSON.parse(text) : undefined) as T;
  }

  async add(path: string, content?: Buffer, headers = {}): Promise<Video> {
    const body = new Uint8Array(content ?? (await readFile(path)));
    const response = await fetch(`${this.url}api/v1/videos/${basename(path)}`, { method: 'PUT', body, headers });
    return ((await response.json()) as { video: Video }).video;
  }

  async ask(video: Video, query: string, options: JobOptions = {}): Promise<Job> {
    const { jobs } = await this.api<{ jobs: Job[] }>('POST', 'jobs', { video_id: video.id, query, options });
    return jobs[0]!;
  }
  async answered(video: Video, query: string, options: JobOptions = {}): Promise<Job> {
    const { id } = await this.ask(video, query, options);
    for (;;) {
      const job = await this.api<Job>('GET', `jobs/${id}`);
      if (job.finished) return job;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  async newestJob(): Promise<Job> {
    return (await this.api<{ jobs: Job[] }>('GET', 'jobs?limit=1')).jobs[0]!;
  }

  // What the model says does not happen, and what it says happens once.
  async absentQuestion(video: Video): Promise<string> {
    for (const thing of ['purple star', 'red triangle', 'number 5', 'yellow circle', 'green heart', 'word ZEBRA']) {
      const query = `When does the ${thing} appear?`;
      if ((await this.answered(video, query)).result?.events?.length === 0) return query;
    }
    throw new Error('the model finds everything');
  }
}

export const presentQuestion = 'When is the cyan word MENU on screen?';
