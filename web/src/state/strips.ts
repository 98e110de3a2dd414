// Pictures that hold several frames, loaded once each and a few at a time.
import type { FrameStrip } from '../api/client.ts';
import { api } from './app.svelte.ts';
import type { View } from './timeline.ts';

export interface Strip {
  url: string; // of the whole picture
  image: HTMLImageElement;
  times: number[];
  total: number; // frames that there are, of which these are a part
  columns: number;
  rows: number;
  width: number; // of one frame, pixels
  height: number;
}

const strips = new Map<string, Promise<Strip>>(); // the last used last
const mostKept = 400;
const waiting: (() => void)[] = [];
let running = 0;
const atOnce = 3; // a browser allows six connections to a server, and others need them too

function load(key: string, fetchStrip: () => Promise<FrameStrip>): Promise<Strip> {
  const known = strips.get(key);
  const strip = known ?? inTurn(async () => layOut(await fetchStrip()));
  strips.delete(key);
  strips.set(key, strip);
  if (!known) {
    strip.catch(() => strips.get(key) === strip && strips.delete(key)); // asked for again next time
    forgetOldest();
  }
  return strip;
}

function forgetOldest(): void {
  for (const [key, strip] of strips) {
    if (strips.size <= mostKept) return;
    strips.delete(key);
    strip.then(({ url }) => URL.revokeObjectURL(url), () => {});
  }
}

// The strip that lists show a video by. Its first frame is often black, so the second stands for it.
export const coverCount = 6;
export const coverHeight = 150;
export const coverIndex = 1;

export const thumbnails = (id: string, count: number, height: number) =>
  load(`thumbnails ${id} ${count} ${height}`, () => api.thumbnails(id, count, height));

export const thumbnailsOf = (id: string, count: number, height: number, range: View, signal: AbortSignal) =>
  load(`thumbnails ${id} ${count} ${height} ${range.from} ${range.to}`, () => {
    signal.throwIfAborted(); // while it waited for its turn
    return api.thumbnails(id, count, height, range, signal);
  });

export const sampledFrames = (jobId: string, from: number) =>
  load(`frames ${jobId} ${from}`, () => api.frames(jobId, from));

async function inTurn<T>(action: () => Promise<T>): Promise<T> {
  if (running >= atOnce) await new Promise<void>((go) => waiting.push(go));
  ++running;
  try {
    return await action();
  } finally {
    --running;
    waiting.shift()?.();
  }
}

async function layOut({ picture, times, total, frameSize }: FrameStrip): Promise<Strip> {
  const url = URL.createObjectURL(picture);
  const image = new Image();
  image.src = url;
  await image.decode();
  const [width, height] = frameSize ?? [image.naturalWidth / times.length, image.naturalHeight];
  const columns = Math.max(1, Math.round(image.naturalWidth / width));
  return { url, image, times, total, columns, rows: Math.ceil(times.length / columns), width, height };
}
