// A server that follows docs/api.md without a model: for work on the page and for its smoke test.
// The tests that count drive the real one.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { appendFile, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Job, JobOptions, Span, Video } from '../../src/api/types.ts';
import { sampleTimes } from './answers.ts';
import { exported } from './export.ts';
import { FakeJobs } from './jobs.ts';
import { clip, probe, strip } from './media.ts';

class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint = '',
  ) {
    super(message);
  }
}

interface Call {
  request: IncomingMessage;
  response: ServerResponse;
  query: URLSearchParams;
  parts: string[]; // of the path, decoded, after /api/v1/
}

export class FakeServer {
  readonly jobs: FakeJobs;
  key = ''; // when set, every route needs it
  breaks = false; // while true, connections break off
  #videos = new Map<string, { video: Video; path: string }>();
  #folder = mkdtemp(join(tmpdir(), 'shijian-fake-'));

  constructor(pace = 120) {
    this.jobs = new FakeJobs(pace);
  }

  // False: the request is none of the API's.
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (!url.pathname.startsWith('/api/v1/')) return false;
    const parts = url.pathname.slice('/api/v1/'.length).split('/').map(decodeURIComponent);
    this.#route({ request, response, query: url.searchParams, parts }).catch((error: unknown) => {
      const refusal =
        error instanceof Refusal ? error : new Refusal(500, 'internal', String(error));
      const { status, code, message, hint } = refusal;
      json(response, { error: { code, message, hint, request_id: 'r1' } }, status);
    });
    return true;
  }

  async addFile(path: string, name = basename(path)): Promise<Video> {
    const id = createHash('sha256').update(await readFile(path)).digest('hex').slice(0, 16);
    const known = this.#videos.get(id);
    if (known) return known.video;
    const probed = await probe(path).catch(() => {
      throw new Refusal(415, 'unsupported_media_type', `${name} is no video`, 'upload an MP4, MKV or WebM file');
    });
    const { size } = await stat(path);
    const video: Video = { id, name, size, created: new Date().toISOString(), ...probed };
    this.#videos.set(id, { video, path });
    return video;
  }

  async close(): Promise<void> {
    this.jobs.drop();
    await rm(await this.#folder, { recursive: true, force: true });
  }

  async #route(call: Call): Promise<void> {
    const { request, response, query } = call;
    if (this.breaks) return void request.socket.destroy();
    if (this.key && request.headers.authorization !== `Bearer ${this.key}`) {
      throw new Refusal(401, 'unauthorized', 'this server needs an API key');
    }
    const [area, id = '', action = ''] = call.parts;
    const method = request.method ?? 'GET';
    switch (`${method} ${area}`) {
      case 'GET model':
        return json(response, {
          name: 'nano', parameters: 8_123_456, prompt_style: 'timelens', context: 4096,
          sampling: { fps: 2, max_frames: 64, frame_pixels: 12288 },
          version: '0.1.0', threads: 2, isa: 'avx2',
        });
      case 'GET queue': {
        const count = (state: string) => this.jobs.list.filter((j) => j.state === state).length;
        return json(response, { queued: count('queued'), running: count('running'), capacity: 1000 });
      }
      case 'GET events':
        return this.jobs.subscribe(response, null);
      case 'GET videos':
        return id ? this.#readVideo(call, id, action) : this.#listVideos(call);
      case 'PUT videos':
        return this.#receive(call, id);
      case 'DELETE videos':
        this.#find(id);
        this.#videos.delete(id);
        return void response.writeHead(204).end();
      case 'GET uploads':
        return json(response, { received: await this.#received(id, query.get('size')) });
      case 'DELETE uploads':
        await rm(await this.#partial(id, query.get('size')), { force: true });
        return void response.writeHead(204).end();
      case 'GET export': {
        const ids = (query.get('ids') ?? '').split(',');
        const format = query.get('format') ?? 'json';
        return text(response, exported(ids.map((i) => this.#job(i)), format));
      }
      case 'POST jobs':
        return id ? this.#change(response, id, action) : this.#submit(request, response);
      case 'GET jobs':
        return id ? this.#readJob(call, id, action) : this.#listJobs(call);
      case 'PUT jobs': {
        const { events } = (await body(request)) as { events: Span[] | null };
        return json(response, Object.assign(this.#job(id), { corrections: events }));
      }
      case 'DELETE jobs': {
        const job = this.#job(id);
        if (job.state === 'running') throw new Refusal(409, 'conflict', 'the job is running', 'cancel it first');
        this.jobs.list = this.jobs.list.filter((j) => j !== job);
        return void response.writeHead(204).end();
      }
    }
    throw new Refusal(404, 'not_found', `nothing at ${method} ${request.url}`);
  }

  #find(id: string) {
    const found = this.#videos.get(id);
    if (!found) throw new Refusal(404, 'not_found', `no video ${id}`);
    return found;
  }

  #job(id: string): Job {
    const job = this.jobs.list.find((j) => j.id === id);
    if (!job) throw new Refusal(404, 'not_found', `no job ${id}`);
    return job;
  }

  #listVideos({ response, query }: Call): void {
    const search = (query.get('search') ?? '').toLowerCase();
    const all = [...this.#videos.values()]
      .map((entry) => entry.video)
      .filter((video) => video.name.toLowerCase().includes(search))
      .sort((a, b) => a.name.localeCompare(b.name));
    const { items, next } = page(all, query);
    json(response, { videos: items, next, total: all.length });
  }

  #listJobs({ response, query }: Call): void {
    const matches = (name: string, value: string) => (query.get(name) ?? value) === value;
    const search = (query.get('search') ?? '').toLowerCase();
    const all = this.jobs.list.filter(
      (job) =>
        matches('state', job.state) &&
        matches('video', job.video.id) &&
        `${job.query} ${job.video.name}`.toLowerCase().includes(search),
    );
    const { items, next } = page(all, query);
    json(response, { jobs: items, next, total: all.length });
  }

  async #readVideo({ request, response, query }: Call, id: string, action: string): Promise<void> {
    const { video, path } = this.#find(id);
    if (action === '') return json(response, video);
    if (action === 'content') return sendFile(request, response, path, video.size);
    if (action === 'thumbnails') {
      const count = Number(query.get('count') ?? 10);
      const times = Array.from({ length: count }, (_, i) => ((i + 0.5) * video.duration) / count);
      return this.#sendStrip(response, path, times, Number(query.get('height') ?? 90), count);
    }
    if (action === 'clip') {
      const [from, to] = [Number(query.get('from')), Number(query.get('to'))];
      const bytes = await clip(path, from, to, query.get('mode') !== 'fast');
      return void response.writeHead(200, { 'Content-Type': 'video/mp4' }).end(bytes);
    }
    throw new Refusal(404, 'not_found', `nothing at videos/${id}/${action}`);
  }

  async #sendStrip(response: ServerResponse, path: string, times: number[], height: number, columns: number, size?: string) {
    const picture = await strip(path, times, height, columns);
    response.writeHead(200, {
      'Content-Type': 'image/jpeg',
      'X-Frame-Times': times.map((t) => t.toFixed(3)).join(','),
      ...(size && { 'X-Frame-Size': size }),
    });
    response.end(picture);
  }

  async #readJob({ response, query }: Call, id: string, action: string): Promise<void> {
    const job = this.#job(id);
    if (action === '') return json(response, job);
    if (action === 'events') return this.jobs.subscribe(response, id);
    if (action === 'export') return text(response, exported([job], query.get('format') ?? 'json'));
    if (action === 'frames') {
      const { video, path } = this.#find(job.video.id);
      const times = sampleTimes(video, job.options ?? {});
      const width = 2 * Math.round((96 * video.width) / video.height / 2);
      return this.#sendStrip(response, path, times, 96, Math.min(8, times.length), `${width}x96`);
    }
    throw new Refusal(404, 'not_found', `nothing at jobs/${id}/${action}`);
  }

  async #submit(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.headers['content-type'] !== 'application/json') {
      throw new Refusal(415, 'unsupported_media_type', 'not JSON');
    }
    type Entry = { video_id?: string; queries?: string[]; options?: JobOptions };
    const input = (await body(request)) as Entry & { jobs?: Entry[]; folder?: string };
    const entries =
      input.folder !== undefined
        ? [...this.#videos.keys()].map((video_id) => ({ ...input, video_id }))
        : (input.jobs ?? [input]);
    const jobs = entries.flatMap(({ video_id = '', queries = [], options = {} }) => {
      const { video } = this.#find(video_id);
      if (queries.some((query) => !query.trim())) {
        throw new Refusal(422, 'unprocessable', 'the query is empty', 'ask something');
      }
      return queries.map((query) => this.jobs.add(video, query, options));
    });
    json(response, { jobs }, 202);
  }

  #change(response: ServerResponse, id: string, action: string): void {
    const job = this.#job(id);
    const active = job.state === 'queued' || job.state === 'running';
    if (action === 'cancel' && active) this.jobs.cancel(job);
    else if (action === 'retry' && (job.state === 'failed' || job.state === 'cancelled')) {
      this.jobs.queueAgain(job, this.#find(job.video.id).video);
    } else throw new Refusal(409, 'conflict', `the job is ${job.state}`);
    json(response, job);
  }

  async #partial(name: string, size: string | null): Promise<string> {
    return join(await this.#folder, encodeURIComponent(`${size}-${name}`));
  }

  async #received(name: string, size: string | null): Promise<number> {
    return stat(await this.#partial(name, size)).then((s) => s.size, () => 0);
  }

  async #receive({ request, response }: Call, name: string): Promise<void> {
    const range = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(request.headers['content-range'] ?? '');
    if (!range) throw new Refusal(400, 'bad_request', 'no Content-Range');
    const [from = 0, last = 0, total = 0] = range.slice(1).map(Number);
    const piece = await bytes(request);
    const held = await this.#received(name, String(total));
    if (from !== held) throw new Refusal(409, 'conflict', `the upload is at ${held}`);
    const path = await this.#partial(name, String(total));
    await appendFile(path, piece);
    if (last + 1 < total) return json(response, { received: last + 1 }, 202);
    try {
      json(response, { video: await this.addFile(path, name) }, 201);
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
  }
}

async function bytes(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

async function body(request: IncomingMessage): Promise<unknown> {
  return JSON.parse((await bytes(request)).toString()) as unknown;
}

function page<T>(all: T[], query: URLSearchParams): { items: T[]; next: string | null } {
  const from = Number(query.get('cursor') ?? 0);
  const to = from + Number(query.get('limit') ?? 50);
  return { items: all.slice(from, to), next: to < all.length ? String(to) : null };
}

function json(response: ServerResponse, value: unknown, status = 200): void {
  if (response.headersSent) return void response.destroy();
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
}

function text(response: ServerResponse, value: string): void {
  response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8' }).end(value);
}

function sendFile(request: IncomingMessage, response: ServerResponse, path: string, size: number): void {
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const start = Number(range?.[1] ?? 0);
  const end = range?.[2] ? Number(range[2]) : size - 1;
  response.writeHead(range ? 206 : 200, {
    'Content-Type': 'video/mp4',
    'Accept-Ranges': 'bytes',
    'Content-Length': end - start + 1,
    ...(range && { 'Content-Range': `bytes ${start}-${end}/${size}` }),
  });
  createReadStream(path, { start, end }).pipe(response);
}
