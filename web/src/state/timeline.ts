// The arithmetic of the timeline: what part of the clip is in view, where its marks and bars lie.
import type { TimeFormat } from '../api/types.ts';
import { formatTime } from './time.ts';

// The visible part, in seconds: 0 <= from < to <= duration.
export interface View {
  from: number;
  to: number;
}

export const clamp = (value: number, low: number, high: number) =>
  Math.max(low, Math.min(high, value));

// Ten frames fill the view at most; a short clip cannot be zoomed beyond itself.
export function smallestSpan(duration: number, frameRate: number): number {
  return Math.min(duration, 10 / (frameRate || 25));
}

// Moves the view without changing its span until it lies within the clip.
function within(from: number, span: number, duration: number): View {
  const start = clamp(from, 0, duration - span);
  return { from: start, to: start + span };
}

// `factor` above 1 goes closer; the time `anchor` keeps its place on the screen.
export function zoom(
  view: View,
  factor: number,
  anchor: number,
  duration: number,
  smallest: number,
): View {
  const old = view.to - view.from;
  const span = clamp(old / factor, smallest, duration);
  return within(anchor - ((anchor - view.from) * span) / old, span, duration);
}

export function pan(view: View, seconds: number, duration: number): View {
  return within(view.from + seconds, view.to - view.from, duration);
}

// The smallest move that brings `time` into view, with an eighth of the span around it.
export function reveal(view: View, time: number, duration: number): View {
  const span = view.to - view.from;
  const margin = span / 8;
  if (time < view.from) return within(time - margin, span, duration);
  if (time > view.to) return within(time + margin - span, span, duration);
  return view;
}

// An interval with room around it.
export function frameInterval(start: number, end: number, duration: number, smallest: number): View {
  const span = clamp((end - start) * 2, Math.min(duration, Math.max(smallest, 1)), duration);
  return within((start + end - span) / 2, span, duration);
}

export const toShare = (view: View, time: number) => (time - view.from) / (view.to - view.from);
export const toTime = (view: View, share: number) => view.from + share * (view.to - view.from);

export interface Tick {
  time: number;
  label: string; // empty for a minor tick
}

const steps = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120,
  300, 600, 900, 1800, 3600, 7200, 18000, 36000]; // prettier than powers of ten
const frameSteps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000];

// Labelled ticks at least `labelWidth` pixels apart, with four minor ones between two of them.
export function ticks(
  view: View,
  width: number,
  format: TimeFormat,
  frameRate: number,
  labelWidth = 90,
): Tick[] {
  if (width <= 0) return [];
  const byFrames = format === 'frames' && frameRate > 0;
  const unit = byFrames ? 1 / frameRate : 1;
  const wanted = (((view.to - view.from) / unit) * labelWidth) / width;
  const choices = byFrames ? frameSteps : steps;
  const step = choices.find((choice) => choice >= wanted) ?? choices[choices.length - 1]!;
  const minor = step / 5;
  const result: Tick[] = [];
  // Counted in whole minor steps, so that no rounding piles up.
  for (let n = Math.ceil(view.from / unit / minor); n * minor * unit <= view.to; ++n) {
    const time = n * minor * unit;
    const label = n % 5 === 0 ? shorten(formatTime(time, format, frameRate), format, step) : '';
    result.push({ time, label });
  }
  return result;
}

// Leaves out the hours of a short clip and decimals that are all zero.
function shorten(text: string, format: TimeFormat, step: number): string {
  if (format === 'frames') return text;
  const decimals = step >= 1 ? 0 : step >= 0.1 ? 1 : step >= 0.01 ? 2 : 3;
  const [whole = '', fraction = ''] = text.split('.');
  const kept = fraction.slice(0, decimals);
  return whole.replace(/^00:(?=\d\d:)/, '') + (kept && `.${kept}`);
}

// The row of each event: events that overlap, or nearly touch, lie in different rows. Null when they
// need more than `most` rows.
export function lanes(
  events: readonly { start: number; end: number }[],
  gap: number,
  most = Infinity,
): number[] | null {
  const ends: number[] = [];
  const order = events.map((_, i) => i).sort((a, b) => events[a]!.start - events[b]!.start || a - b);
  const result: number[] = new Array(events.length).fill(0);
  for (const i of order) {
    const { start, end } = events[i]!;
    const free = ends.findIndex((last) => last + gap <= start);
    const lane = free < 0 ? ends.length : free;
    if (lane >= most) return null;
    ends[lane] = Math.max(end, start);
    result[i] = lane;
  }
  return result;
}

// What stands for one moment, or for several that find no room beside each other.
export interface Bar {
  key: string;
  start: number;
  end: number;
  row: number;
  members: number[]; // places in the list of moments
}

const narrowest = 14; // pixels of a moment without length
const gap = 4;
const mostRows = 8;
const cell = 32; // pixels of a bar that stands for several

// The bars in view. Where moments are so many that they would pile up, those that begin close
// together share a bar; `selected` has its own in any case.
export function bars(
  moments: readonly { start: number; end: number }[],
  view: View,
  width: number,
  selected: number | null = null,
): Bar[] {
  const perPixel = (view.to - view.from) / Math.max(1, width);
  const shown = ({ start, end }: { start: number; end: number }) => ({ start, end: Math.max(end, start + narrowest * perPixel) });
  const inView = ({ start, end }: { start: number; end: number }) => end >= view.from && start <= view.to;
  const single = (i: number, row: number): Bar => ({ key: `${i}`, ...pick(moments[i]!), row, members: [i] });
  const rows = lanes(moments.map(shown), gap * perPixel, mostRows);
  if (rows) return rows.flatMap((row, i) => (inView(shown(moments[i]!)) ? single(i, row) : []));
  const cells = new Map<number, number[]>();
  const seconds = cell * perPixel;
  moments.forEach((moment, i) => {
    if (!inView(shown(moment)) || i === selected) return;
    const n = Math.floor(Math.max(moment.start, view.from) / seconds);
    cells.set(n, [...(cells.get(n) ?? []), i]);
  });
  const result = [...cells].map(([n, members]): Bar => {
    const limit = (n + 1) * seconds - gap * perPixel;
    const start = Math.max(n * seconds, Math.min(...members.map((i) => moments[i]!.start)));
    const end = Math.max(...members.map((i) => moments[i]!.end));
    return { key: members.length > 1 ? `c${n}` : `${members[0]}`, start, end: Math.max(start, Math.min(end, limit)), row: 0, members };
  });
  if (selected !== null && moments[selected] && inView(moments[selected])) result.push(single(selected, 1));
  return result;
}

const pick = ({ start, end }: { start: number; end: number }) => ({ start, end });

// The event with one edge moved: in the clip, and never past its other edge.
export function moveEdge<E extends { start: number; end: number }>(
  event: E,
  edge: 'start' | 'end',
  time: number,
  duration: number,
): E {
  const rounded = Math.round(time * 1000) / 1000;
  return edge === 'start'
    ? { ...event, start: clamp(rounded, 0, event.end) }
    : { ...event, end: clamp(rounded, event.start, duration) };
}

// The index of the time nearest to `time`; `times` ascend.
export function nearest(times: readonly number[], time: number): number {
  let low = 0;
  let high = times.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    // Ties go to the earlier one.
    if (time - times[middle]! <= times[middle + 1]! - time) high = middle;
    else low = middle + 1;
  }
  return low;
}
