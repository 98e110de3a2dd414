// The frames of a video as edges between which time can be cut. Constant rates are a rule, others a
// list.
import { clamp, nearest } from './timeline.ts';

export class FrameClock {
  readonly #start: number;
  readonly #rate: number; // frames a second
  readonly #frames: number;
  readonly #times: readonly number[] | null; // ascending; null: the rate is constant
  readonly duration: number;

  constructor(video: { start: number; rate: number; frames: number; duration: number }, times: readonly number[] | null = null) {
    this.#start = video.start;
    this.#rate = video.rate || 25;
    this.#frames = Math.max(1, video.frames);
    this.#times = times && times.length > 0 ? times : null;
    this.duration = video.duration;
  }

  // Where frame n begins; beyond the last one the end of the video.
  at(n: number): number {
    if (n >= this.#count) return this.duration;
    const frame = Math.max(0, n);
    return this.#times ? this.#times[frame]! : this.#start + frame / this.#rate;
  }

  // The frame on screen at `time`.
  frame(time: number): number {
    const slack = 0.01 / this.#rate;
    if (!this.#times) return clamp(Math.floor((time - this.#start) * this.#rate + 0.01), 0, this.#count - 1);
    const n = nearest(this.#times, time);
    return n > 0 && this.#times[n]! > time + slack ? n - 1 : n;
  }

  // The edge of a frame nearest to `time`, in milliseconds as the API keeps them.
  snap(time: number): number {
    const n = this.frame(time);
    const [before, after] = [this.at(n), this.at(n + 1)];
    return rounded(time - before <= after - time ? before : after);
  }

  // The edge `steps` frames from `time`; from between two edges the next one in that direction.
  step(time: number, steps: number): number {
    const n = this.frame(time);
    if (time >= this.duration - 0.01 / this.#rate) return rounded(this.at(this.#count + Math.min(0, steps)));
    const onEdge = Math.abs(this.at(n) - time) < 0.002;
    return rounded(this.at(Math.max(0, n + steps + (onEdge || steps > 0 ? 0 : 1))));
  }

  get #count(): number {
    return this.#times?.length ?? this.#frames;
  }
}

const rounded = (seconds: number) => Math.round(seconds * 1000) / 1000;
