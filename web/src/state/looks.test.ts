import { describe, expect, it } from 'vitest';
import { curvePath, lookShades } from './looks.ts';

describe('the shades of looks', () => {
  it('go with the logarithm of their rates, the closest last', () => {
    const shades = lookShades([
      { from: 3, to: 4, fps: 32 },
      { from: 0, to: 30, fps: 2 },
      { from: 2, to: 5, fps: 8 },
    ]);
    expect(shades.map(({ fps }) => fps)).toEqual([2, 8, 32]);
    expect(shades.map(({ shade }) => shade)).toEqual([0.15, 0.575, 1]);
  });

  it('of one look alone is the faintest', () => {
    expect(lookShades([{ from: 0, to: 1, fps: 2 }])[0]?.shade).toBe(0.15);
    expect(lookShades([])).toEqual([]);
  });
});

describe('the path of a curve', () => {
  const curve = [[1, 1], [2, 4], [3, 0]] as const;

  it('is a step for each slot, the highest at the top', () => {
    expect(curvePath(curve, { from: 0, to: 4 }, 400, 20)).toBe('M100 20V15H150V0H250V20H300V20Z');
  });

  it('holds the part in view alone', () => {
    expect(curvePath(curve, { from: 2.6, to: 4 }, 100, 20)).toBe('M-7.1 20V20H28.6V20Z');
    expect(curvePath(curve, { from: 10, to: 20 }, 100, 20)).toBe('');
  });

  it('is nothing without a curve or a place to draw it', () => {
    expect(curvePath([], { from: 0, to: 4 }, 400, 20)).toBe('');
    expect(curvePath(curve, { from: 0, to: 4 }, 0, 20)).toBe('');
  });
});
