// One video with one question: the selected moment, the part of the timeline in view, and what a
// person makes of the moments before it is saved.
import type { ErrorBody, Job, Span, Video } from '../api/types.ts';
import { t } from '../i18n/index.svelte.ts';
import { isGrounded } from './answer.ts';
import { api, app, describe } from './app.svelte.ts';
import { FrameClock } from './frames.ts';
import { jobs } from './jobs.svelte.ts';
import type { CurvePoint } from './looks.ts';
import { addMoment, removeMoment, setEdge, shownMoments, splitMoment, type Edit, type Shown } from './moments.ts';
import { Player } from './player.svelte.ts';
import { sampledFrames, type Strip } from './strips.ts';
import { frameInterval, nearest, reveal, smallestSpan, zoom, type View } from './timeline.ts';

export type { Shown } from './moments.ts';

const cutsAround = 3; // seconds to either side of an edge
const newLength = 2; // seconds of a moment that is added

export class Workspace {
  readonly video: Video;
  readonly player = new Player();
  readonly smallest: number;
  jobId: string | null = $state(null);
  view: View = $state({ from: 0, to: 1 });
  selected: number | null = $state(null);
  threshold = $state(0); // least confidence shown, 0 to 1
  // The part that the next question is about, in seconds; null: from the start, to the end.
  part: { from: number | null; to: number | null } = $state({ from: null, to: null });
  // What the model saw of it: when each frame is on screen, and pictures of them as far as they
  // were asked for; a picture holds a part of the frames.
  sampledTimes: number[] = $state.raw([]);
  curve: CurvePoint[] = $state.raw([]); // what the question attends to; lists of jobs have none
  frames: Strip[] = $state.raw([]);
  framesError: ErrorBody | null = $state(null);
  draft: Span[] | null = $state.raw(null); // not saved
  clock: FrameClock = $state.raw(new FrameClock({ start: 0, rate: 25, frames: 1, duration: 0 }));
  cuts: number[] = $state.raw([]); // seconds, as far as they were looked for
  readonly #searched: View[] = [];
  // Further questions whose moments lie on the timeline as well.
  lanes: string[] = $state([]);

  readonly job: Job | undefined = $derived(this.jobId === null ? undefined : jobs.byId.get(this.jobId));
  readonly live = $derived(this.jobId === null ? undefined : jobs.live.get(this.jobId));
  readonly events: Shown[] = $derived(shownMoments(this.job?.result?.events ?? [], this.draft ?? this.job?.corrections ?? null));
  readonly visibleEvents = $derived(
    this.events.filter((event) => (event.confidence ?? 1) >= this.threshold),
  );
  readonly editable = $derived(this.job?.state === 'done' && isGrounded(this.job));
  readonly framesShown = $derived(this.frames.reduce((sum, { times }) => sum + times.length, 0));
  readonly hasMoreFrames = $derived(this.framesShown < (this.frames[0]?.total ?? 0));
  readonly isZoomed = $derived.by(
    () => this.view.to - this.view.from < this.video.duration * 0.999,
  );

  constructor(video: Video) {
    this.video = video;
    this.player.duration = video.duration;
    this.player.frameRate = video.frame_rate || 25;
    this.smallest = smallestSpan(video.duration, video.frame_rate);
    this.view = { from: 0, to: video.duration };
    this.#setClock(new FrameClock({ start: 0, rate: video.frame_rate, frames: video.frames, duration: video.duration }));
  }

