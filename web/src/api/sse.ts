// Server-sent events over fetch. (EventSource can send no Authorization header.)

export interface SseMessage {
  event: string;
  data: string;
}

// Splits a stream of text into messages, however it was cut into pieces.
export class SseParser {
  #rest = '';
  #event = '';
  #data: string[] = [];

  push(piece: string): SseMessage[] {
    const messages: SseMessage[] = [];
    const text = this.#rest + piece;
    // A lone CR at the end may be half of a CRLF.
    const usable = text.endsWith('\r') ? text.length - 1 : text.length;
    const lines = text.slice(0, usable).split(/\r\n|\n|\r/);
    this.#rest = (lines.pop() ?? '') + text.slice(usable);
    for (const line of lines) {
      if (line === '') {
        if (this.#data.length > 0) {
          messages.push({ event: this.#event || 'message', data: this.#data.join('\n') });
        }
        this.#event = '';
        this.#data = [];
        continue;
      }
      const colon = line.indexOf(':');
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (field === 'event') this.#event = value;
      else if (field === 'data') this.#data.push(value);
    }
    return messages;
  }
}

// Calls `onMessage` for each message until the body ends; throws what reading throws.
export async function readMessages(
  body: ReadableStream<Uint8Array>,
  onMessage: (message: SseMessage) => void,
): Promise<void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parser = new SseParser();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    parser.push(decoder.decode(value, { stream: true })).forEach(onMessage);
  }
}
