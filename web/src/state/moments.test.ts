import { describe, expect, it } from 'vitest';
import type { AnswerEvent, Span } from '../api/types.ts';
import { addMoment, removeMoment, setEdge, shownMoments, splitMoment } from './moments.ts';

const span = (start: number, end: number, label = ''): Span => ({ start, end, label });
const event = (start: number, end: number, confidence: number): AnswerEvent => ({
  ...span(start, end, 'model'), start_text: '', end_text: '', confidence, start_uncertainty: 0.5, end_uncertainty: 0.25,
});

describe('shownMoments', () => {
  const original = [event(1, 2, 1), event(5, 6, 0.9)];

  it('keeps the confidence of what nobody touched, wherever it stands now, and of nothing else', () => {
    const shown = shownMoments(original, [span(0, 0.5), span(5, 6, 'renamed'), span(1, 2.5)]);
    expect(shown.map(({ confidence }) => confidence)).toEqual([null, 0.9, null]);
    expect(shown.map(({ byHand }) => byHand)).toEqual([true, false, true]);
    expect(shown[1]).toMatchObject({ label: 'renamed', index: 1, startUncertainty: 0.5 });
    expect(shown[2]).toMatchObject({ startUncertainty: 0, endUncertainty: 0 });
  });

  it('gives the model’s own without corrections, and counts an event once', () => {
    expect(shownMoments(original, null).map(({ confidence }) => confidence)).toEqual([1, 0.9]);
    expect(shownMoments(original, [span(1, 2), span(1, 2)]).map(({ byHand }) => byHand)).toEqual([false, true]);
    expect(shownMoments([], [span(1, 2)])).toHaveLength(1);
  });
});

describe('editing', () => {
  const three = [span(1, 2, 'a'), span(4, 8, 'b'), span(9, 10, 'c')];

  it('adds in the order of time', () => {
    expect(addMoment(three, span(3, 5, 'x'))).toEqual({ moments: [three[0], span(3, 5, 'x'), three[1], three[2]], index: 1 });
    expect(addMoment([], span(3, 5)).index).toBe(0);
    expect(addMoment(three, span(11, 12)).index).toBe(3);
  });

  it('deletes', () => {
    expect(removeMoment(three, 2)).toEqual({ moments: three.slice(0, 2), index: 1 });
    expect(removeMoment([three[0]!], 0)).toEqual({ moments: [], index: null });
  });

  it('splits inside alone', () => {
    expect(splitMoment(three, 1, 6)!.moments).toEqual([three[0], span(4, 6, 'b'), span(6, 8, 'b'), three[2]]);
    expect(splitMoment(three, 1, 4)).toBeNull();
    expect(splitMoment(three, 1, 8)).toBeNull();
    expect(splitMoment(three, 9, 8)).toBeNull();
  });

  it('sets an edge, and takes the moment along past the other one', () => {
    expect(setEdge(span(4, 8), 'start', 5, 20)).toEqual(span(5, 8));
    expect(setEdge(span(4, 8), 'start', 10, 20)).toEqual(span(10, 14));
    expect(setEdge(span(4, 8), 'start', 18, 20)).toEqual(span(18, 20));
    expect(setEdge(span(4, 8), 'end', 3, 20)).toEqual(span(0, 3));
    expect(setEdge(span(4, 8), 'end', 9, 20)).toEqual(span(4, 9));
  });
});
