// What the fake model answers. Words in the question choose the case:
//   never / 从不      not found              many / 多次     six moments, some of them unsure
//   fail / 失败       the job fails          think / 思考    with reasoning
//   MENU              what the default model says about samples/shapes.mp4
import type { Answer, AnswerEvent, JobOptions, Video } from '../../src/api/types.ts';
import { formatTime } from '../../src/state/time.ts';

export function fails(query: string): boolean {
  return /fail|失败/.test(query);
}

export function sampleTimes(video: Video, options: JobOptions): number[] {
  const from = options.from ?? 0;
  const to = options.to ?? video.duration;
  const rate = Number.parseFloat(String(options.frame_sampling_rate ?? 2)) || 2;
  const wanted = Math.min(Math.floor((to - from) * rate), options.max_frames ?? 64);
  const count = Math.max(2, wanted - (wanted % 2));
  return Array.from({ length: count }, (_, i) => from + ((to - from) * (i + 0.5)) / count);
}

export function answerTo(video: Video, query: string, options: JobOptions): Answer {
  if (options.enable_temporal_grounding === false) return plainAnswer(query);
  const times = sampleTimes(video, options);
  const from = options.from ?? 0;
  const to = options.to ?? video.duration;
  const format = options.output_format ?? 'HH:MM:SS.sss';
  const text = (t: number) => formatTime(t, format, video.frame_rate);
  const chinese = /\p{Script=Han}/u.test(query);
  const gap = (to - from) / (times.length / 2);
  const event = (a: number, b: number, label: string, confidence: number | null): AnswerEvent => {
    const start = Math.round((from + a * (to - from)) * 1000) / 1000;
    const end = Math.round((from + b * (to - from)) * 1000) / 1000;
    const unsure = Math.round(gap * (1.2 - (confidence ?? 0.2)) * 700) / 1000;
    return {
      start,
      end,
      start_text: text(start),
      end_text: text(end),
      label,
      confidence,
      ...(confidence !== null && { start_uncertainty: unsure, end_uncertainty: unsure * 0.7 }),
    };
  };

  let events: AnswerEvent[] = [event(0.3, 0.44, query, 0.914)];
  if (/never|从不/.test(query)) events = [];
  else if (/MENU/.test(query)) events = [event(4.5 / 14.9, 6.6 / 14.9, query, 0.904)];
  else if (/many|多次/.test(query)) {
    const label = (n: number) => (chinese ? `第 ${n} 次` : `time ${n}`);
    events = [
      event(0.05, 0.13, label(1), 0.95),
      event(0.2, 0.31, label(2), 0.81),
      event(0.28, 0.4, label(3), 0.46),
      event(0.52, 0.66, label(4), 0.88),
      event(0.74, 0.74, label(5), 0.63),
      event(0.82, 0.97, label(6), null),
    ];
  }
  const spans = events.map((e) => (chinese ? `${e.start} 到 ${e.end} 秒` : `${e.start} - ${e.end} seconds`));
  const response = events.length
    ? (chinese ? `事件发生在${spans.join('，')}。` : `The event happens in ${spans.join(', ')}.`) +
      `\n${JSON.stringify(events.map(({ start, end, label }) => ({ start, end, label })))}`
    : chinese
      ? '视频中没有出现这一事件。'
      : 'The event does not occur in the video.';
  const first = events[0];
  const last = events[events.length - 1];
  return {
    response,
    events,
    ...(first && last && { timestamp_range: [first.start_text, last.end_text] as [string, string] }),
    ...(/think|思考/.test(query) && {
      reasoning: chinese
        ? '我先看了每个时刻的画面。\n目标在第三段出现，随后离开画面，所以开始和结束的时间都比较确定。'
        : 'I looked at each moment in turn.\nThe thing asked for enters in the third part and leaves again, so both of its times are fairly certain.',
    }),
    model: 'nano',
    video: { path: video.name, duration: video.duration, frame_rate: video.frame_rate },
    sampling: {
      from, to, fps: times.length / (to - from), frames: times.length, slots: times.length / 2,
      width: 128, height: 96, prompt_style: 'timelens',
    },
    usage: { vision_tokens: times.length * 6, prompt_tokens: times.length * 6 + 181, generated_tokens: 31 },
    timing: { decode: 0.436, vision: 0.842, prefill: 0.623, generation: 0.305, first_token: 1.9, total: 2.206 },
    notes: events.length
      ? []
      : [{ code: 'absent', text: chinese ? '模型说事件没有发生' : 'the model says that the event does not occur' }],
    question: query,
  };
}

// Without grounding there are no times, and none of the fields that speak of them.
function plainAnswer(query: string): Answer {
  return {
    response: /\p{Script=Han}/u.test(query) ? '画面中有几个图形。' : 'There are some shapes.',
    model: 'nano',
    usage: { vision_tokens: 180, prompt_tokens: 211, generated_tokens: 7 },
    timing: { decode: 0.1, vision: 0.2, prefill: 0.1, generation: 0.1, first_token: 0.4, total: 0.5 },
  };
}
