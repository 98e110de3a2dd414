// Calls of a server that a script has started.
import { request } from 'node:http';

// The port that `shijian serve` says it listens on.
export const portOf = (server) =>
  new Promise((resolve, reject) => {
    server.stdout.once('data', (line) => resolve(Number(/:(\d+)/.exec(line.toString().split('//')[1])[1])));
    server.once('exit', () => reject(new Error('the server did not start')));
  });

// Calls by that agent: call(method, path, body, headers) -> { status, ms, text }.
export const caller = (port, agent) => (method, path, body, headers = {}) =>
  new Promise((resolve, reject) => {
    const begin = performance.now();
    const sent = request({ port, method, path, headers, agent }, (response) => {
      const pieces = [];
      response.on('data', (piece) => pieces.push(piece));
      response.on('end', () =>
        resolve({ status: response.statusCode, ms: performance.now() - begin, text: Buffer.concat(pieces).toString() }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
