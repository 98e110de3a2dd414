// Batches asked from this browser: only which jobs belong together, the server has the rest.
import { api, app } from './app.svelte.ts';
import { jobs } from './jobs.svelte.ts';

export interface Batch {
  id: string;
  created: string; // RFC 3339
  jobs: string[];
}

const storageKey = 'shijian.batches';
export const kept = 20;

function stored(): Batch[] {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(storageKey) ?? '[]');
    return Array.isArray(value) ? (value as Batch[]) : [];
  } catch {
    return [];
  }
}

class Batches {
  list: Batch[] = $state(stored());

  add(ids: string[]): Batch {
    const batch = { id: Date.now().toString(36), created: new Date().toISOString(), jobs: ids };
    this.#keep([batch, ...this.list].slice(0, kept));
    return batch;
  }

  forget(id: string): void {
    this.#keep(this.list.filter((batch) => batch.id !== id));
  }

  #keep(list: Batch[]): void {
    this.list = list;
    try {
      localStorage.setItem(storageKey, JSON.stringify(list));
    } catch {
      // No storage: the batches last as long as the page.
    }
  }
}

export const batches = new Batches();

// Fetches the jobs of a batch that the page has not met, by pages of the list: a batch is young,
// so its jobs stand near the beginning. Those that are not found are not on the server any more.
export async function loadBatch(batch: Batch): Promise<void> {
  await app.attempt(async () => {
    let cursor: string | undefined;
    while (batch.jobs.some((id) => !jobs.byId.has(id))) {
      const page = await api.jobs({}, cursor, 500);
      for (const job of page.jobs) jobs.put(job);
      if (page.next === null) return;
      cursor = page.next;
    }
  });
}
