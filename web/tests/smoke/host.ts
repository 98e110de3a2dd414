// The built page in front of the fake server, with the headers that the real one sends, and a
// Chromium that looks at it.
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { chromium, type Browser } from 'playwright-core';
import { FakeServer } from '../fake/server.ts';

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};
const policy = "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:";

export class Host {
  readonly fake: FakeServer;
  readonly #server: Server;

  constructor(folder: string, pace = 60) {
    this.fake = new FakeServer(pace);
    this.#server = createServer((request, response) => {
      if (this.fake.handle(request, response)) return;
      const path = request.url === '/' ? '/index.html' : (request.url ?? '').split('?')[0]!;
      readFile(join(folder, path)).then(
        (content) => {
          response.writeHead(200, {
            'Content-Type': types[extname(path)] ?? 'application/octet-stream',
            'Content-Security-Policy': policy,
          });
          response.end(content);
        },
        () => response.writeHead(404).end(),
      );
    });
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  async stop(): Promise<void> {
    await this.fake.close();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync',
    ],
  });
}
