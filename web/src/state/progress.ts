// How far a job is, from the events of its stream, and how long it will take.
import type { Answer, JobState, Progress, ServerEvent, Stage } from '../api/types.ts';

export const stages: readonly Stage[] = [
  'queued',
  'probing',
  'searching',
  'decoding',
  'encoding',
  'reading',
  'answering',
  'zooming',
];

// A job as its stream tells it. Times are milliseconds of one steady clock.
export interface Live {
  state: JobState;
  progress: Progress;
  text: string; // the answer so far
  firstSeen: number; // when its work was first seen here, and how far it was then
  firstShare: number;
}

// The share of the whole work that each stage takes.
export type Shares = Record<Stage, number>;
export const usualShares: Shares = {
  queued: 0,
  probing: 0.02,
  searching: 0,
  decoding: 0.18,
  encoding: 0.4,
  reading: 0.25,
  answering: 0.1,
  zooming: 0.05,
};

// What the last answer took is the best guess for the next one.
export function sharesOf({ timing }: Answer): Shares {
  const { decode, vision, prefill, generation } = timing;
  const sum = decode + vision + prefill + generation;
  if (!(sum > 0)) return usualShares;
  // No stage is free: a reused one would make the bar stand still if it is not reused next time.
  const part = (seconds: number) => 0.02 + (0.88 * seconds) / sum;
  return {
    queued: 0,
    probing: 0.02,
    searching: 0,
    decoding: part(decode),
    encoding: part(vision),
    reading: part(prefill),
    answering: part(generation),
    zooming: 0.02,
  };
}

// The live job after an event. A finished one keeps its text until its result is fetched.
export function reduce(
  live: Live | undefined,
  event: ServerEvent,
  now: number,
  shares = usualShares,
): Live {
  const before: Live = live ?? {
    state: 'running',
    progress: { stage: 'queued', done: 0, total: 0 },
    text: '',
    firstSeen: now,
    firstShare: 0,
  };
  if (event.type === 'text') {
    const { text, whole } = event.data;
    return { ...before, text: whole ? text : before.text + text };
  }
  const { state, done, total } = event.data;
  const stage = event.data.stage || before.progress.stage;
  const after: Live = { ...before, state, progress: { stage, done, total } };
  // A stage that lies further back: the job was tried again, its answer starts afresh.
  const again = stages.indexOf(stage) < stages.indexOf(before.progress.stage);
  if (again || state === 'queued') after.text = '';
  if (!live || again || before.state === 'queued') {
    after.firstSeen = now;
    after.firstShare = shareDone(after.progress, shares);
  }
  return after;
}

// From 0 to 1.
export function shareDone({ stage, done, total }: Progress, shares: Shares): number {
  let share = 0;
  for (const passed of stages.slice(0, stages.indexOf(stage))) share += shares[passed];
  const within = total > 0 ? Math.min(1, done / total) : 0;
  // It stands for all that comes between.
  const { decoding, encoding, reading, answering } = shares;
  const own = stage === 'searching' ? decoding + encoding + reading + answering : shares[stage];
  return Math.min(1, share + own * within);
}

// Seconds, or null as long as nothing can be said.
export function secondsLeft(live: Live, now: number, shares: Shares): number | null {
  if (live.state !== 'running') return null;
  const share = shareDone(live.progress, shares);
  const seconds = (now - live.firstSeen) / 1000;
  const gained = share - live.firstShare;
  if (seconds < 1 || gained < 0.02) return null;
  return ((1 - share) * seconds) / gained;
}
