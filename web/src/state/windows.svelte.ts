// Long lists in pieces, of which only those near the screen are in the document; the others leave
// a space of their height.
import { SvelteSet } from 'svelte/reactivity';

export const pieceLength = 60; // whole rows, in grids of 1 to 6 columns

export interface Piece<Item> {
  n: number;
  first: number; // place of its first item in the list
  items: Item[];
}

export function piecesOf<Item>(items: readonly Item[]): Piece<Item>[] {
  return Array.from({ length: Math.ceil(items.length / pieceLength) }, (_, n) => {
    const first = n * pieceLength;
    return { n, first, items: items.slice(first, first + pieceLength) };
  });
}

const margin = 600; // pixels around the screen

export class Windows {
  readonly #near = new SvelteSet<number>([0]);
  readonly #heights = new Map<number, number>();
  readonly #estimate: () => number; // pixels of an item, until a piece was seen
  #average = 0;

  constructor(estimate: () => number) {
    this.#estimate = estimate;
  }

  isNear(n: number): boolean {
    return this.#near.has(n);
  }

  // Pixels that a piece takes while it is not in the document.
  height(n: number, items: number): number {
    return this.#heights.get(n) ?? (this.#average || this.#estimate()) * items;
  }

  // Shows a piece before it comes near.
  show(n: number): void {
    this.#near.add(n);
  }

  // For the {@attach} of a piece's element.
  observe(n: number, items: number) {
    return (element: HTMLElement) => {
      const observer = new IntersectionObserver(
        (entries) => {
          const entry = entries[entries.length - 1]!;
          if (entry.isIntersecting) this.#near.add(n);
          else if (this.#near.has(n)) {
            const { height } = entry.boundingClientRect;
            this.#heights.set(n, height);
            this.#average = height / items;
            this.#near.delete(n);
          }
        },
        { root: scroller(element), rootMargin: `${margin}px 0px` },
      );
      observer.observe(element);
      return () => observer.disconnect();
    };
  }
}

// What scrolls the element, if not the page.
export function scroller(element: Element): HTMLElement | null {
  for (let at = element.parentElement; at && at !== document.body; at = at.parentElement) {
    const { overflowY } = getComputedStyle(at);
    if ((overflowY === 'auto' || overflowY === 'scroll') && at.scrollHeight > at.clientHeight) return at;
  }
  return null;
}
