// Every job that the page has met, kept up to date by one event stream.
import { SvelteMap } from 'svelte/reactivity';
import { ApiError } from '../api/client.ts';
import type { Job, JobFilter, ServerEvent } from '../api/types.ts';
import { api, app } from './app.svelte.ts';
import { reduce, sharesOf, usualShares, type Live, type Shares } from './progress.ts';

const isActive = (job: { state: Job['state'] }) => job.state === 'queued' || job.state === 'running';

class Jobs {
  readonly byId = new SvelteMap<string, Job>();
  readonly live = new SvelteMap<string, Live>(); // only while active
  connected = $state(true);
  // Grows when lists should be read again: a job came, went, or changed its state.
  revision = $state(0);
  shares: Shares = $state(usualShares);
  readonly active = $derived([...this.live.values()].filter(isActive).length);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stream: AbortController | null = null;

  // Holds one stream open while the page can be seen: a browser allows few connections to a
  // server, and hidden tabs would use them up.
  start(): void {
    const follow = () => {
      if (document.hidden) this.#stream?.abort();
      else if (!this.#stream || this.#stream.signal.aborted) void this.#follow();
    };
    document.addEventListener('visibilitychange', follow);
    follow();
  }

  async #follow(): Promise<void> {
    const stream = new AbortController();
    this.#stream = stream;
    for (let failures = 0; !stream.signal.aborted; ) {
      const opened = Date.now();
      const onOpen = () => {
        this.connected = true;
        // The new stream starts with the present state; what ended meanwhile is asked for.
        const before = [...this.live.keys()];
        this.live.clear();
        for (const id of before) void this.refresh(id);
        this.#changed();
      };
      await api.events(onOpen, (event) => this.receive(event), stream.signal).catch(() => {});
      if (stream.signal.aborted) return;
      failures = Date.now() - opened > 10_000 ? 1 : failures + 1;
      if (failures > 1) this.connected = false;
      await new Promise((resolve) => setTimeout(resolve, Math.min(10, failures) * 1000));
    }
  }

  receive(event: ServerEvent): void {
    const { id } = event.data;
    const live = reduce(this.live.get(id), event, performance.now(), this.shares);
    const known = this.byId.get(id);
    if (isActive(live)) {
      const changed = this.live.get(id)?.state !== live.state;
      this.live.set(id, live);
      if (known && changed) this.byId.set(id, { ...known, state: live.state, error: null });
      if (changed) this.#changed();
    } else {
      // Stays until the result is here, so that the answer does not vanish in between.
      this.live.set(id, live);
      void this.refresh(id);
      this.#changed();
    }
  }

  #changed(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => ++this.revision, 250);
  }

  put(job: Job): Job {
    this.byId.set(job.id, job);
    return job;
  }

  // A lost connection is told by the stream, and the job asked for again when it is back.
  async refresh(id: string): Promise<Job | undefined> {
    try {
      const job = this.put(await api.job(id));
      if (job.state === 'done' && job.result) this.shares = sharesOf(job.result);
      if (!isActive(job)) this.live.delete(id);
      return job;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) {
        this.byId.delete(id);
        this.live.delete(id);
      }
      return undefined;
    }
  }

  async cancel(id: string): Promise<void> {
    await app.attempt(async () => this.put(await api.cancel(id)));
  }
  async retry(id: string): Promise<void> {
    await app.attempt(async () => this.put(await api.retry(id)));
  }
  async remove(id: string): Promise<boolean> {
    const removed = await app.attempt(async () => {
      await api.deleteJob(id);
      this.byId.delete(id);
      this.#changed();
      return true;
    });
    return removed ?? false;
  }
}

export const jobs = new Jobs();

// A list of jobs as the server filters it, read again when something changes.
export class JobList {
  total = $state(0);
  loaded = $state(false);
  #ids: string[] = $state([]);
  #next: string | null = $state(null);
  readonly items = $derived(this.#ids.flatMap((id) => jobs.byId.get(id) ?? []));
  readonly hasMore = $derived(this.#next !== null);
  #filter: JobFilter = {};
  #run = 0;

  async read(filter: JobFilter): Promise<void> {
    // As many as are shown already, so that the list does not shrink under the reader.
    const same = JSON.stringify(filter) === JSON.stringify(this.#filter);
    const limit = same ? Math.min(100, Math.max(50, this.#ids.length)) : 50;
    this.#filter = filter;
    const run = ++this.#run;
    const page = await app.attempt(() => api.jobs(filter, undefined, limit));
    if (!page || run !== this.#run) return;
    this.#take(page.jobs, []);
    this.#next = page.next;
    this.total = page.total;
    this.loaded = true;
  }

  async more(): Promise<void> {
    const run = this.#run;
    const page = await app.attempt(() => api.jobs(this.#filter, this.#next ?? undefined));
    if (!page || run !== this.#run) return;
    this.#take(page.jobs, this.#ids);
    this.#next = page.next;
  }

  #take(list: Job[], before: string[]): void {
    for (const job of list) jobs.put(job);
    this.#ids = [...new Set([...before, ...list.map((job) => job.id)])];
  }
}
