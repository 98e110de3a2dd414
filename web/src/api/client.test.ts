import { webcrypto } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Api, ApiError } from './client.ts';

(globalThis.crypto as Crypto | undefined) ??= webcrypto as Crypto; // Node 18 has no global one

interface Call {
  url: string;
  init: RequestInit;
}

function apiWith(...answers: (Response | Error)[]): { api: Api; calls: Call[] } {
  const calls: Call[] = [];
  const api = new Api(async (url, init) => {
    calls.push({ url: String(url), init: init ?? {} });
    const answer = answers.shift();
    if (!answer) throw new Error('one call too many');
    if (answer instanceof Error) throw answer;
    return answer;
  });
  return { api, calls };
}
const json = (body: unknown, init?: ResponseInit) => new Response(JSON.stringify(body), init);
const header = (call: Call | undefined, name: string) => new Headers(call?.init.headers).get(name);

describe('Api', () => {
  it('encodes names and leaves empty parameters out', async () => {
    const { api, calls } = apiWith(json({ received: 7 }), json({ videos: [] }));
    expect(await api.uploaded('a/b 进球?.mp4', 9)).toBe(7);
    await api.videos('');
    expect(calls.map((call) => call.url)).toEqual([
      '/api/v1/uploads/a%2Fb%20%E8%BF%9B%E7%90%83%3F.mp4?size=9',
      '/api/v1/videos?limit=50',
    ]);
  });

  it('sends Content-Range with the last byte included', async () => {
    const { api, calls } = apiWith(json({ received: 15 }));
    await api.putPiece('a.mp4', new Blob(['01234']), 10, 20);
    expect(header(calls[0], 'Content-Range')).toBe('bytes 10-14/20');
  });

  it('exports one job as itself and a list as a list', async () => {
    const { api, calls } = apiWith(json({}), json([{}]));
    await api.exportJobs('a', 'json');
    await api.exportJobs(['a'], 'json');
    expect(calls.map((call) => call.url)).toEqual(['/api/v1/jobs/a/export?format=json', '/api/v1/export?format=json&ids=a']);
  });

  it('turns an error body into an ApiError', async () => {
    const error = { code: 'busy', message: 'queue full', hint: 'wait', request_id: 'r' };
    const { api } = apiWith(json({ error }, { status: 429, headers: { 'Retry-After': '3' } }));
    const thrown = (await api.queue().catch((e: unknown) => e)) as ApiError;
    expect(thrown).toBeInstanceOf(ApiError);
    expect(thrown).toMatchObject({ status: 429, body: error, retryAfter: 3 });
  });

  it('asks for errors in the language of the page', async () => {
    const { api, calls } = apiWith(json({}), json({}));
    await api.queue();
    api.language = () => 'zh';
    await api.queue();
    expect(calls.map((call) => header(call, 'Accept-Language'))).toEqual(['en', 'zh']);
  });

  it('survives an error page that is not JSON', async () => {
    const { api } = apiWith(new Response('<html>', { status: 502 }));
    await expect(api.queue()).rejects.toMatchObject({ status: 502, message: 'HTTP 502' });
  });

  it('opens a session on 401 and repeats the request', async () => {
    const refused = () => new Response('{}', { status: 401 });
    const { api, calls } = apiWith(refused(), refused(), new Response(null, { status: 204 }), json({ queued: 1 }));
    api.onUnauthorized = async () => {
      expect(await api.openSession('wrong')).toBe(false);
      return api.openSession('secret');
    };
    expect(await api.queue()).toEqual({ queued: 1 });
    expect(calls.map(({ url }) => url)).toEqual(['queue', 'session', 'session', 'queue'].map((path) => `/api/v1/${path}`));
    expect(calls.map((call) => header(call, 'Authorization'))).toEqual([null, 'Bearer wrong', 'Bearer secret', null]);
  });

  it('repeats a submission whose answer was lost, under the same idempotency key', async () => {
    const { api, calls } = apiWith(new TypeError('network'), json({ jobs: [] }));
    await api.createJobs({ jobs: [] });
    const keys = calls.map((call) => header(call, 'Idempotency-Key'));
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(keys[1]).toBe(keys[0]);
  });

  it('tells what became of the sound of a clip', async () => {
    const headers = { 'X-Clip-Sound': 'lost; codec=qclp; reason=no-decoder', 'X-Clip-Start': '1.000', 'X-Clip-End': '2.500' };
    const { api, calls } = apiWith(new Response('mp4', { headers }), new Response('zip'));
    expect(await api.clip('v', 1, 2.5, 'exact')).toMatchObject({ sound: 'lost', codec: 'qclp', start: 1, end: 2.5 });
    expect(await api.clips('v', [{ start: 1, end: 2 }, { start: 4.5, end: 6 }], 'zip', 'fast')).toMatchObject({ sound: '' });
    expect(calls[1]!.url).toBe('/api/v1/videos/v/clips.zip?spans=1.000-2.000%2C4.500-6.000&mode=fast');
  });

  it('reads the times and the frame size of a strip', async () => {
    const headers = { 'X-Frame-Times': '0.000, 0.500,1.000', 'X-Frame-Size': '128x96', 'X-Frame-Count': '60' };
    const { api } = apiWith(new Response('jpeg', { headers }));
    const strip = await api.frames('j', 0);
    expect(strip.times).toEqual([0, 0.5, 1]);
    expect(strip.total).toBe(60);
    expect(strip.frameSize).toEqual([128, 96]);
  });
});
