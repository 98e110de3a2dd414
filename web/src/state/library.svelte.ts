// The videos of the server, and those on their way up.
import { ApiError } from '../api/client.ts';
import type { ErrorBody, Video } from '../api/types.ts';
import { uploadFile } from '../api/upload.ts';
import { t } from '../i18n/index.svelte.ts';
import { api, app, describe } from './app.svelte.ts';
import { nextPage } from './pages.ts';

export class VideoList {
  videos: Video[] = $state.raw([]);
  total = $state(0);
  loaded = $state(false);
  #next: string | null = $state(null);
  readonly hasMore = $derived(this.#next !== null);
  #search = '';
  #run = 0;

  async read(search: string): Promise<void> {
    // As many as are shown already, so that the list does not shrink under the reader.
    const limit = search === this.#search ? Math.min(1000, Math.max(60, this.videos.length)) : 60;
    this.#search = search;
    const run = ++this.#run;
    const page = await app.attempt(() => api.videos(search, undefined, limit));
    if (!page || run !== this.#run) return;
    this.videos = page.videos;
    this.#next = page.next;
    this.total = page.total;
    this.loaded = true;
  }

  async more(): Promise<void> {
    const page = await nextPage(
      () => ({ next: this.#next, wanted: this.#search }),
      (cursor) => api.videos(this.#search, cursor, 120),
    );
    if (!page) return;
    this.videos = [...this.videos, ...page.videos];
    this.#next = page.next;
  }
}

export type UploadState = 'waiting' | 'sending' | 'again' | 'checking' | 'done' | 'failed';

export class Upload {
  readonly file: File;
  readonly control = new AbortController();
  sent = $state(0);
  state: UploadState = $state('waiting');
  error: ErrorBody | null = $state(null);
  video: Video | null = $state(null);

  constructor(file: File) {
    this.file = file;
  }
}

const atOnce = 2;

class Library {
  uploads: Upload[] = $state([]);
  revision = $state(0); // grows when the list of videos should be read again

  add(files: Iterable<File>): void {
    const added = [...files].map((file) => new Upload(file));
    this.uploads.push(...added);
    const [only] = added;
    void this.#work().then(() => {
      // Who drops one video wants to ask about it.
      if (added.length === 1 && only?.video && app.route.view === 'library') {
        app.go({ view: 'workspace', video: only.video.id });
      }
    });
  }

  stop(upload: Upload): void {
    upload.control.abort();
    this.#drop(upload);
    // What lies on the server is of no use any more; should this fail, it forgets by itself.
    api.forgetUpload(upload.file.name, upload.file.size).catch(() => {});
  }

  again(upload: Upload): void {
    this.#drop(upload);
    this.add([upload.file]);
  }

  dismiss(upload: Upload): void {
    this.#drop(upload);
  }

  async remove(video: Video): Promise<void> {
    await app.attempt(() => api.deleteVideo(video.id));
    ++this.revision;
  }

  #drop(upload: Upload): void {
    this.uploads = this.uploads.filter((other) => other !== upload);
  }

  async #work(): Promise<void> {
    const sending = this.uploads.filter((upload) => upload.state !== 'waiting' && isGoing(upload));
    const next = this.uploads.find((upload) => upload.state === 'waiting');
    if (!next || sending.length >= atOnce) return;
    next.state = 'sending';
    const others = this.#work();
    await this.#send(next);
    await Promise.all([others, this.#work()]);
  }

  async #send(upload: Upload): Promise<void> {
    const { file, control } = upload;
    if (file.size === 0) return this.#fail(upload, new ApiError(422, { code: '', message: t('upload.empty') }));
    try {
      upload.video = await uploadFile(file, api, {
        signal: control.signal,
        onProgress: (sent) => {
          upload.sent = sent;
          upload.state = sent < file.size ? 'sending' : 'checking';
        },
        onWaiting: (waiting) => (upload.state = waiting ? 'again' : 'sending'),
        wait: (seconds, signal) => waitFor(seconds, signal),
      });
      upload.state = 'done';
      ++this.revision;
    } catch (error) {
      this.#fail(upload, error);
    }
  }

  #fail(upload: Upload, error: unknown): void {
    upload.state = 'failed';
    upload.error = describe(error);
  }
}

export function isGoing({ state }: Upload): boolean {
  return state !== 'done' && state !== 'failed';
}

function waitFor(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    });
  });
}

export const library = new Library();
