// The shapes of docs/api.md and docs/formats.md. Times are seconds unless said otherwise.

export interface Video {
  id: string;
  name: string;
  size: number; // bytes
  created: string; // RFC 3339
  duration: number;
  frame_rate: number; // mean, frames a second
  constant_rate: boolean;
  frames: number;
  width: number;
  height: number;
  rotation: number;
  codec: string;
}

export type TimeFormat = 'HH:MM:SS.sss' | 'MM:SS.ff' | 'seconds' | 'frames';
export type PromptStyle = 'auto' | 'qwen' | 'timelens' | 'timelens2';

export interface JobOptions {
  enable_temporal_grounding?: boolean;
  return_reasoning?: boolean;
  output_format?: TimeFormat;
  frame_sampling_rate?: number | string;
  max_frames?: number;
  max_context_length?: number | string;
  max_new_tokens?: number;
  from?: number;
  to?: number;
  prompt_style?: PromptStyle;
}

// An event as a person corrected it.
export interface Span {
  start: number;
  end: number;
  label: string;
}

export interface AnswerEvent extends Span {
  start_text: string;
  end_text: string;
  confidence: number | null;
  start_uncertainty?: number;
  end_uncertainty?: number;
}

// What only a grounded answer has (enable_temporal_grounding) is optional.
export interface Answer {
  response: string;
  events?: AnswerEvent[];
  timestamp_range?: [string, string];
  reasoning?: string;
  model: string;
  video?: { path: string; duration: number; frame_rate: number };
  sampling?: {
    from: number;
    to: number;
    fps: number;
    frames: number;
    slots: number;
    width: number;
    height: number;
    prompt_style: string;
  };
  reused?: { slots: number; prefix_tokens: number };
  usage: { vision_tokens: number; prompt_tokens: number; generated_tokens: number };
  timing: {
    decode: number;
    vision: number;
    prefill: number;
    generation: number;
    first_token: number;
    total: number;
  };
  notes?: { code: string; text: string }[];
  question?: string;
}

export type JobState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';
export type Stage = 'queued' | 'probing' | 'decoding' | 'encoding' | 'reading' | 'answering';

export interface Progress {
  stage: Stage;
  done: number;
  total: number;
}

export interface Job {
  id: string;
  state: JobState;
  video: { id: string; name: string };
  query: string;
  options: JobOptions | null;
  priority: number;
  created: string;
  started: string | null;
  finished: string | null;
  attempts: number;
  progress?: Progress; // until it has ended
  result: Answer | null;
  corrections: Span[] | null;
  error: ErrorBody | null;
}

export interface ErrorBody {
  code: string;
  message: string;
  hint?: string;
  request_id?: string;
}

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

export interface ModelInfo {
  name: string;
  parameters: number;
  prompt_style: string;
  context: number; // tokens
  // What a checkpoint does not say is the family's own.
  sampling: { fps?: number; max_frames?: number; frame_pixels?: number } | null;
  version: string;
  threads: number;
  isa?: string;
}

export interface QueueInfo {
  queued: number;
  running: number;
  capacity: number;
}

export type ExportFormat = 'json' | 'csv' | 'srt' | 'vtt' | 'edl';
export const exportFormats: readonly ExportFormat[] = ['json', 'csv', 'srt', 'vtt', 'edl'];

// The stage of a job that has ended is empty.
export type ServerEvent =
  | { type: 'job'; data: { id: string; state: JobState; stage: Stage | ''; done: number; total: number } }
  | { type: 'text'; data: { id: string; text: string; whole?: true } };
