// The exports of the fake server: enough to see that the page asks for the right ones.
import type { Job, Span } from '../../src/api/types.ts';
import { formatTime } from '../../src/state/time.ts';

export function exported(jobs: Job[], format: string): string {
  if (format === 'json') {
    const results = jobs.map((job) => ({ ...job.result, events: eventsOf(job) }));
    return JSON.stringify(results.length === 1 ? results[0] : results, null, 2);
  }
  const clock = (t: number) => formatTime(t, 'HH:MM:SS.sss');
  const events = jobs.flatMap(eventsOf);
  switch (format) {
    case 'csv': {
      const rows = jobs.flatMap((job) =>
        eventsOf(job).map((e) => [job.video.name, JSON.stringify(job.query), e.start, e.end].join()),
      );
      return `${['video,question,start,end', ...rows].join('\r\n')}\r\n`;
    }
    case 'srt':
      return events
        .map((e, i) => `${i + 1}\n${clock(e.start)} --> ${clock(e.end)}\n${e.label}\n`.replaceAll('.', ','))
        .join('\n');
    case 'vtt':
      return `WEBVTT\n\n${events.map((e) => `${clock(e.start)} --> ${clock(e.end)}\n${e.label}\n`).join('\n')}`;
    default:
      return `TITLE: ${jobs[0]?.video.name}\n`;
  }
}

function eventsOf(job: Job): Span[] {
  return job.corrections ?? job.result?.events ?? [];
}
