// The texts in the language of the settings; templates that use them follow when it changes.
import { settings } from '../state/settings.svelte.ts';
import { translate, type MessageKey, type Parameters } from './messages.ts';

export const t = (key: MessageKey, parameters?: Parameters) =>
  translate(settings.language, key, parameters);

// The browser's own kind of the language, for the order of dates and the like.
const locale = () =>
  navigator.languages.find((tag) => tag.startsWith(settings.language)) ?? settings.language;

export const number = (value: number, digits = 0) =>
  new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(value);

export const compactNumber = (value: number) =>
  new Intl.NumberFormat(settings.language, { notation: 'compact', maximumSignificantDigits: 3 }).format(value);

// "12 sec", "4 min": for estimates.
export function roughDuration(seconds: number): string {
  const [value, unit] = seconds < 90 ? [Math.max(1, seconds), 'second'] : [seconds / 60, 'minute'];
  return new Intl.NumberFormat(locale(), { style: 'unit', unit, maximumFractionDigits: 0 }).format(value);
}

export function fileSize(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let unit = 0;
  for (; bytes >= 1000 && unit < units.length - 1; ++unit) bytes /= 1000;
  return `${number(bytes, bytes < 10 && unit > 0 ? 1 : 0)} ${units[unit]}`;
}

export function dateTime(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return '';
  const today = date.toDateString() === new Date().toDateString();
  const style = today ? {} : ({ year: 'numeric', month: 'short', day: 'numeric' } as const);
  return new Intl.DateTimeFormat(locale(), { ...style, hour: '2-digit', minute: '2-digit' }).format(date);
}
