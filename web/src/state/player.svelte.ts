// The player as the rest of the page sees it. It works without a <video> that plays, too: then
// only the time moves.
import type { FrameClock } from './frames.ts';
import { clamp } from './timeline.ts';

export interface Loop {
  start: number;
  end: number;
}

const shuttleSpeeds = [1, 2, 4, 8];

export class Player {
  time = $state(0);
  playing = $state(false);
  speed = $state(1);
  muted = $state(false);
  loop: Loop | null = $state(null);
  duration = $state(0);
  frameRate = 25;
  clock: FrameClock | null = null; // when the frames are on screen
  #element: HTMLVideoElement | null = null;
  #timer = 0;
  #shuttle = 0; // below 0: backwards, which browsers cannot do by themselves
  #shuttleTimer: ReturnType<typeof setInterval> | undefined;

  // For a {@attach}: the element whose player this is.
  attach = (element: HTMLVideoElement) => {
    this.#element = element;
    const follow = () => {
      this.time = this.#inLoop(element.currentTime);
      this.#timer = element.paused ? 0 : requestAnimationFrame(follow);
    };
    const listeners: Record<string, () => void> = {
      play: () => {
        this.playing = true;
        cancelAnimationFrame(this.#timer);
        follow();
      },
      pause: () => (this.playing = false),
      seeked: () => {
        if (element.paused && this.#shuttle === 0) this.time = element.currentTime;
      },
      loadedmetadata: () => (element.currentTime = this.time),
    };
    for (const [name, listener] of Object.entries(listeners)) element.addEventListener(name, listener);
    return () => {
      for (const [name, listener] of Object.entries(listeners)) element.removeEventListener(name, listener);
      cancelAnimationFrame(this.#timer);
      this.#stopShuttle();
      this.playing = false;
      this.#element = null;
    };
  };

  seek(time: number): void {
    const target = clamp(time, 0, this.duration);
    if (this.loop && (target < this.loop.start - 0.05 || target > this.loop.end + 0.05)) this.loop = null;
    this.time = target;
    if (this.#element) this.#element.currentTime = target;
  }

  toggle(): void {
    const wasShuttling = this.#shuttle < 0;
    this.#stopShuttle();
    if (this.playing || wasShuttling) this.#element?.pause();
    else this.play();
  }

  play(): void {
    if (!this.#element) return;
    this.#stopShuttle();
    if (this.time >= this.duration - 0.05 && !this.loop) this.seek(0);
    this.#element.playbackRate = this.speed;
    // Refused when the file cannot be played; the element's error event tells the reader.
    this.#element.play().catch(() => {});
  }

  pause(): void {
    this.#stopShuttle();
    this.#element?.pause();
  }

  setSpeed(speed: number): void {
    this.speed = speed;
    if (this.#element) this.#element.playbackRate = speed;
  }

  toggleMuted(): void {
    this.muted = !this.muted;
  }

  // Seeks a little into the frame: at its very edge a decoder may show the one before.
  step(frames: number): void {
    this.pause();
    const frame = (this.clock?.frame(this.time) ?? Math.floor(this.time * this.frameRate + 0.01)) + frames;
    const time = this.clock?.at(Math.max(0, frame)) ?? Math.max(0, frame) / this.frameRate;
    this.seek(time + 0.001 / this.frameRate);
  }

  // J and L: each press in the same direction is faster, the other direction starts at once.
  shuttle(direction: 1 | -1): void {
    const now = this.#shuttle < 0 ? this.#shuttle : this.playing ? this.speed : 0;
    const index = Math.sign(now) === direction ? shuttleSpeeds.indexOf(Math.abs(now)) + 1 : 0;
    const speed = shuttleSpeeds[Math.min(index, shuttleSpeeds.length - 1)]!;
    if (direction > 0) {
      this.setSpeed(speed);
      this.play();
      return;
    }
    this.pause();
    this.#shuttle = -speed;
    const step = 0.1;
    this.#shuttleTimer = setInterval(() => {
      this.seek(this.time + this.#shuttle * step);
      if (this.time <= 0) this.#stopShuttle();
    }, step * 1000);
  }

  // From the start of the interval; a moment is shown with half a second around it.
  startLoop(start: number, end: number): void {
    const around = Math.max(0, (1 - (end - start)) / 2);
    const short = end - start < 0.2;
    const from = short ? Math.max(0, start - around) : start;
    const to = short ? Math.min(this.duration, end + around) : end;
    this.loop = { start: from, end: to };
    this.seek(from);
    this.play();
  }

  #inLoop(time: number): number {
    const { loop } = this;
    const element = this.#element;
    // At the very end a browser pauses by itself.
    if (!loop || !element || time < Math.min(loop.end, this.duration - 0.05)) return time;
    element.currentTime = loop.start;
    if (element.paused) element.play().catch(() => {});
    return loop.start;
  }

  #stopShuttle(): void {
    clearInterval(this.#shuttleTimer);
    this.#shuttle = 0;
  }
}
