// Which pictures of a video a part of the timeline needs, and which of them may stand where. The
// video is divided into strips of equal length, twice as many on each level; a strip has a picture
// for each of its slots. What is asked for depends on the level and the number of a strip alone, so
// that what was made once serves again.
import type { View } from './timeline.ts';

export const slotsOfStrip = 16;

export interface StripPlace {
  level: number;
  index: number;
}

// What the drawing needs to know of a strip that is there.
export interface PlacedStrip {
  times: readonly number[]; // [slots] of the frames shown
}

export interface Picture<Strip> {
  strip: Strip;
  slot: number;
}

export const placeKey = ({ level, index }: StripPlace) => `${level}/${index}`;
const stripSeconds = (duration: number, level: number) => duration / 2 ** level;

export function placeRange(duration: number, { level, index }: StripPlace): View {
  const length = stripSeconds(duration, level);
  return { from: index * length, to: (index + 1) * length };
}

// The first level whose slots are no longer than a tile; slots of less than a frame are of no use.
export function levelFor(duration: number, frameRate: number, tileSeconds: number): number {
  const level = (slotSeconds: number) =>
    Math.max(0, Math.ceil(Math.log2(duration / slotsOfStrip / slotSeconds)));
  return Math.min(level(tileSeconds), level(1 / (frameRate || 25)));
}

// Those that meet the view, the middle one first.
export function placesIn(view: View, duration: number, level: number): StripPlace[] {
  const length = stripSeconds(duration, level);
  const last = 2 ** level - 1;
  const first = Math.max(0, Math.floor(view.from / length));
  const end = Math.min(last, Math.ceil(view.to / length) - 1);
  const middle = (view.from + view.to) / 2 / length - 0.5;
  const places = Array.from({ length: Math.max(0, end - first + 1) }, (_, n) => ({ level, index: first + n }));
  return places.sort((a, b) => Math.abs(a.index - middle) - Math.abs(b.index - middle));
}

// The picture for the tile [from, to): that of the slot in whose time the tile's middle lies. On a
// coarser level it may stand there only if it is of the tile's own time. Null: none is there yet.
export function pictureFor<Strip extends PlacedStrip>(
  tile: View,
  duration: number,
  levels: readonly number[], // the wanted one first
  find: (place: StripPlace) => Strip | undefined,
): Picture<Strip> | null {
  if (tile.to <= 0 || tile.from >= duration) return null;
  const middle = (Math.max(0, tile.from) + Math.min(duration, tile.to)) / 2; // of what is in the video
  for (const level of levels) {
    const length = stripSeconds(duration, level);
    const index = Math.min(2 ** level - 1, Math.floor(middle / length));
    const strip = find({ level, index });
    if (!strip || strip.times.length === 0) continue;
    const slotLength = length / strip.times.length;
    const slot = Math.min(strip.times.length - 1, Math.floor((middle - index * length) / slotLength));
    if (slotLength <= (tile.to - tile.from) * 1.001) return { strip, slot };
    const from = index * length + slot * slotLength;
    const time = strip.times[slot]!;
    // A frame from before the slot is on screen in its middle.
    const moment = time >= from && time < from + slotLength ? time : from + slotLength / 2;
    if (moment >= tile.from && moment < tile.to) return { strip, slot };
  }
  return null;
}
