import { describe, expect, it } from 'vitest';
import { readMessages, SseParser, type SseMessage } from './sse.ts';

const stream = 'event: job\r\ndata: {"id":"a"}\r\n\r\n: alive\n\nevent: text\ndata: 一\ndata:two\n\ndata: x\n\nevent: lost\n';
const expected: SseMessage[] = [
  { event: 'job', data: '{"id":"a"}' },
  { event: 'text', data: '一\ntwo' },
  { event: 'message', data: 'x' },
];

describe('SseParser', () => {
  it('reads messages wherever the stream is cut', () => {
    for (let size = 1; size <= stream.length; ++size) {
      const parser = new SseParser();
      const messages: SseMessage[] = [];
      for (let at = 0; at < stream.length; at += size) {
        messages.push(...parser.push(stream.slice(at, at + size)));
      }
      expect(messages, `pieces of ${size}`).toEqual(expected);
    }
  });
});

describe('readMessages', () => {
  it('joins characters that were cut in the middle', async () => {
    const bytes = new TextEncoder().encode(stream);
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    const messages: SseMessage[] = [];
    await readMessages(body, (message) => messages.push(message));
    expect(messages).toEqual(expected);
  });
});
