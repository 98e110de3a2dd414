// A file goes up in pieces and goes on where it stopped: after a network fault, after a reload of
// the page (the same file is dropped again), after a restart of the server.
import { ApiError } from './client.ts';
import type { Video } from './types.ts';

export const pieceSize = 4 * 1024 * 1024;
const waits = [1, 2, 4, 8, 15, 30, 30, 30]; // seconds before the next try

export interface UploadTransport {
  uploaded(name: string, size: number, signal?: AbortSignal): Promise<number>;
  forgetUpload(name: string, size: number): Promise<void>;
  putPiece(
    name: string,
    piece: Blob,
    from: number,
    size: number,
    signal?: AbortSignal,
    onSent?: (bytes: number) => void,
  ): Promise<{ received: number } | { video: Video }>;
}

export interface UploadHooks {
  signal: AbortSignal;
  onProgress(sent: number): void; // all of it: the server checks the file
  onWaiting(waiting: boolean): void; // between two tries
  wait(seconds: number, signal: AbortSignal): Promise<void>;
}

export async function uploadFile(
  file: File,
  transport: UploadTransport,
  hooks: UploadHooks,
): Promise<Video> {
  let failures = 0;
  for (;;) {
    try {
      return await goOn(file, transport, hooks, () => (failures = 0));
    } catch (error) {
      const seconds = waits[failures++];
      if (hooks.signal.aborted || !isPassing(error) || seconds === undefined) throw error;
      hooks.onWaiting(true);
      await hooks.wait(Math.max(seconds, (error as ApiError).retryAfter), hooks.signal);
      hooks.onWaiting(false);
    }
  }
}

async function goOn(
  file: File,
  transport: UploadTransport,
  { signal, onProgress }: UploadHooks,
  onPiece: () => void,
): Promise<Video> {
  let received = await transport.uploaded(file.name, file.size, signal);
  if (received >= file.size) {
    // All bytes lie there, but the piece that would have ended the upload was lost.
    await transport.forgetUpload(file.name, file.size);
    received = 0;
  }
  for (;;) {
    onProgress(received);
    const from = received;
    const piece = file.slice(from, from + pieceSize);
    const onSent = (bytes: number) => onProgress(Math.min(from + bytes, from + piece.size));
    const answer = await transport.putPiece(file.name, piece, from, file.size, signal, onSent);
    onPiece();
    if ('video' in answer) return answer.video;
    received = answer.received;
  }
}

// 409: the server is at another offset, so ask it again.
function isPassing(error: unknown): boolean {
  return error instanceof ApiError && [0, 409, 429, 500, 502, 503].includes(error.status);
}
