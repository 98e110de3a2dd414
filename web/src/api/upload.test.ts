import { File as NodeFile } from 'node:buffer';
import { beforeEach, describe, expect, it } from 'vitest';
import { ApiError } from './client.ts';
import type { Video } from './types.ts';
import { pieceSize, uploadFile, type UploadTransport } from './upload.ts';

const size = 2.5 * pieceSize;
// Node 18 has no global one.
const file = new NodeFile([new Uint8Array(size)], '进球 1.mp4') as unknown as File;
const failure = (status: number, retryAfter = 0) =>
  new ApiError(status, { code: '', message: '' }, retryAfter);

// A server that keeps what it was given; `faults` are thrown by the calls to come, null lets one by.
class Server implements UploadTransport {
  held = 0;
  offsets: number[] = [];
  forgotten = 0;
  faults: (ApiError | null)[] = [];

  async uploaded() {
    return this.held;
  }
  async forgetUpload() {
    ++this.forgotten;
    this.held = 0;
  }
  async putPiece(
    name: string,
    piece: Blob,
    from: number,
    total: number,
    _signal?: AbortSignal,
    onSent?: (bytes: number) => void,
  ) {
    const fault = this.faults.shift();
    if (fault) throw fault;
    expect([name, total]).toEqual([file.name, size]);
    expect(piece.size).toBeLessThanOrEqual(pieceSize);
    if (from !== this.held) throw failure(409);
    this.offsets.push(from / pieceSize);
    this.held += piece.size;
    onSent?.(piece.size);
    return this.held === total ? { video: { id: 'v' } as Video } : { received: this.held };
  }
}

let server: Server;
let waits: number[];
let progress: number[];
const send = (signal = new AbortController().signal) =>
  uploadFile(file, server, {
    signal,
    onProgress: (received) => progress.push(received / pieceSize),
    onWaiting: () => {},
    wait: async (seconds) => void waits.push(seconds),
  });

beforeEach(() => {
  server = new Server();
  waits = [];
  progress = [];
});

describe('uploadFile', () => {
  it('sends pieces of 4 MiB in order', async () => {
    expect((await send()).id).toBe('v');
    expect(server.offsets).toEqual([0, 1, 2]);
    expect(progress).toEqual([0, 1, 1, 2, 2, 2.5]);
  });

  it('goes on where an earlier upload of the same file stopped', async () => {
    server.held = pieceSize;
    await send();
    expect(server.offsets).toEqual([1, 2]);
  });

  it('waits longer and longer while the server is away, and no less than it asks for', async () => {
    server.faults = [null, failure(0), failure(503), failure(429, 20)];
    await send();
    expect(server.offsets).toEqual([0, 1, 2]);
    expect(waits).toEqual([1, 2, 20]);
  });

  it('asks for the offset again when the server has another one', async () => {
    server.putPiece = async function (name, piece, from, total) {
      this.held = pieceSize; // another tab was faster
      this.putPiece = Server.prototype.putPiece;
      return this.putPiece(name, piece, from, total);
    };
    await send();
    expect(server.offsets).toEqual([1, 2]);
  });

  it('starts again when all bytes are there but the end was lost', async () => {
    server.held = size;
    await send();
    expect(server.forgotten).toBe(1);
    expect(server.offsets).toEqual([0, 1, 2]);
  });

  it('gives up at once on a file that is no video', async () => {
    server.faults = [failure(415)];
    await expect(send()).rejects.toMatchObject({ status: 415 });
    expect(waits).toEqual([]);
  });

  it('gives up after eight tries in a row without a piece', async () => {
    server.faults = Array.from({ length: 20 }, () => failure(0));
    await expect(send()).rejects.toMatchObject({ status: 0 });
    expect(waits).toHaveLength(8);
  });
});
