// The shapes of the API, as src/server/openapi.json has them (`npm run types` reads it), under the
// page's own names. Times are seconds unless said otherwise.
import type { components } from '../../generated/openapi.ts';

type Schemas = components['schemas'];

export type Video = Schemas['Video'];
export type FrameTimes = Schemas['FrameTimes'];

// Nothing has to be set: what is left out is the server's own.
export type JobOptions = Partial<Schemas['Options']>;
export type TimeFormat = Schemas['Options']['output_format'];
export type PromptStyle = Schemas['Options']['prompt_style'];
export type Effort = Schemas['Options']['effort'];
export const efforts: readonly Effort[] = ['low', 'normal', 'high'];

export type Span = Schemas['Correction']; // an event as a person corrected it
export type AnswerEvent = Schemas['Event'];
export type Answer = Schemas['Answer'];

export type JobState = Schemas['JobState'];
export type Job = Omit<Schemas['Job'], 'options'> & { options: JobOptions | null };
export type Stage = Exclude<NonNullable<Job['progress']>['stage'], ''>; // '' before there is one
export interface Progress {
  stage: Stage;
  done: number;
  total: number;
}

// Ours where no answer came, and then without an id.
export type ErrorBody = Omit<Partial<Schemas['Error']['error']>, 'code' | 'message'> & { code: string; message: string };

export interface Page {
  next: string | null;
  total: number;
}
export type VideoPage = Page & { videos: Video[] };
export type JobPage = Page & { jobs: Job[] };

export interface JobFilter {
  state?: JobState;
  video?: string;
  search?: string;
}

// One entry of POST /jobs: every question for one video.
export interface JobRequest {
  video_id: string;
  queries: string[];
  options: JobOptions;
}

export type ModelInfo = Schemas['Model'];
export type QueueInfo = Schemas['Queue'];

// What an answer can be saved as, and how its file ends.
export const exportExtensions = {
  json: 'json', csv: 'csv', srt: 'srt', vtt: 'vtt', edl: 'edl', 'edl-markers': 'edl', fcpxml: 'fcpxml', xmeml: 'xml',
  otio: 'otio', llc: 'llc', 'llc-csv': 'csv', youtube: 'txt', audacity: 'txt',
} as const satisfies Partial<Record<components['parameters']['format'], string>>;
export type ExportFormat = keyof typeof exportExtensions;
export const exportFormats = Object.keys(exportExtensions) as readonly ExportFormat[];

// The stage of a job that has ended is empty.
export type ServerEvent =
  | { type: 'job'; data: { id: string; state: JobState; stage: Stage | ''; done: number; total: number } }
  | { type: 'text'; data: { id: string; text: string; whole?: true } };