  #setClock(clock: FrameClock): void {
    this.clock = clock;
    this.player.clock = clock;
  }

  // The exact times of the frames; until they are there, those of the mean rate do.
  async readClock(): Promise<void> {
    const { id, constant_rate, duration } = this.video;
    try {
      let part = await api.frameTimes(id, 0, constant_rate ? 1 : 100_000);
      const { start, frames, times } = part;
      const [count = 25, seconds = 1] = part.rate;
      while (!constant_rate && part.next !== null) {
        part = await api.frameTimes(id, part.next, 100_000);
        for (const time of part.times) times.push(time);
      }
      this.#setClock(new FrameClock({ start, rate: count / seconds, frames, duration }, constant_rate ? null : times));
    } catch {
      // The mean rate stays.
    }
  }

  open(jobId: string | null): void {
    if (this.jobId === jobId) return;
    this.jobId = jobId;
    this.selected = null;
    this.draft = null;
    this.sampledTimes = [];
    this.curve = [];
    this.frames = [];
    this.framesError = null;
    this.player.loop = null;
  }

  toggleLane(jobId: string): void {
    this.lanes = this.lanes.includes(jobId) ? this.lanes.filter((id) => id !== jobId) : [...this.lanes, jobId];
  }

  // The open question and one of the lanes change places; `index`: of the moment to select.
  exchange(jobId: string, index: number | null): void {
    const { jobId: before } = this;
    this.lanes = this.lanes.map((id) => (id === jobId && before !== null ? before : id));
    this.open(jobId);
    this.select(index);
  }

  async readSampledTimes(): Promise<void> {
    const id = this.jobId;
    if (id === null) return;
    try {
      const times = await api.sampledTimes(id);
      if (this.jobId === id) this.sampledTimes = times;
    } catch (error) {
      if (this.jobId === id) this.framesError = describe(error);
    }
  }

  async readCurve(): Promise<void> {
    const id = this.jobId;
    if (id === null) return;
    try {
      const curve = (await api.job(id)).result?.evidence?.curve ?? [];
      if (this.jobId === id) this.curve = curve.map(([time = 0, value = 0]) => [time, value]);
    } catch {
      // The timeline does without.
    }
  }

  async moreFrames(): Promise<void> {
    const id = this.jobId;
    if (id === null) return;
    const before = this.frames;
    try {
      const strip = await sampledFrames(id, this.framesShown);
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

  // Looks for cuts around the edges of a moment, so that those can snap to them.
  async readCuts(span: { start: number; end: number }): Promise<void> {
    const { id, duration } = this.video;
    for (const edge of [span.start, span.end]) {
      const [from, to] = [Math.max(0, edge - cutsAround), Math.min(duration, edge + cutsAround)];
      if (this.#searched.some((done) => done.from <= from && done.to >= to)) continue;
      this.#searched.push({ from, to });
      try {
        const found = await api.cuts(id, from, to);
        this.cuts = [...new Set([...this.cuts, ...found])].sort((a, b) => a - b);
      } catch {
        // Edges snap to frames alone.
      }
    }
  }

  // To a cut within `reach` seconds, else to a frame.
  snap(time: number, reach = 0): number {
    const cut = this.cuts[nearest(this.cuts, time)];
    return cut !== undefined && Math.abs(cut - time) <= reach ? cut : this.clock.snap(time);
  }

  // Every change becomes part of the draft.
  adjust(index: number, span: { start: number; end: number }): void {
    const moments = this.#moments();
    const old = moments[index];
    if (old) this.draft = replaced(moments, index, { ...old, start: span.start, end: span.end });
  }

  // The chosen edge at the playhead. Where no moment is selected, a new one begins or ends there.
  mark(edge: 'start' | 'end'): void {
    if (!this.editable) return;
    const time = this.clock.snap(this.player.time);
    const moments = this.#moments();
    const old = this.selected === null ? undefined : moments[this.selected];
    if (old && this.selected !== null) {
      const { start, end } = setEdge(old, edge, time, this.video.duration);
      this.adjust(this.selected, { start, end });
      app.announcement = t(edge === 'start' ? 'edit.startSet' : 'edit.endSet');
    } else {
      this.#add(edge === 'start' ? time : Math.max(0, time - newLength));
    }
  }

  // At the playhead.
  add(): void {
    if (this.editable) this.#add(this.clock.snap(this.player.time));
  }

  #add(wanted: number): void {
    const { duration } = this.video;
    const start = this.clock.snap(Math.min(wanted, Math.max(0, duration - 0.5)));
    const end = this.clock.snap(Math.min(duration, start + newLength));
    this.#edit(addMoment(this.#moments(), { start, end, label: this.job?.query ?? '' }));
    app.announcement = t('edit.added');
  }

  remove(): void {
    if (!this.editable || this.selected === null || !this.events[this.selected]) return;
    this.#edit(removeMoment(this.#moments(), this.selected));
    app.announcement = t('edit.removed');
  }

  // Whether the playhead is inside the selected moment.
  get canSplit(): boolean {
    const event = this.selected === null ? undefined : this.events[this.selected];
    if (!this.editable || !event) return false;
    const time = this.clock.snap(this.player.time);
    return time > event.start && time < event.end;
  }

  split(): void {
    if (!this.canSplit || this.selected === null) return;
    this.#edit(splitMoment(this.#moments(), this.selected, this.clock.snap(this.player.time)));
    app.announcement = t('edit.splitDone');
  }

  relabel(index: number, label: string): void {
    const moments = this.#moments();
    const old = moments[index];
    if (old && old.label !== label) this.draft = replaced(moments, index, { ...old, label });
  }

  #moments(): Span[] {
    return this.draft ?? this.events.map(({ start, end, label }) => ({ start, end, label }));
  }

  #edit(edit: Edit | null): void {
    if (!edit) return;
    this.draft = edit.moments;
    this.selected = edit.index;
  }

  async saveDraft(): Promise<void> {
    const events = this.draft;
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

const replaced = (moments: readonly Span[], index: number, moment: Span) =>
  moments.map((old, n) => (n === index ? moment : old));
