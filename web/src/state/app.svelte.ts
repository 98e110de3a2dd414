// What the whole page shares: the API, where one is, errors to show, the model, the key.
import { Api, ApiError } from '../api/client.ts';
import type { ErrorBody, ModelInfo } from '../api/types.ts';
import { t } from '../i18n/index.svelte.ts';
import { parseRoute, routeHash, type Route } from './route.ts';
import { settings } from './settings.svelte.ts';

export const api = new Api();

const sessionStorageKey = 'shijian.session';

class App {
  route: Route = $state(parseRoute(location.hash));
  errors: (ErrorBody & { n: number })[] = $state([]);
  announcement = $state(''); // read out by screen readers
  model: ModelInfo | null = $state(null);
  dialog: 'settings' | 'help' | null = $state(null);
  // While the key is asked for: what to call with it.
  keyPrompt: { wrong: boolean; use: (key: string | null) => void } | null = $state(null);
  // Whether this browser gave a key; the session itself no script can see.
  signedIn = $state(stored());
  #asked: Promise<boolean> | null = null;
  #count = 0;

  start(): void {
    addEventListener('hashchange', () => (this.route = parseRoute(location.hash)));
    api.language = () => settings.language;
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

  async signOut(): Promise<void> {
    const closed = await this.attempt(async () => {
      await api.closeSession();
      return true;
    });
    if (!closed) return;
    this.#remember(false);
    location.reload();
  }

  // False when the person gives up.
  async #askKey(): Promise<boolean> {
    for (let wrong = false; ; wrong = true) {
      const key = await new Promise<string | null>((use) => (this.keyPrompt = { wrong, use }));
      this.keyPrompt = null;
      if (key === null) return false;
      const opened = await this.attempt(() => api.openSession(key));
      if (opened === false) continue;
      if (opened) this.#remember(true);
      return opened ?? false;
    }
  }

  #remember(signedIn: boolean): void {
    this.signedIn = signedIn;
    try {
      if (signedIn) localStorage.setItem(sessionStorageKey, '1');
      else localStorage.removeItem(sessionStorageKey);
    } catch {
      // No storage: it is remembered as long as the page.
    }
  }
}

function stored(): boolean {
  try {
    return localStorage.getItem(sessionStorageKey) !== null;
  } catch {
    return false;
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
