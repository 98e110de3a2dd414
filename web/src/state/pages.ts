// The pages of a list that the server changes and the page reads anew meanwhile.
import { app } from './app.svelte.ts';

// Reads the page at `next` of a list. Asks again where the list was read anew meanwhile and ends elsewhere;
// undefined where it has ended, or where `wanted` has changed, which is what the list is of.
export async function nextPage<Page>(
  list: () => { next: string | null; wanted: unknown },
  read: (cursor: string) => Promise<Page>,
): Promise<Page | undefined> {
  const { wanted } = list();
  for (;;) {
    const { next } = list();
    if (next === null) return undefined;
    const page = await app.attempt(() => read(next));
    if (!page || list().wanted !== wanted) return undefined;
    if (list().next === next) return page;
  }
}
