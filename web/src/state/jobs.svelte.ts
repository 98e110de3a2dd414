// Every job that the page has met, kept up to date by one event stream.
import { SvelteMap } from 'svelte/reactivity';
import { ApiError } from '../api/client.ts';
import type { Job, JobFilter, ServerEvent } from '../api/types.ts';
import { api, app } from './app.svelte.ts';
import { nextPage } from './pages.ts';
import { reduce, sharesOf, usualShares, type Live, type Shares } from './progress.ts';

const settled = 250; // ms after which no further change is waited for

const isActive = (job: { state: Job['state'] }) => job.state === 'queued' || job.state === 'running';

class Jobs {
  readonly byId = new SvelteMap<string, Job>();
  readonly live = new SvelteMap<string, Live>(); // only while active
  connected = $state(true);
  // Grows when lists should be read again: a job came, went, or changed its state.
  revision = $state(0);
  shares: Shares = $state(usualShares);
  // How many of `live` are active: counted as they change, since there may be thousands.
  active = $state(0);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stream: EventSource | null = null;
  #lost: ReturnType<typeof setTimeout> | undefined;

  // Holds one stream open while the page can be seen: a browser allows few connections to a
  // server, and hidden tabs would use them up.
  start(): void {
    const follow = () => (document.hidden ? this.#close() : this.#open());
    document.addEventListener('visibilitychange', follow);
    follow();
  }

  #open(): void {
    if (this.#stream) return;
    const stream = api.events((event) => this.receive(event));
    this.#stream = stream;
    stream.onopen = () => {
      clearTimeout(this.#lost);
      this.#lost = undefined;
      this.connected = true;
      const waiting = [...this.byId.values()].filter(isActive).map(({ id }) => id);
      const before = new Set([...this.live.keys(), ...waiting]);
      this.live.clear();
      this.active = 0;
      // The new stream starts with all jobs that are active. Those that it does not name have ended meanwhile,
      // be it before there was a stream, and are asked for.
      setTimeout(() => {
        for (const id of before) if (!this.live.has(id)) void this.refresh(id);
      }, settled);
      this.#changed();
    };
    stream.onerror = () => {
      this.#lost ??= setTimeout(() => (this.connected = false), 1500);
      if (stream.readyState === EventSource.CLOSED) void this.#refused(stream);
    };
  }

  // The browser does not try again where the server answered with an error. Another request tells
  // which one, and asks for the key if that is it.
  async #refused(stream: EventSource): Promise<void> {
    await Promise.all([api.queue().catch(() => {}), new Promise((resolve) => setTimeout(resolve, 1000))]);
    if (this.#stream !== stream) return;
    this.#close();
    if (!document.hidden) this.#open();
  }

  #close(): void {
    this.#stream?.close();
    this.#stream = null;
  }

  receive(event: ServerEvent): void {
    const { id } = event.data;
    const live = reduce(this.live.get(id), event, performance.now(), this.shares);
    const known = this.byId.get(id);
    if (isActive(live)) {
      const changed = this.live.get(id)?.state !== live.state;
      this.#follow(id, live);
      if (known && changed) this.byId.set(id, { ...known, state: live.state, error: null });
      if (changed) this.#changed();
    } else {
      // Stays until the result is here, so that the answer does not vanish in between.
      this.#follow(id, live);
      void this.refresh(id);
      this.#changed();
    }
  }

  #follow(id: string, live: Live | undefined): void {
    const before = this.live.get(id);
    this.active += Number(live !== undefined && isActive(live)) - Number(before !== undefined && isActive(before));
    if (live) this.live.set(id, live);
    else this.live.delete(id);
  }

  #changed(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => ++this.revision, settled);
  }

  // Takes what a response says about a job. An ended job becomes active again by `retry` or by an event of the
  // stream alone: a response that says so was sent before the end and came after it.
  put(job: Job): Job {
    const known = this.byId.get(job.id);
    if (known && !isActive(known) && isActive(job)) return known;
    this.byId.set(job.id, job);
    return job;
  }

  // A lost connection is told by the stream, and the job asked for again when it is back.
  async refresh(id: string): Promise<Job | undefined> {
    try {
      const job = this.put(await api.job(id));
      if (job.state === 'done' && job.result) this.shares = sharesOf(job.result);
      if (!isActive(job)) this.#follow(id, undefined);
      return job;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) {
        this.byId.delete(id);
        this.#follow(id, undefined);
      }
      return undefined;
    }
  }

  async cancel(id: string): Promise<void> {
    await app.attempt(async () => this.put(await api.cancel(id)));
  }
  async retry(id: string): Promise<void> {
    await app.attempt(async () => this.byId.set(id, await api.retry(id)));
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
  #ids: string[] = $state.raw([]);
  #next: string | null = $state(null);
  readonly items = $derived(this.#ids.flatMap((id) => jobs.byId.get(id) ?? []));
  readonly hasMore = $derived(this.#next !== null);
  #filter: JobFilter = {};
  #run = 0;

  async read(filter: JobFilter): Promise<void> {
    const same = JSON.stringify(filter) === JSON.stringify(this.#filter);
    if (!same) this.#filter = filter;
    const run = ++this.#run;
    const page = await app.attempt(() => api.jobs(filter));
    if (!page || run !== this.#run) return;
    // What was read beyond the first page stays, so that the list does not shrink under the reader.
    const last = same ? this.#ids.indexOf(page.jobs[page.jobs.length - 1]?.id ?? '') : -1;
    const rest = last < 0 ? [] : this.#ids.slice(last + 1).filter((id) => this.#belongs(id));
    this.#take(page.jobs, [], rest);
    if (rest.length === 0) this.#next = page.next;
    this.total = page.total;
    this.loaded = true;
  }

  async more(): Promise<void> {
    const page = await nextPage(
      () => ({ next: this.#next, wanted: this.#filter }),
      (cursor) => api.jobs(this.#filter, cursor, 100),
    );
    if (!page) return;
    this.#take(page.jobs, this.#ids);
    this.#next = page.next;
  }

  #belongs(id: string): boolean {
    const job = jobs.byId.get(id);
    return job !== undefined && (!this.#filter.state || job.state === this.#filter.state);
  }

  #take(list: Job[], before: string[], after: string[] = []): void {
    for (const job of list) jobs.put(job);
    this.#ids = [...new Set([...before, ...list.map((job) => job.id), ...after])];
  }
}
