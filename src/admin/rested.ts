/** Text that costs time to make, for whoever asks. */
import type { Clock } from "../platform/clock.ts";

/** What takes less is made without a rest. */
const CHEAP_MS = 5;
/** Making the text takes at most one part in so many of the time. */
const SHARE = 10;
const LONGEST_REST_MS = 2_000;

/**
 * A text that is always younger than the question, and yet made so seldom that those who ask all the time (in a process
 * that serves requests too) take no more than a tenth of it: they wait, and then share one text.
 */
export class RestedText {
  readonly #make: () => string;
  readonly #clock: Clock;
  #text = "";
  #begun = -Infinity;
  #restedAt = -Infinity;

  constructor(make: () => string, clock: Clock) {
    this.#make = make;
    this.#clock = clock;
  }

  /** Milliseconds after which `text` may be asked for a question that came at `askedAt` (monotonic); 0 = now. */
  waitMs(askedAt: number): number {
    return this.#begun > askedAt ? 0 : Math.max(0, this.#restedAt - this.#clock.now());
  }

  /** The text for a question that came at `askedAt`. */
  text(askedAt: number): string {
    if (this.#begun > askedAt) return this.#text;
    this.#begun = this.#clock.now();
    this.#text = this.#make();
    const end = this.#clock.now();
    const cost = end - this.#begun;
    this.#restedAt = cost < CHEAP_MS ? end : end + Math.min(cost * (SHARE - 1), LONGEST_REST_MS);
    return this.#text;
  }
}
