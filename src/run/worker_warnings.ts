/** What a worker tells the operator, not more often than a log takes it: a fault may come with every request. */
import { LogLimiter } from "../observe/log_limiter.ts";
import { realClock, type Clock } from "../platform/clock.ts";

/** Longest text of a warning; a stack trace is as long as that at most. */
const LONGEST_TEXT = 4_096;
const LOOK_AGAIN_MS = 1_000;
const EVENT = "worker_warning";

export class WorkerWarnings {
  readonly #clock: Clock;
  readonly #send: (text: string) => void;
  readonly #limiter: LogLimiter;
  #stopLooking: (() => void) | null = null;

  constructor(send: (text: string) => void, clock: Clock = realClock) {
    this.#clock = clock;
    this.#send = send;
    this.#limiter = new LogLimiter(clock, new Set());
  }

  /** Sends `text`, or counts it where the window is full. May be passed on as it is. */
  readonly warn = (text: string): void => {
    if (this.#limiter.admit(EVENT)) this.#send(text.slice(0, LONGEST_TEXT));
    else this.#stopLooking ??= this.#clock.every(LOOK_AGAIN_MS, () => this.#look());
  };

  /** Tells how many were left out once their window is over. */
  #look(): void {
    for (const { lines } of this.#limiter.takeLeftOut()) this.#send(`${lines} more messages were left out`);
    if (this.#limiter.owes) return;
    this.#stopLooking?.();
    this.#stopLooking = null;
  }
}
