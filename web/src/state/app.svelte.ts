// What the whole page shares: the API, where one is, errors to show, the model, the key.
import { Api, ApiError } from '../api/client.ts';
import type { ErrorBody, ModelInfo } from '../api/types.ts';
import { t } from '../i18n/index.svelte.ts';
import { parseRoute, routeHash, type Route } from './route.ts';

export const api = new Api();

const keyStorage = 'shijian.key';

class App {
  route: Route = $state(parseRoute(location.hash));
  errors: (ErrorBody & { n: number })[] = $state([]);
  announcement = $state(''); // read out by screen readers
  model: ModelInfo | null = $state(null);
  dialog: 'settings' | 'help' | null = $state(null);
  // While the key is asked for: what to call with it.
  keyPrompt: { wrong: boolean; use: (key: string | null) => void } | null = $state(null);
  #asked: Promise<string | null> | null = null;
  #count = 0;

  start(): void {
    addEventListener('hashchange', () => (this.route = parseRoute(location.hash)));
    try {
      api.key = localStorage.getItem(keyStorage) ?? '';
    } catch {
      // No storage: the key is asked for each time.
    }
    api.onUnauthorized = () => (this.#asked ??= this.#askKey().finally(() => (this.#asked = null)));
    this.attempt(async () => (this.model = await api.model()));
  }

  go(route: Route, replace = false): void {
    if (replace) history.replaceState(null, '', routeHash(route));
    else history.pushState(null, '', routeHash(route));
    this.route = route;
  }

  // Runs what may fail and shows the failure; undefined then.
  async attempt<T>(action: () => Promise<T>): Promise<T | undefined> {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof DOMException && error.name === 'AbortError')) this.show(error);
      return undefined;
    }
  }

  show(error: unknown): void {
    const body = describe(error);
    // The same fault of several requests is shown once.
    if (this.errors.some((shown) => shown.message === body.message)) return;
    this.errors.push({ ...body, n: ++this.#count });
  }

  dismiss(n: number): void {
    this.errors = this.errors.filter((error) => error.n !== n);
  }

  #askKey(): Promise<string | null> {
    return new Promise((resolve) => {
      const use = (key: string | null) => {
        this.keyPrompt = null;
        if (key) {
          api.key = key;
          try {
            localStorage.setItem(keyStorage, key);
          } catch {
            // As above.
          }
        }
        resolve(key);
      };
      this.keyPrompt = { wrong: api.key !== '', use };
    });
  }
}

// What a person reads: the server's words, or ours when it did not answer.
export function describe(error: unknown): ErrorBody {
  if (error instanceof ApiError) {
    if (error.status !== 0) return error.body;
    return { code: 'offline', message: t('error.offline'), hint: t('error.offline.hint') };
  }
  return { code: 'internal', message: String(error) };
}

export const app = new App();
