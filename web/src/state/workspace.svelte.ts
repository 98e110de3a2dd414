// One video with one question: the selected moment, the part of the timeline in view, and the
// edges that a person moves before they are saved.
import type { AnswerEvent, ErrorBody, Job, Span, Video } from '../api/types.ts';
import { t } from '../i18n/index.svelte.ts';
import { api, app, describe } from './app.svelte.ts';
import { jobs } from './jobs.svelte.ts';
import { Player } from './player.svelte.ts';
import { sampledFrames, type Strip } from './strips.ts';
import { frameInterval, reveal, smallestSpan, zoom, type View } from './timeline.ts';

// A moment as it is shown: corrected or as the model gave it.
export interface Shown extends Span {
  index: number; // among the answer's events
  confidence: number | null;
  startUncertainty: number;
  endUncertainty: number;
  corrected: boolean;
}

export class Workspace {
  readonly video: Video;
  readonly player = new Player();
  readonly smallest: number;
  jobId: string | null = $state(null);
  view: View = $state({ from: 0, to: 1 });
  selected: number | null = $state(null);
  threshold = $state(0); // least confidence shown, 0 to 1
  onlyVisible = $state(false); // the next question is about the part in view
  // What the model saw of it, as far as it was asked for; a picture holds a part of the frames.
  frames: Strip[] = $state.raw([]);
  framesError: ErrorBody | null = $state(null);
  draft: Span[] | null = $state(null); // edges moved, not saved

  readonly job: Job | undefined = $derived(this.jobId === null ? undefined : jobs.byId.get(this.jobId));
  readonly live = $derived(this.jobId === null ? undefined : jobs.live.get(this.jobId));
  readonly events: Shown[] = $derived.by(() => {
    const original = this.job?.result?.events ?? [];
    const edited = this.draft ?? this.job?.corrections ?? null;
    return (edited ?? original).map((span, index) => shown(span, index, original[index]));
  });
  readonly visibleEvents = $derived(
    this.events.filter((event) => (event.confidence ?? 1) >= this.threshold),
  );
  readonly sampledTimes: number[] = $derived(this.frames.flatMap(({ times }) => times));
  readonly hasMoreFrames = $derived(this.sampledTimes.length < (this.frames[0]?.total ?? 0));
  readonly isZoomed = $derived.by(
    () => this.view.to - this.view.from < this.video.duration * 0.999,
  );

  constructor(video: Video) {
    this.video = video;
    this.player.duration = video.duration;
    this.player.frameRate = video.frame_rate || 25;
    this.smallest = smallestSpan(video.duration, video.frame_rate);
    this.view = { from: 0, to: video.duration };
  }

  open(jobId: string | null): void {
    if (this.jobId === jobId) return;
    this.jobId = jobId;
    this.selected = null;
    this.draft = null;
    this.frames = [];
    this.framesError = null;
    this.player.loop = null;
  }

  async moreFrames(): Promise<void> {
    const id = this.jobId;
    if (id === null) return;
    const before = this.frames;
    try {
      const strip = await sampledFrames(id, this.sampledTimes.length);
      if (this.jobId === id && this.frames === before) this.frames = [...before, strip];
    } catch (error) {
      if (this.jobId === id) this.framesError = describe(error);
    }
  }

  zoomBy(factor: number, anchor?: number): void {
    const middle = (this.view.from + this.view.to) / 2;
    const { time } = this.player;
    const inView = time >= this.view.from && time <= this.view.to;
    const at = anchor ?? (inView ? time : middle);
    this.view = zoom(this.view, factor, at, this.video.duration, this.smallest);
  }

  fit(): void {
    this.view = { from: 0, to: this.video.duration };
  }

  seek(time: number): void {
    this.player.seek(time);
    this.view = reveal(this.view, this.player.time, this.video.duration);
  }

  select(index: number | null): void {
    this.selected = index;
    const event = index === null ? undefined : this.events[index];
    if (!event) return;
    this.seek(event.start);
    this.view = reveal(this.view, event.end, this.video.duration);
  }

  // The moment before or after the selected one, or the playhead.
  selectNext(direction: 1 | -1): void {
    const list = [...this.visibleEvents].sort((a, b) => a.start - b.start);
    const at = list.findIndex((event) => event.index === this.selected);
    const { time } = this.player;
    const next =
      at >= 0
        ? list[at + direction]
        : direction > 0
          ? list.find((event) => event.start > time - 0.001)
          : list.filter((event) => event.start < time).pop();
    if (next) this.select(next.index);
  }

  zoomTo(index: number): void {
    const event = this.events[index];
    if (!event) return;
    this.view = frameInterval(event.start, event.end, this.video.duration, this.smallest);
  }

  loop(index: number): void {
    const event = this.events[index];
    if (!event) return;
    this.selected = index;
    this.player.startLoop(event.start, event.end);
  }

  // An event with an edge moved becomes part of the draft.
  adjust(index: number, span: { start: number; end: number }): void {
    this.draft ??= this.events.map(({ start, end, label }) => ({ start, end, label }));
    const old = this.draft[index];
    if (old) this.draft[index] = { ...old, start: span.start, end: span.end };
  }

  async saveDraft(): Promise<void> {
    const events = $state.snapshot(this.draft);
    if (events && (await this.#correct(events))) app.announcement = t('correct.done');
  }

  async takeBack(): Promise<void> {
    if (await this.#correct(null)) app.announcement = t('correct.undone');
  }

  async #correct(events: Span[] | null): Promise<boolean> {
    const id = this.jobId;
    if (id === null) return false;
    const done = await app.attempt(async () => {
      await api.correct(id, events);
      await jobs.refresh(id);
      return true;
    });
    if (done && this.jobId === id) this.draft = null;
    return done ?? false;
  }
}

function shown(span: Span, index: number, original: AnswerEvent | undefined): Shown {
  const same = original?.start === span.start && original.end === span.end;
  return {
    ...span,
    index,
    confidence: original?.confidence ?? null,
    startUncertainty: (same && original.start_uncertainty) || 0,
    endUncertainty: (same && original.end_uncertainty) || 0,
    corrected: !same,
  };
}
