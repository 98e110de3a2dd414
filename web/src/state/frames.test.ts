import { describe, expect, it } from 'vitest';
import { FrameClock } from './frames.ts';

describe('FrameClock', () => {
  const film = new FrameClock({ start: 0, rate: 30000 / 1001, frames: 215_786, duration: 7200.0595 });
  const screen = new FrameClock({ start: 0, rate: 2, frames: 4, duration: 60 }, [0, 4, 20, 40]);

  it('snaps to frames, hours into a film too', () => {
    expect(film.snap(0.016)).toBe(0);
    expect(film.snap(0.018)).toBe(0.033);
    expect(film.snap(7000.01)).toBeCloseTo(Math.round(7000.01 * (30000 / 1001)) / (30000 / 1001), 3);
    expect(film.snap(9000)).toBe(7200.06); // the end of the last frame
  });

  it('steps from edge to edge', () => {
    expect(film.step(0.0334, 1)).toBe(0.067);
    expect(film.step(0.067, -1)).toBe(0.033);
    expect(film.step(0.05, 1)).toBe(0.067); // from between two
    expect(film.step(0.05, -1)).toBe(0.033);
    expect(film.step(0, -1)).toBe(0);
    expect(film.step(7200.06, -1)).toBeCloseTo(7200.0262, 3);
    expect(film.step(7200.06, 1)).toBe(7200.06);
  });

  it('knows frames that stand for long', () => {
    expect(screen.frame(19.9)).toBe(1);
    expect(screen.frame(20)).toBe(2);
    expect(screen.snap(11.9)).toBe(4);
    expect(screen.snap(12.1)).toBe(20);
    expect(screen.snap(55)).toBe(60);
    expect(screen.step(20, 1)).toBe(40);
    expect(screen.step(30, -1)).toBe(20);
    expect(screen.at(3)).toBe(40);
  });
});
