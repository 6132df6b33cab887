/**
 * Passive health: a backend whose tries fail again and again is left out for a while, for longer each time it happens
 * again. What is judged is what traffic has seen, so it works without a health check and beside one.
 */
import type { OutlierPlan } from "../plan.ts";

/** What is known of one member. */
export class OutlierRecord {
  /** Failures in a row, up to the last try. */
  #failures = 0;
  /** When the first of them was, in monotonic milliseconds. */
  #since = 0;
  /** How often it has been left out lately. */
  #times = 0;
  #endedAt = 0;

  /**
   * A try has ended at `now`. Returns the milliseconds for which the member should be left out, 0 = not at all: after so
   * many failures in a row within the window, `ejection`, doubled for each time before up to `max_ejection`. A time before
   * is forgotten for each `max_ejection` that the member has served since.
   */
  ended(failed: boolean, now: number, plan: OutlierPlan): number {
    if (!failed) {
      this.#failures = 0;
      return 0;
    }
    if (this.#failures === 0 || now - this.#since > plan.window_ms) {
      this.#failures = 0;
      this.#since = now;
    }
    if (++this.#failures < plan.failures) return 0;
    this.#failures = 0;
    return Math.min(plan.max_ejection_ms, plan.ejection_ms * 2 ** this.#lately(now, plan));
  }

  /** It is left out from `now` on for so long. */
  ejected(ms: number, now: number, plan: OutlierPlan): void {
    this.#times = this.#lately(now, plan) + 1;
    this.#endedAt = now + ms;
  }

  /** How often it has been left out, but for what is forgotten by `now`. */
  #lately(now: number, { max_ejection_ms: longest }: OutlierPlan): number {
    return Math.max(0, this.#times - Math.floor(Math.max(0, now - this.#endedAt) / longest));
  }
}

/** Most members of a pool of `count` that may be left out at once: the share of it, and one at least. */
export function mostEjected(count: number, { max_ejected }: OutlierPlan): number {
  return count < 2 ? 0 : Math.max(1, Math.floor(count * max_ejected));
}
