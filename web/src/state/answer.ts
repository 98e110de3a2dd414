import type { Job, Span } from '../api/types.ts';

// Characters of a question where the server does not say how many it takes.
export const maxQuestion = 10_000;

export const eventsOf = (job: Job): Span[] => job.corrections ?? job.result?.events ?? [];

// Whether times were asked for at all.
export const isGrounded = (job: Job) => job.options?.enable_temporal_grounding !== false;

// The sentences of an answer, without the list of times after them: those are shown as moments.
export function proseOf(response: string): string {
  const list = /(```(?:json)?\s*)?\[\s*(\{|\[|\])/.exec(response);
  return (list ? response.slice(0, list.index) : response).trim();
}

// A file name for an export: what systems refuse in names is left out.
export function fileName(name: string, extension: string): string {
  const clean = name
    .replace(/\.(mp4|mkv|webm|mov|avi|m4v)\b/i, '')
    .replace(/[\u0000-\u001f\u007f<>:"/\\|?*？]+/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return `${[...clean].slice(0, 80).join('').replace(/[. ]+$/, '') || 'shijian'}.${extension}`;
}
