import { describe, expect, it } from 'vitest';
import {
  bars,
  frameInterval,
  lanes,
  moveEdge,
  nearest,
  pan,
  reveal,
  smallestSpan,
  ticks,
  toShare,
  toTime,
  zoom,
} from './timeline.ts';

const whole = { from: 0, to: 100 };

describe('zoom', () => {
  it('keeps the time under the pointer in its place', () => {
    const closer = zoom(whole, 4, 30, 100, 1);
    expect(closer).toEqual({ from: 22.5, to: 47.5 });
    expect(toShare(closer, 30)).toBeCloseTo(toShare(whole, 30));
    expect(zoom(closer, 1 / 4, 30, 100, 1)).toEqual(whole);
  });

  it('stays in the clip and between its limits', () => {
    expect(zoom(whole, 0.5, 50, 100, 1)).toEqual(whole);
    expect(zoom(whole, 1e9, 0, 100, 1)).toEqual({ from: 0, to: 1 });
    expect(zoom({ from: 90, to: 100 }, 0.5, 90, 100, 1)).toEqual({ from: 80, to: 100 });
  });

  it('stops at ten frames, or at the clip if that is shorter', () => {
    expect(smallestSpan(60, 25)).toBeCloseTo(0.4);
    expect(smallestSpan(0.2, 25)).toBe(0.2);
    expect(smallestSpan(60, 0)).toBeCloseTo(0.4);
  });
});

describe('pan, reveal, frameInterval', () => {
  it('stop at both ends of the clip', () => {
    expect(pan({ from: 10, to: 30 }, -50, 100)).toEqual({ from: 0, to: 20 });
    expect(pan({ from: 10, to: 30 }, 500, 100)).toEqual({ from: 80, to: 100 });
  });

  it('moves only when the time is out of view', () => {
    const view = { from: 10, to: 26 };
    expect(reveal(view, 26, 100)).toBe(view);
    expect(reveal(view, 30, 100)).toEqual({ from: 16, to: 32 });
    expect(reveal(view, 5, 100)).toEqual({ from: 3, to: 19 });
    expect(reveal(view, 100, 100)).toEqual({ from: 84, to: 100 });
  });

  it('gives an event its own length around it', () => {
    expect(frameInterval(40, 50, 100, 1)).toEqual({ from: 35, to: 55 });
    expect(frameInterval(0, 10, 100, 1)).toEqual({ from: 0, to: 20 });
    expect(frameInterval(50, 50, 100, 0.4)).toEqual({ from: 49.5, to: 50.5 });
  });

  it('goes from place to time and back', () => {
    expect(toTime({ from: 20, to: 40 }, 0.25)).toBe(25);
    expect(toShare({ from: 20, to: 40 }, 25)).toBe(0.25);
  });
});

describe('ticks', () => {
  const labels = (...input: Parameters<typeof ticks>) =>
    ticks(...input).flatMap((tick) => tick.label || []);

  it('are labelled as far apart as asked', () => {
    expect(labels(whole, 500, 'HH:MM:SS.sss', 25)).toEqual([
      '00:00', '00:30', '01:00', '01:30',
    ]);
    expect(labels({ from: 0.95, to: 1.35 }, 500, 'HH:MM:SS.sss', 25)).toEqual([
      '00:01.0', '00:01.1', '00:01.2', '00:01.3',
    ]);
    expect(labels({ from: 3599, to: 3603 }, 500, 'HH:MM:SS.sss', 25)).toEqual([
      '59:59', '01:00:00', '01:00:01', '01:00:02', '01:00:03',
    ]);
    expect(labels({ from: 0, to: 2 }, 500, 'seconds', 25)).toEqual([
      '0.0', '0.5', '1.0', '1.5', '2.0',
    ]);
  });

  it('stand on whole frames when frames are counted', () => {
    const result = ticks({ from: 0, to: 2 }, 500, 'frames', 25);
    expect(result.flatMap((tick) => tick.label || [])).toEqual(['0', '10', '20', '30', '40', '50']);
    expect(result[1]!.time).toBeCloseTo(2 / 25);
  });

  it('stay few, however long the clip', () => {
    for (const to of [0.01, 1, 60, 36_000, 1e6]) {
      expect(ticks({ from: 0, to }, 1000, 'seconds', 25).length).toBeLessThan(200);
    }
    expect(ticks(whole, 0, 'seconds', 25)).toEqual([]);
  });
});

describe('lanes', () => {
  it('keep overlapping events apart and reuse free rows', () => {
    const spans = [[0, 10], [5, 8], [11, 12], [9, 20], [12.5, 13]] as const;
    const events = spans.map(([start, end]) => ({ start, end }));
    expect(lanes(events, 0.6)).toEqual([0, 1, 0, 1, 2]);
    expect(lanes(events, 0.5)).toEqual([0, 1, 0, 1, 0]);
  });
});

describe('bars', () => {
  const many = Array.from({ length: 2000 }, (_, n) => ({ start: n * 3.6, end: n * 3.6 + 2 }));

  it('are one for each moment where there is room', () => {
    const result = bars([{ start: 1, end: 3 }, { start: 2, end: 4 }, { start: 200, end: 300 }], whole, 1000);
    expect(result).toEqual([
      { key: '0', start: 1, end: 3, row: 0, members: [0] },
      { key: '1', start: 2, end: 4, row: 1, members: [1] },
    ]);
  });

  it('stand for several where moments would pile up, and leave none out', () => {
    const result = bars(many, { from: 0, to: 7200 }, 1200, 1000);
    expect(result.length).toBeLessThan(1200 / 30);
    expect(result.flatMap(({ members }) => members).sort((a, b) => a - b)).toEqual(many.map((_, n) => n));
    expect(result.find(({ key }) => key === '1000')).toMatchObject({ members: [1000], row: 1 });
    for (const { start, end } of result) expect(end).toBeGreaterThanOrEqual(start);
  });

  it('come apart when one zooms in', () => {
    const result = bars(many, { from: 3600, to: 3660 }, 1200);
    expect(result.map(({ members }) => members)).toEqual(Array.from({ length: 17 }, (_, n) => [1000 + n]));
  });

  it('are few however many moments lie on top of each other', () => {
    const piled = Array.from({ length: 10_000 }, () => ({ start: 5, end: 50 }));
    expect(bars(piled, whole, 1000)).toMatchObject([{ start: 5, members: { length: 10_000 } }]);
  });
});

describe('moveEdge', () => {
  const event = { start: 2, end: 4, label: 'x' };
  it('stops at the other edge and at the ends of the clip', () => {
    expect(moveEdge(event, 'start', 3.12345, 10)).toEqual({ start: 3.123, end: 4, label: 'x' });
    expect(moveEdge(event, 'start', 9, 10).start).toBe(4);
    expect(moveEdge(event, 'start', -1, 10).start).toBe(0);
    expect(moveEdge(event, 'end', 1, 10).end).toBe(2);
    expect(moveEdge(event, 'end', 99, 10).end).toBe(10);
  });
});

describe('nearest', () => {
  it('finds the closest of ascending times', () => {
    const times = [0, 0.5, 1, 4];
    expect([-1, 0.2, 0.25, 0.26, 2.4, 2.6, 99].map((t) => nearest(times, t))).toEqual([
      0, 0, 0, 1, 2, 3, 3,
    ]);
  });
});
