// Times as docs/formats.md writes them; the same arithmetic as src/base/time_code.cc.
import type { TimeFormat } from '../api/types.ts';

export const timeFormats: readonly TimeFormat[] = [
  'HH:MM:SS.sss',
  'MM:SS.ff',
  'seconds',
  'frames',
];

const largest = 1e12;
const two = (n: number) => String(Math.floor(n)).padStart(2, '0');
const three = (n: number) => String(Math.floor(n)).padStart(3, '0');

// Rounds to the format's last digit, half away from zero; what is no time becomes 0.
export function formatTime(seconds: number, format: TimeFormat, frameRate = 0): string {
  const time = seconds > 0 ? Math.min(seconds, largest) : 0;
  switch (format) {
    case 'HH:MM:SS.sss': {
      const ms = Math.round(time * 1000);
      const clock = [ms / 3_600_000, (ms / 60_000) % 60, (ms / 1000) % 60].map(two).join(':');
      return `${clock}.${three(ms % 1000)}`;
    }
    case 'MM:SS.ff': {
      const cs = Math.round(time * 100);
      return `${two(cs / 6000)}:${two((cs / 100) % 60)}.${two(cs % 100)}`;
    }
    case 'seconds': {
      const ms = Math.round(time * 1000);
      return `${Math.floor(ms / 1000)}.${three(ms % 1000)}`;
    }
    case 'frames': {
      const frame = time * frameRate;
      return String(frame > 0 ? Math.round(Math.min(frame, largest)) : 0);
    }
  }
}

// For lists and estimates, where milliseconds would be noise: "0:07", "12:30", "1:02:03".
export function formatDuration(seconds: number): string {
  const s = Math.round(Math.max(0, seconds) || 0);
  const rest = `${two((s / 60) % 60)}:${two(s % 60)}`;
  return s >= 3600 ? `${Math.floor(s / 3600)}:${rest}` : rest.replace(/^0/, '');
}

// What a person writes for a time: "1:02:03.5", "62.5", in frames a number of them. Null for
// nothing, NaN for what is no time.
export function parseTime(text: string, format: TimeFormat, frameRate: number): number | null {
  const trimmed = text.trim().replace(/：/g, ':').replace(',', '.');
  if (trimmed === '') return null;
  if (format === 'frames' && /^\d+$/.test(trimmed)) return Number(trimmed) / (frameRate || 25);
  const parts = /^(?:(?:(\d+):)?(\d{1,3}):)?(\d+(?:\.\d*)?)$/.exec(trimmed);
  if (!parts) return NaN;
  const [hours, minutes, seconds] = parts.slice(1).map((part) => Number(part ?? 0)) as [number, number, number];
  if (parts[2] !== undefined && seconds >= 60) return NaN;
  return hours * 3600 + minutes * 60 + seconds;
}
