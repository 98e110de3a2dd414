// The pictures of one video along the timeline, fetched for the part in view.
import { SvelteMap } from 'svelte/reactivity';
import type { Video } from '../api/types.ts';
import { levelFor, pictureFor, placeKey, placeRange, placesIn, slotsOfStrip, type Picture, type StripPlace } from './filmstrip.ts';
import { thumbnailsOf, type Strip } from './strips.ts';
import type { View } from './timeline.ts';

const height = 90;
const settled = 120; // milliseconds that the view stands still before pictures are asked for
const mostKept = 64;

export class Filmstrip {
  readonly #video: Video;
  readonly #strips = new SvelteMap<string, Strip>(); // the last used last
  readonly #asked = new Map<string, AbortController>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #level = 0;

  constructor(video: Video) {
    this.#video = video;
  }

  // Asks for what the view needs and is not there; what it needs no more is not waited for.
  want(view: View, tileSeconds: number): void {
    const { duration, frame_rate } = this.#video;
    this.#level = levelFor(duration, frame_rate, tileSeconds);
    const places = placesIn(view, duration, this.#level);
    const keys = new Set(places.map(placeKey));
    for (const [key, control] of this.#asked) if (!keys.has(key)) control.abort();
    clearTimeout(this.#timer);
    const missing = places.filter((place) => !this.#strips.has(placeKey(place)));
    if (missing.length > 0) this.#timer = setTimeout(() => missing.forEach((place) => void this.#fetch(place)), settled);
  }

  stop(): void {
    clearTimeout(this.#timer);
    for (const control of this.#asked.values()) control.abort();
  }

  // Null as long as there is no picture of that time.
  picture(tile: View): Picture<Strip> | null {
    const levels = [this.#level];
    for (let n = 1; n <= 4; ++n) levels.push(this.#level + n, Math.max(0, this.#level - n));
    levels.push(0);
    return pictureFor(tile, this.#video.duration, levels, (place) => this.#strips.get(placeKey(place)));
  }

  async #fetch(place: StripPlace): Promise<void> {
    const key = placeKey(place);
    if (this.#asked.has(key)) return;
    const control = new AbortController();
    this.#asked.set(key, control);
    try {
      const { id, duration } = this.#video;
      const strip = await thumbnailsOf(id, slotsOfStrip, height, placeRange(duration, place), control.signal);
      this.#strips.set(key, strip);
      for (const old of this.#strips.keys()) {
        if (this.#strips.size <= mostKept) break;
        this.#strips.delete(old);
      }
    } catch {
      // It is asked for again when the view changes; until then its place stays empty.
    } finally {
      this.#asked.delete(key);
    }
  }
}
