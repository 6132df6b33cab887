/** What workers tell the supervisor of feedback: gathered for a moment, then in one message. */
import type { Clock } from "../../../platform/clock.ts";
import type { FeedbackTarget } from "./token.ts";

/** What becomes of a report of a client. */
export const FEEDBACK_RESULTS = [
  "accepted",
  "malformed",
  "forged",
  "expired",
  "replayed",
  "limited",
] as const;
export type FeedbackResult = (typeof FEEDBACK_RESULTS)[number];

export interface AcceptedFeedback extends FeedbackTarget {
  readonly ok: boolean;
  readonly nonce: string;
}

export interface FeedbackReport {
  readonly accepted: readonly AcceptedFeedback[];
  /** How many were refused, and why. */
  readonly refused: Readonly<Partial<Record<Exclude<FeedbackResult, "accepted">, number>>>;
}

/** What comes within this time travels together. */
export const GATHER_MS = 200;
/** More than this does not wait. */
export const MOST_GATHERED = 1_000;

export class FeedbackGatherer {
  readonly #clock: Clock;
  readonly #tell: (report: FeedbackReport) => void;
  #accepted: AcceptedFeedback[] = [];
  #refused: Partial<Record<Exclude<FeedbackResult, "accepted">, number>> = {};
  #endWait: (() => void) | null = null;

  constructor(clock: Clock, tell: (report: FeedbackReport) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  accept(feedback: AcceptedFeedback): void {
    this.#accepted.push(feedback);
    if (this.#accepted.length >= MOST_GATHERED) this.#send();
    else this.#sendSoon();
  }

  refuse(result: Exclude<FeedbackResult, "accepted">): void {
    this.#refused[result] = (this.#refused[result] ?? 0) + 1;
    this.#sendSoon();
  }

  #sendSoon(): void {
    this.#endWait ??= this.#clock.every(GATHER_MS, () => this.#send());
  }

  #send(): void {
    this.#endWait?.();
    this.#endWait = null;
    const report: FeedbackReport = { accepted: this.#accepted, refused: this.#refused };
    this.#accepted = [];
    this.#refused = {};
    this.#tell(report);
  }
}
