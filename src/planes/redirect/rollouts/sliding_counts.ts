/** How many of the samples of the last time have failed. */
import type { HealthSignal } from "../../../core/redirect/rollout.ts";

/** The time is cut into so many slices, the oldest of which is forgotten as a whole. */
const SLICES = 10;

export class SlidingCounts {
  readonly #sliceMs: number;
  readonly #failing = new Float64Array(SLICES);
  readonly #samples = new Float64Array(SLICES);
  /** Number of the newest slice since the clock began. */
  #slice = 0;

  /** At least nine tenths of `windowMs` are looked at. */
  constructor(windowMs: number) {
    this.#sliceMs = Math.max(1, windowMs / SLICES);
  }

  /** `now` is monotonic. */
  add(failed: boolean, now: number): void {
    this.#move(now);
    const at = this.#slice % SLICES;
    this.#samples[at]!++;
    if (failed) this.#failing[at]!++;
  }

  at(now: number): HealthSignal {
    this.#move(now);
    const sum = (counts: Float64Array): number => counts.reduce((one, other) => one + other, 0);
    return { failing: sum(this.#failing), samples: sum(this.#samples) };
  }

  #move(now: number): void {
    const slice = Math.floor(now / this.#sliceMs);
    const passed = Math.min(SLICES, slice - this.#slice);
    for (let step = 1; step <= passed; step++) {
      const at = (slice - passed + step) % SLICES;
      this.#failing[at] = this.#samples[at] = 0;
    }
    this.#slice = Math.max(this.#slice, slice);
  }
}
