/** Below this the value counts as not known: it has faded, and the member is worth a new try. */
const LEAST_MS = 0.01;

/**
 * A moving average of durations that takes a longer one over at once and forgets it slowly, so that a backend that
 * becomes slow is left at once ("peak EWMA", the load balancer of Finagle). The weight of what was measured falls by e in
 * `decay` milliseconds, so it does not depend on how often is measured; without measurements the value falls as well.
 */
export class PeakEwma {
  readonly decay: number;
  #value = 0;
  #at = 0;

  constructor(decay: number) {
    this.decay = decay;
  }

  /** A duration in milliseconds that was measured at `now`, in monotonic milliseconds. */
  observe(duration: number, now: number): void {
    const before = this.at(now);
    const share = Math.exp(-Math.max(0, now - this.#at) / this.decay);
    this.#value = duration >= before ? duration : this.#value * share + duration * (1 - share);
    this.#at = now;
  }

  /** The average at `now`, in milliseconds; 0 = nothing is known. */
  at(now: number): number {
    const value = this.#value * Math.exp(-Math.max(0, now - this.#at) / this.decay);
    return value < LEAST_MS ? 0 : value;
  }
}
