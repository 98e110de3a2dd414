// What a person does to the moments of an answer. Lists are never changed in place.
import type { AnswerEvent, Span } from '../api/types.ts';
import { clamp } from './timeline.ts';

// A moment as it is shown: as the model gave it, or as a person set it.
export interface Shown extends Span {
  index: number; // in the list
  confidence: number | null;
  startUncertainty: number;
  endUncertainty: number;
  byHand: boolean; // its times are not the model's: its confidence would say nothing about them
}

// The moments of an answer, or what a person made of them.
export function shownMoments(original: readonly AnswerEvent[], edited: readonly Span[] | null): Shown[] {
  const untouched = new Map<string, AnswerEvent[]>();
  const key = ({ start, end }: Span) => `${start} ${end}`;
  for (const event of original) untouched.set(key(event), [...(untouched.get(key(event)) ?? []), event]);
  return (edited ?? original).map(({ start, end, label }, index) => {
    const event = untouched.get(`${start} ${end}`)?.shift();
    return {
      start,
      end,
      label,
      index,
      confidence: event?.confidence ?? null,
      startUncertainty: event?.start_uncertainty ?? 0,
      endUncertainty: event?.end_uncertainty ?? 0,
      byHand: !event,
    };
  });
}

export interface Edit {
  moments: Span[];
  index: number | null; // of the moment that is selected afterwards
}

const spliced = (moments: readonly Span[], at: number, removed: number, ...added: Span[]) => [
  ...moments.slice(0, at),
  ...added,
  ...moments.slice(at + removed),
];

// A new moment in its place by time.
export function addMoment(moments: readonly Span[], added: Span): Edit {
  const after = moments.findIndex(({ start }) => start > added.start);
  const index = after < 0 ? moments.length : after;
  return { moments: spliced(moments, index, 0, added), index };
}

export function removeMoment(moments: readonly Span[], index: number): Edit {
  const left = spliced(moments, index, 1);
  return { moments: left, index: left.length > 0 ? Math.min(index, left.length - 1) : null };
}

// Null when `time` is not inside it.
export function splitMoment(moments: readonly Span[], index: number, time: number): Edit | null {
  const moment = moments[index];
  if (!moment || time <= moment.start || time >= moment.end) return null;
  return { moments: spliced(moments, index, 1, { ...moment, end: time }, { ...moment, start: time }), index: index + 1 };
}

// One edge set at `time`. Past the other edge, the moment moves there with the length that it has.
export function setEdge(moment: Span, edge: 'start' | 'end', time: number, duration: number): Span {
  const length = moment.end - moment.start;
  if (edge === 'start') {
    return { ...moment, start: time, end: time < moment.end ? moment.end : clamp(time + length, 0, duration) };
  }
  return { ...moment, end: time, start: time > moment.start ? moment.start : clamp(time - length, 0, duration) };
}
