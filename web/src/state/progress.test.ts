import { describe, expect, it } from 'vitest';
import type { Answer, JobState, ServerEvent, Stage } from '../api/types.ts';
import {
  reduce,
  secondsLeft,
  shareDone,
  sharesOf,
  stages,
  usualShares,
  type Live,
} from './progress.ts';

const job = (state: JobState, stage: Stage | '' = '', done = 0, total = 0): ServerEvent => ({
  type: 'job',
  data: { id: 'j', state, stage, done, total },
});
const text = (piece: string): ServerEvent => ({ type: 'text', data: { id: 'j', text: piece } });

function replay(...events: [number, ServerEvent][]): Live {
  let live: Live | undefined;
  for (const [now, event] of events) live = reduce(live, event, now);
  return live!;
}

describe('reduce', () => {
  it('collects the answer and keeps it when the job is done', () => {
    const live = replay(
      [0, job('queued')],
      [1, job('running', 'answering', 0, 9)],
      [2, text('从 3 ')],
      [3, text('到 5 秒')],
      [4, job('done')],
    );
    expect(live).toMatchObject({ state: 'done', text: '从 3 到 5 秒' });
  });

  it('takes all of the answer so far for what it is', () => {
    const again: ServerEvent = { type: 'text', data: { id: 'j', text: 'from 3 to', whole: true } };
    const live = replay([0, job('running', 'answering', 1, 9)], [1, text('from 3 ')], [2, again], [3, text(' 5')]);
    expect(live.text).toBe('from 3 to 5');
  });

  it('starts afresh when a job is tried again', () => {
    const live = replay(
      [0, job('running', 'answering', 1, 9)],
      [1, text('half an ans')],
      [2, job('running', 'encoding', 1, 10)],
    );
    expect(live.text).toBe('');
    expect(live.firstSeen).toBe(2);
  });

  it('does not count the time in the queue', () => {
    const live = replay([0, job('queued', 'queued')], [9000, job('running', 'probing', 0, 1)]);
    expect(live.firstSeen).toBe(9000);
  });
});

describe('shares', () => {
  const steps = stages.filter((stage) => stage !== 'searching');

  it('count a search of windows for all that it does', () => {
    const share = (done: number) => shareDone({ stage: 'searching', done, total: 10 }, usualShares);
    expect(share(0)).toBeCloseTo(shareDone({ stage: 'decoding', done: 0, total: 10 }, usualShares));
    expect(share(10)).toBeCloseTo(shareDone({ stage: 'zooming', done: 0, total: 10 }, usualShares));
  });

  it('add up to one', () => {
    for (const shares of [usualShares, sharesOf(answer(0.4, 1.8, 0.9, 0.3)), sharesOf(answer(0, 0, 0, 0))]) {
      expect(stages.reduce((sum, stage) => sum + shares[stage], 0)).toBeCloseTo(1);
      for (const stage of steps.slice(1)) expect(shares[stage], stage).toBeGreaterThan(0);
    }
  });

  it('grow from stage to stage', () => {
    const order = steps.flatMap((stage) =>
      [0, 5, 10].map((done) => shareDone({ stage, done, total: 10 }, usualShares)),
    );
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(order[order.length - 1]).toBeCloseTo(1);
    expect(shareDone({ stage: 'reading', done: 0, total: 0 }, usualShares)).toBeCloseTo(0.6);
  });
});

describe('secondsLeft', () => {
  it('goes by the speed seen since the page looked', () => {
    // Found at 0.2; 0.4 five seconds later: 0.6 more take fifteen.
    const live = replay([0, job('running', 'encoding', 0, 10)], [5000, job('running', 'encoding', 5, 10)]);
    expect(secondsLeft(live, 5000, usualShares)).toBeCloseTo(15);
  });

  it('says nothing too early, nor about a job that waits or has ended', () => {
    expect(secondsLeft(replay([0, job('running', 'decoding', 0, 9)]), 500, usualShares)).toBeNull();
    expect(secondsLeft(replay([0, job('queued')]), 60_000, usualShares)).toBeNull();
    expect(
      secondsLeft(replay([0, job('running', 'decoding', 1, 9)], [5000, job('done')]), 5000, usualShares),
    ).toBeNull();
  });
});

function answer(decode: number, vision: number, prefill: number, generation: number): Answer {
  return { timing: { decode, vision, prefill, generation } } as Answer;
}
