/**
 * Feedback of all workers, in the supervisor: each token counts once, and what clients say of the hosts is summed up for a few
 * minutes.
 */
import type { Clock } from "../../../platform/clock.ts";
import { SlidingCounts } from "../rollouts/sliding_counts.ts";
import { Nonces } from "./limits.ts";
import type { AcceptedFeedback, FeedbackReport, FeedbackResult } from "./reports.ts";

export interface HostFeedback {
  readonly app: string;
  readonly flavor: string;
  readonly host: string;
  readonly failing: number;
  readonly samples: number;
}

export interface FeedbackLedgerOptions {
  readonly clock: Clock;
  /** How many reports came to this result. */
  readonly count: (result: FeedbackResult, amount: number) => void;
  /** Hears of each report that counts. */
  readonly accepted: (feedback: AcceptedFeedback) => void;
}

/** Sums are of the last minutes. */
export const FEEDBACK_WINDOW_MS = 300_000;
/** Tokens are younger than this, whatever the configuration says. */
const NONCES_KEPT_MS = 3_660_000;
const MOST_NONCES = 500_000;
/** Hosts whose sums are kept; of more those are forgotten of which nobody has spoken for longest. */
const MOST_HOSTS = 10_000;

export class FeedbackLedger {
  readonly #options: FeedbackLedgerOptions;
  readonly #nonces = new Nonces(NONCES_KEPT_MS, MOST_NONCES);
  readonly #hosts = new Map<string, { readonly of: AcceptedFeedback; readonly counts: SlidingCounts }>();

  constructor(options: FeedbackLedgerOptions) {
    this.#options = options;
  }

  take({ accepted, refused }: FeedbackReport): void {
    const { clock, count } = this.#options;
    for (const feedback of accepted) {
      const verdict = this.#nonces.take(feedback.nonce, clock.now());
      if (verdict === "new") this.#accept(feedback);
      // Another worker has had it before.
      else count(verdict === "seen" ? "replayed" : "limited", 1);
    }
    for (const [result, amount] of Object.entries(refused)) count(result as FeedbackResult, amount);
  }

  #accept(feedback: AcceptedFeedback): void {
    this.#options.count("accepted", 1);
    const { app, flavor, host } = feedback;
    const key = `${app}\0${flavor}\0${host}`;
    const known = this.#hosts.get(key) ?? { of: feedback, counts: new SlidingCounts(FEEDBACK_WINDOW_MS) };
    known.counts.add(!feedback.ok, this.#options.clock.now());
    this.#hosts.delete(key);
    this.#hosts.set(key, known);
    if (this.#hosts.size > MOST_HOSTS) this.#hosts.delete(this.#hosts.keys().next().value!);
    this.#options.accepted(feedback);
  }

  /** What clients have said of the hosts within the last minutes. */
  hosts(): HostFeedback[] {
    const now = this.#options.clock.now();
    return [...this.#hosts.values()]
      .map(({ of: { app, flavor, host }, counts }) => ({ app, flavor, host, ...counts.at(now) }))
      .filter(({ samples }) => samples > 0);
  }
}
