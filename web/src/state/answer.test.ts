import { describe, expect, it } from 'vitest';
import { fileName, proseOf } from './answer.ts';

describe('proseOf', () => {
  it('leaves the list of times out', () => {
    expect(proseOf('It jumps.\n[{"start": 1, "end": 2, "label": "jump"}]')).toBe('It jumps.');
    expect(proseOf('跳了两次。```json\n[\n {"start": 1}]```')).toBe('跳了两次。');
    expect(proseOf('[[0, 3.5], [10, 12]]')).toBe('');
    expect(proseOf('No. []')).toBe('No.');
    expect(proseOf('He says [sic] so.')).toBe('He says [sic] so.');
  });
});

describe('fileName', () => {
  it('is one that systems accept', () => {
    expect(fileName('进球.mp4 球什么时候进？', 'csv')).toBe('进球 球什么时候进.csv');
    expect(fileName('../a\\b:"c".mkv', 'srt')).toBe('.. a b c.srt');
    expect(fileName('?', 'vtt')).toBe('shijian.vtt');
    expect(fileName('字'.repeat(300), 'json')).toHaveLength(85);
  });
});
