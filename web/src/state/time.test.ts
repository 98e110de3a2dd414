import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { formatDuration, formatTime, parseTime, timeFormats } from './time.ts';

describe('formatTime', () => {
  it('writes what the table of docs/formats.md says', () => {
    const formats = readFileSync(new URL('../../../docs/formats.md', import.meta.url), 'utf8');
    expect(formats).toContain('83.5 s at 25 frames a second');
    for (const format of timeFormats) {
      const row = formats.split('\n').find((line) => line.startsWith(`| \`${format}\` |`));
      const written = row?.split('|')[2]?.trim().replaceAll('`', '');
      expect(formatTime(83.5, format, 25), format).toBe(written);
    }
  });

  // The cases of src/base/time_code_test.cc.
  it('rounds to the last digit and carries', () => {
    expect(formatTime(0, 'HH:MM:SS.sss')).toBe('00:00:00.000');
    expect(formatTime(3661.2344, 'HH:MM:SS.sss')).toBe('01:01:01.234');
    expect(formatTime(59.9996, 'HH:MM:SS.sss')).toBe('00:01:00.000');
    expect(formatTime(3599.9999, 'HH:MM:SS.sss')).toBe('01:00:00.000');
    expect(formatTime(360000, 'HH:MM:SS.sss')).toBe('100:00:00.000');
    expect(formatTime(59.996, 'MM:SS.ff')).toBe('01:00.00');
    expect(formatTime(4000.5, 'MM:SS.ff')).toBe('66:40.50');
    expect(formatTime(12.3456, 'seconds')).toBe('12.346');
    expect(formatTime(0.05, 'seconds')).toBe('0.050');
    expect(formatTime(2, 'frames', 29.97)).toBe('60');
    expect(formatTime(2, 'frames')).toBe('0');
  });

  it('survives what is no time', () => {
    for (const format of timeFormats) {
      for (const wrong of [-5, NaN, -Infinity]) {
        expect(formatTime(wrong, format, 25)).toBe(formatTime(0, format, 25));
      }
      expect(formatTime(Infinity, format, Infinity)).toMatch(/^[\d:.]+$/);
    }
  });
});

describe('formatDuration', () => {
  it('is short', () => {
    expect([0, 7.4, 59.6, 750, 3723].map(formatDuration)).toEqual([
      '0:00',
      '0:07',
      '1:00',
      '12:30',
      '1:02:03',
    ]);
  });
});

describe('parseTime', () => {
  it('reads what formatTime writes, and shorter forms', () => {
    for (const format of timeFormats) expect(parseTime(formatTime(3723.5, format, 25), format, 25), format).toBeCloseTo(3723.5, 1);
    const read = (text: string) => parseTime(text, 'HH:MM:SS.sss', 25);
    expect(['7', ' 7.25 ', '1:30', '1:02:03.5', '1：30', '7,5'].map(read)).toEqual([7, 7.25, 90, 3723.5, 90, 7.5]);
    expect(read('')).toBeNull();
    expect(['x', '1:', '1:60', '-1', '1:2:3:4', '7 s'].map(read)).toEqual(new Array(6).fill(NaN));
    expect(parseTime('50', 'frames', 25)).toBe(2);
  });
});
