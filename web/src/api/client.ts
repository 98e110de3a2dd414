// The HTTP API of docs/api.md, typed. Every failure is an ApiError. What the server knows the
// browser by is a cookie that no script can read.
import { send } from './send.ts';
import type {
  ErrorBody,
  ExportFormat,
  FrameTimes,
  Job,
  JobFilter,
  JobOptions,
  JobPage,
  JobRequest,
  ModelInfo,
  QueueInfo,
  ServerEvent,
  Span,
  Video,
  VideoPage,
} from './types.ts';

export class ApiError extends Error {
  readonly status: number; // 0: no answer came
  readonly body: ErrorBody;
  readonly retryAfter: number; // seconds; 0 when the server does not say

  constructor(status: number, body: ErrorBody, retryAfter = 0) {
    super(body.message);
    this.status = status;
    this.body = body;
    this.retryAfter = retryAfter;
  }
}

// Frames side by side in one picture, row after row.
export interface FrameStrip {
  picture: Blob;
  times: number[];
  total: number; // frames that there are, of which these are a part
  frameSize: [number, number] | null; // pixels; null: one row of equal frames
}

export type ClipMode = 'exact' | 'fast';
export interface Clip {
  file: Blob;
  sound: string; // what became of it: absent, copied, encoded, partly or lost
  codec: string; // of the video's sound
}

type Query = Record<string, string | number | undefined>;

interface RequestInput {
  query?: Query;
  json?: unknown;
  body?: Blob;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
  onSent?: ((bytes: number) => void) | undefined; // of the body, as it goes out
}

export class Api {
  // Asks the person for the key and opens a session; the request is repeated when there is one.
  onUnauthorized: () => Promise<boolean> = async () => false;
  language: () => string = () => 'en'; // of the messages of errors
  #send: typeof send;
  #sessions = 0; // opened so far

  constructor(sender = send) {
    this.#send = sender;
  }

