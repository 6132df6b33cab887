/** Time as the program sees it. Code that depends on time takes a Clock, so that tests can move it by hand. */

export interface Clock {
  /** Monotonic milliseconds: never set back, unrelated to the calendar. */
  now(): number;
  /** Milliseconds since 1970-01-01 UTC; jumps when the machine's clock is set. */
  wall(): number;
  /** Calls `run` every `intervalMs` until the returned function is called. Does not keep the process alive. */
  every(intervalMs: number, run: () => void): () => void;
}

/** The machine's clocks. */
export const realClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  every(intervalMs, run) {
    const timer = setInterval(run, intervalMs);
    timer.unref();
    return () => clearInterval(timer);
  },
};

interface Repeated {
  readonly intervalMs: number;
  readonly run: () => void;
  due: number;
}

/** A clock that stands still until `advance` is called. */
export class ManualClock implements Clock {
  #now = 0;
  #wallOffset: number;
  readonly #repeated = new Set<Repeated>();

  constructor(wallStart = 1_700_000_000_000) {
    this.#wallOffset = wallStart;
  }

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#wallOffset + this.#now;
  }

  every(intervalMs: number, run: () => void): () => void {
    if (!(intervalMs > 0)) throw new RangeError(`interval must be above 0, not ${intervalMs}`);
    const entry = { intervalMs, run, due: this.#now + intervalMs };
    this.#repeated.add(entry);
    return () => void this.#repeated.delete(entry);
  }

  /** Moves both clocks forward, running what falls due on the way in the order of time. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      let next: Repeated | null = null;
      for (const entry of this.#repeated)
        if (entry.due <= end && entry.due < (next?.due ?? Infinity)) next = entry;
      if (next === null) break;
      this.#now = next.due;
      next.due += next.intervalMs;
      next.run();
    }
    this.#now = end;
  }

  /** Sets the calendar clock alone, as an operator or NTP would. */
  setWall(wall: number): void {
    this.#wallOffset = wall - this.#now;
  }
}
