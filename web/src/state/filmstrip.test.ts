import { describe, expect, it } from 'vitest';
import { levelFor, pictureFor, placeKey, placeRange, placesIn, slotsOfStrip, type StripPlace } from './filmstrip.ts';

const hours2 = 7200;

describe('levelFor', () => {
  it('has slots no longer than a tile, down to single frames', () => {
    expect(levelFor(hours2, 25, 720)).toBe(0);
    expect(levelFor(hours2, 25, 450)).toBe(0);
    expect(levelFor(hours2, 25, 449)).toBe(1);
    for (const tile of [300, 7, 0.5, 0.04]) {
      const level = levelFor(hours2, 25, tile);
      expect(hours2 / slotsOfStrip / 2 ** level, `${tile}`).toBeLessThanOrEqual(tile);
      expect((2 * hours2) / slotsOfStrip / 2 ** level, `${tile}`).toBeGreaterThan(tile);
    }
    expect(levelFor(hours2, 25, 0.001)).toBe(levelFor(hours2, 25, 0.04));
    expect(levelFor(0.2, 25, 0.02)).toBe(0);
  });
});

describe('placesIn', () => {
  it('covers the view and nothing else, from its middle on', () => {
    const places = placesIn({ from: 1000, to: 2000 }, hours2, 4); // strips of 450 s
    expect(places.map(({ index }) => index).sort()).toEqual([2, 3, 4]);
    expect(places[0]!.index).toBe(3);
    expect(placesIn({ from: 0, to: hours2 }, hours2, 0)).toEqual([{ level: 0, index: 0 }]);
    expect(placesIn({ from: 7000, to: hours2 }, hours2, 4).map(({ index }) => index)).toEqual([15]);
    expect(placeRange(hours2, { level: 4, index: 15 })).toEqual({ from: 6750, to: 7200 });
  });
});

describe('pictureFor', () => {
  // Every slot shows the frame in its middle.
  const strip = (place: StripPlace) => {
    const { from, to } = placeRange(hours2, place);
    const slot = (to - from) / slotsOfStrip;
    return { place, times: Array.from({ length: slotsOfStrip }, (_, n) => from + (n + 0.5) * slot) };
  };
  const having = (...places: StripPlace[]) => {
    const strips = new Map(places.map((place) => [placeKey(place), strip(place)]));
    return (place: StripPlace) => strips.get(placeKey(place));
  };

  it('is never of a time outside the tile while only a coarse level is there', () => {
    const find = having({ level: 0, index: 0 });
    let shown = 0;
    for (let from = 0; from < hours2; from += 10) {
      const tile = { from, to: from + 10 };
      const picture = pictureFor(tile, hours2, [6, 0], find);
      if (!picture) continue;
      ++shown;
      const time = picture.strip.times[picture.slot]!;
      expect(time).toBeGreaterThanOrEqual(tile.from);
      expect(time).toBeLessThan(tile.to);
    }
    expect(shown).toBe(slotsOfStrip); // each picture once, where it belongs
  });

  it('is in every tile once its level is there, within a slot of the middle', () => {
    const level = levelFor(hours2, 25, 10);
    const find = having(...Array.from({ length: 2 ** level }, (_, index) => ({ level, index })));
    for (let from = 0; from < hours2; from += 10) {
      const picture = pictureFor({ from, to: from + 10 }, hours2, [level, 0], find)!;
      expect(Math.abs(picture.strip.times[picture.slot]! - (from + 5))).toBeLessThanOrEqual(5);
    }
    expect(pictureFor({ from: hours2 - 2, to: hours2 + 8 }, hours2, [level], find)!.strip.times[slotsOfStrip - 1]).toBeGreaterThan(hours2 - 10);
    expect(pictureFor({ from: hours2, to: hours2 + 10 }, hours2, [level], find)).toBeNull();
  });

  it('takes a frame that has stood since before the slot for what is on screen', () => {
    const still = () => ({ times: new Array<number>(slotsOfStrip).fill(20) });
    expect(pictureFor({ from: 3810, to: 3830 }, hours2, [0], still)).not.toBeNull(); // the slot's middle is 3825
    expect(pictureFor({ from: 3610, to: 3630 }, hours2, [0], still)).toBeNull();
  });
});
