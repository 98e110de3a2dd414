// fetch, and where the progress of a body is wanted, which fetch does not tell, XMLHttpRequest.

export interface SendInit {
  method: string;
  headers: Record<string, string>;
  body: Blob | string | null;
  signal: AbortSignal | null;
}

// Rejects when no answer came.
export function send(
  url: string,
  init: SendInit,
  onSent?: (bytes: number) => void,
): Promise<Response> {
  return onSent ? sendWatched(url, init, onSent) : fetch(url, init);
}

function sendWatched(
  url: string,
  { method, headers, body, signal }: SendInit,
  onSent: (bytes: number) => void,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onSent(event.loaded);
    request.onerror = () => reject(new TypeError('no answer'));
    request.onabort = () => reject(signal?.reason as Error);
    request.onload = () => {
      const retryAfter = request.getResponseHeader('Retry-After');
      resolve(
        new Response(request.responseText, {
          status: request.status,
          ...(retryAfter && { headers: { 'Retry-After': retryAfter } }),
        }),
      );
    };
    request.onloadend = () => signal?.removeEventListener('abort', abort);
    signal?.addEventListener('abort', abort);
    request.send(body);
  });
}
