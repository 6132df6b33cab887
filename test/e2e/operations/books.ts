/** What failed, and what may fail: each act that costs something says how much at most, and where the number comes from. */
import type { Failure, StreamEnd } from "./messages.ts";

/** A time in which requests may fail, and how many. */
export interface Allowance {
  readonly act: string;
  readonly from: number;
  readonly to: number;
  /** From the shared counters. */
  readonly most: number;
  /** True for a failure that the act can bring about. */
  fits(failure: Failure): boolean;
  /** Open streams may end in this time. */
  readonly endsStreams: boolean;
}

/** A drain has begun in this time; it cuts streams when their own is over. */
interface Drain {
  readonly from: number;
  readonly to: number;
}

export interface Verdict {
  readonly allowances: readonly { readonly act: string; readonly most: number; readonly seen: number }[];
  /** Failures that nothing explains. */
  readonly unexplained: readonly Failure[];
  readonly unexplainedEnds: readonly StreamEnd[];
  /** Streams that ended because their time to drain was over. */
  readonly drainedStreams: number;
}

/** A stream is looked at by a clock that ticks, and by clients that are behind. */
const EARLY_MS = 150;
const LATE_MS = 4_000;

export class Books {
  readonly failures: Failure[] = [];
  readonly streamEnds: StreamEnd[] = [];
  readonly #allowances: Allowance[] = [];
  readonly #drains: Drain[] = [];

  allow(allowance: Allowance): void {
    this.#allowances.push(allowance);
  }

  drains(from: number, to: number): void {
    this.#drains.push({ from, to });
  }

  judge(drainTunnelsMs: number): Verdict {
    const seen = new Map(this.#allowances.map((allowance) => [allowance, 0]));
    const within = (at: number) => this.#allowances.filter(({ from, to }) => from <= at && at <= to);
    const unexplained = this.failures.filter((failure) => {
      const cause = within(failure.at).find((allowance) => allowance.fits(failure));
      if (cause === undefined) return true;
      seen.set(cause, seen.get(cause)! + 1);
      return false;
    });
    let drainedStreams = 0;
    const unexplainedEnds = this.streamEnds.filter((end) => {
      if (within(end.at).some(({ endsStreams }) => endsStreams)) return false;
      const isDrained = this.#drains.some(
        ({ from, to }) =>
          end.openedAt < to + LATE_MS &&
          end.at > from + drainTunnelsMs - EARLY_MS &&
          end.at < to + drainTunnelsMs + LATE_MS,
      );
      if (isDrained && end.how === "cut") drainedStreams++;
      return !isDrained || end.how !== "cut";
    });
    return {
      allowances: [...seen].map(([{ act, most }, count]) => ({ act, most, seen: count })),
      unexplained,
      unexplainedEnds,
      drainedStreams,
    };
  }
}