  url(path: string, query: Query = {}): string {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined && value !== '') parameters.set(name, String(value));
    }
    const search = parameters.toString();
    return `/api/v1/${path}${search && `?${search}`}`;
  }

  async request(method: string, path: string, input: RequestInput = {}): Promise<Response> {
    const headers: Record<string, string> = { 'Accept-Language': this.language(), ...input.headers };
    if (input.json !== undefined) headers['Content-Type'] = 'application/json';
    const body = input.json === undefined ? (input.body ?? null) : JSON.stringify(input.json);
    for (;;) {
      const sessions = this.#sessions;
      let response: Response;
      try {
        const init = { method, headers, body, signal: input.signal ?? null };
        response = await this.#send(this.url(path, input.query), init, input.onSent);
      } catch (error) {
        if (input.signal?.aborted) throw error;
        throw new ApiError(0, { code: 'offline', message: '' });
      }
      if (response.ok) return response;
      // Another request may have opened the session in the meantime.
      const again = response.status === 401 && !input.headers?.Authorization;
      if (again && (this.#sessions !== sessions || (await this.onUnauthorized()))) continue;
      throw await errorOf(response);
    }
  }

  // False: the server refuses the key.
  async openSession(key: string): Promise<boolean> {
    try {
      await this.request('POST', 'session', { headers: { Authorization: `Bearer ${key}` } });
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return false;
      throw error;
    }
    ++this.#sessions;
    return true;
  }
  async closeSession(): Promise<void> {
    await this.request('DELETE', 'session');
  }

  async #json<T>(method: string, path: string, input?: RequestInput): Promise<T> {
    return (await this.request(method, path, input)).json() as Promise<T>;
  }

  videos(search = '', cursor?: string, limit = 50): Promise<VideoPage> {
    return this.#json('GET', 'videos', { query: { search, cursor, limit } });
  }
  video(id: string): Promise<Video> {
    return this.#json('GET', `videos/${part(id)}`);
  }
  async deleteVideo(id: string): Promise<void> {
    await this.request('DELETE', `videos/${part(id)}`);
  }
  contentUrl(id: string): string {
    return this.url(`videos/${part(id)}/content`);
  }
  // Of the whole video, or a part in seconds.
  thumbnails(id: string, count: number, height: number, range?: { from: number; to: number }, signal?: AbortSignal): Promise<FrameStrip> {
    const query = { count, height, ...(range && { from: range.from.toFixed(6), to: range.to.toFixed(6) }) };
    return this.#strip(`videos/${part(id)}/thumbnails`, query, signal);
  }
  // Where the picture changes at once, in at most 20 seconds.
  async cuts(id: string, from: number, to: number): Promise<number[]> {
    const query = { from: from.toFixed(3), to: to.toFixed(3) };
    return (await this.#json<{ cuts: number[] }>('GET', `videos/${part(id)}/cuts`, { query })).cuts;
  }
  frameTimes(id: string, from: number, limit: number): Promise<FrameTimes> {
    return this.#json('GET', `videos/${part(id)}/frame-times`, { query: { from, limit } });
  }
  // With what the clip really spans: a fast one may begin before.
  async clip(id: string, from: number, to: number, mode: ClipMode): Promise<Clip & { start: number; end: number }> {
    const query = { from: from.toFixed(3), to: to.toFixed(3), mode };
    const response = await this.request('GET', `videos/${part(id)}/clip`, { query });
    const time = (name: string, otherwise: number) => Number(response.headers.get(name) ?? otherwise);
    return { ...(await clipOf(response)), start: time('X-Clip-Start', from), end: time('X-Clip-End', to) };
  }
  // Several parts: a ZIP of a file for each, or one file with all of them.
  async clips(id: string, spans: { start: number; end: number }[], how: 'zip' | 'joined', mode: ClipMode): Promise<Clip> {
    const text = spans.map(({ start, end }) => `${start.toFixed(3)}-${end.toFixed(3)}`).join(',');
    const path = `videos/${part(id)}/${how === 'zip' ? 'clips.zip' : 'clip'}`;
    return clipOf(await this.request('GET', path, { query: { spans: text, mode } }));
  }
  // All moments of a job, as they are kept.
  async jobClips(id: string, how: 'zip' | 'joined', mode: ClipMode): Promise<Clip> {
    return clipOf(await this.request('GET', `jobs/${part(id)}/${how === 'zip' ? 'clips.zip' : 'clip'}`, { query: { mode } }));
  }

  async uploaded(name: string, size: number, signal?: AbortSignal): Promise<number> {
    const input = { query: { size }, signal };
    return (await this.#json<{ received: number }>('GET', `uploads/${part(name)}`, input)).received;
  }
  async forgetUpload(name: string, size: number): Promise<void> {
    await this.request('DELETE', `uploads/${part(name)}`, { query: { size } });
  }
  putPiece(
    name: string,
    piece: Blob,
    from: number,
    size: number,
    signal?: AbortSignal,
    onSent?: (bytes: number) => void,
  ): Promise<{ received: number } | { video: Video }> {
    const range = `bytes ${from}-${from + piece.size - 1}/${size}`;
    const headers = { 'Content-Range': range, 'Content-Type': 'application/octet-stream' };
    return this.#json('PUT', `videos/${part(name)}`, { body: piece, headers, signal, onSent });
  }

  async createJobs(
    request: { jobs: JobRequest[] } | { folder: string; queries: string[]; options: JobOptions },
  ): Promise<Job[]> {
    const input = { json: request, headers: { 'Idempotency-Key': randomKey() } };
    const send = () => this.#json<{ jobs: Job[] }>('POST', 'jobs', input);
    try {
      return (await send()).jobs;
    } catch (error) {
      // The answer may have been lost after the jobs were accepted; the key makes this harmless.
      if (error instanceof ApiError && error.status === 0) return (await send()).jobs;
      throw error;
    }
  }
  jobs(filter: JobFilter = {}, cursor?: string, limit = 50): Promise<JobPage> {
    return this.#json('GET', 'jobs', { query: { ...filter, cursor, limit } });
  }
  job(id: string): Promise<Job> {
    return this.#json('GET', `jobs/${part(id)}`);
  }
  cancel(id: string): Promise<Job> {
    return this.#json('POST', `jobs/${part(id)}/cancel`);
  }
  retry(id: string): Promise<Job> {
    return this.#json('POST', `jobs/${part(id)}/retry`);
  }
  async deleteJob(id: string): Promise<void> {
    await this.request('DELETE', `jobs/${part(id)}`);
  }
  async correct(id: string, events: Span[] | null): Promise<void> {
    await this.request('PUT', `jobs/${part(id)}/corrections`, { json: { events } });
  }
  // As many as fit into a picture, from number `from` on.
  frames(id: string, from: number): Promise<FrameStrip> {
    return this.#strip(`jobs/${part(id)}/frames`, { from });
  }
  // When each of those frames is on screen.
  async sampledTimes(id: string): Promise<number[]> {
    return (await this.#json<{ times: number[] }>('GET', `jobs/${part(id)}/frame-times`)).times;
  }
  // One job, or a list of them in one file.
  async exportJobs(ids: string | string[], format: ExportFormat): Promise<Blob> {
    const response =
      typeof ids === 'string'
        ? await this.request('GET', `jobs/${part(ids)}/export`, { query: { format } })
        : await this.request('GET', 'export', { query: { format, ids: ids.join(',') } });
    return response.blob();
  }

  model(): Promise<ModelInfo> {
    return this.#json('GET', 'model');
  }
  queue(): Promise<QueueInfo> {
    return this.#json('GET', 'queue');
  }

  // Opens itself again as long as the server lets it in.
  events(onEvent: (event: ServerEvent) => void): EventSource {
    const stream = new EventSource(this.url('events'));
    for (const type of ['job', 'text'] as const) {
      stream.addEventListener(type, ({ data }: MessageEvent<string>) => onEvent({ type, data: JSON.parse(data) } as ServerEvent));
    }
    return stream;
  }

  async #strip(path: string, query: Query, signal?: AbortSignal): Promise<FrameStrip> {
    const response = await this.request('GET', path, { query, signal });
    const times = (response.headers.get('X-Frame-Times') ?? '').split(',').map(Number);
    const size = /^(\d+)x(\d+)$/.exec(response.headers.get('X-Frame-Size') ?? '');
    return {
      picture: await response.blob(),
      times,
      total: Number(response.headers.get('X-Frame-Count') ?? times.length),
      frameSize: size ? [Number(size[1]), Number(size[2])] : null,
    };
  }
}

const part = encodeURIComponent;

async function clipOf(response: Response): Promise<Clip> {
  const [sound = '', ...details] = (response.headers.get('X-Clip-Sound') ?? '').split(/;\s*/);
  const codec = details.find((detail) => detail.startsWith('codec='))?.slice('codec='.length) ?? '';
  return { file: await response.blob(), sound, codec };
}

async function errorOf(response: Response): Promise<ApiError> {
  const retryAfter = Number(response.headers.get('Retry-After')) || 0;
  const fallback: ErrorBody = { code: 'internal', message: `HTTP ${response.status}` };
  const body = await response.json().then(
    (json: { error?: ErrorBody }) => json.error ?? fallback,
    () => fallback,
  );
  return new ApiError(response.status, body, retryAfter);
}

// crypto.randomUUID exists only on https and localhost.
function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
