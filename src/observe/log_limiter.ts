/** How many lines of one kind a log takes: what happens with every request must not fill it. */
import type { Clock } from "../platform/clock.ts";

/** Lines of one event in a window; the rest are counted. */
export const LINES_PER_WINDOW = 20;
export const WINDOW_MS = 10_000;
/** Events are named in the code, so there are few; beyond these they share one window. */
const MAX_EVENTS = 500;

interface Window {
  begin: number;
  lines: number;
  leftOut: number;
}

export class LogLimiter {
  readonly #clock: Clock;
  readonly #unlimited: ReadonlySet<string>;
  readonly #windows = new Map<string, Window>();

  constructor(clock: Clock, unlimited: ReadonlySet<string>) {
    this.#clock = clock;
    this.#unlimited = unlimited;
  }

  /** True when a line of `event` may be written now; a line that may not is counted. */
  admit(event: string): boolean {
    if (this.#unlimited.has(event)) return true;
    const window = this.#windowOf(event);
    const now = this.#clock.now();
    if (now - window.begin >= WINDOW_MS && window.leftOut === 0) {
      window.begin = now;
      window.lines = 0;
    }
    if (window.lines < LINES_PER_WINDOW && window.leftOut === 0) {
      window.lines++;
      return true;
    }
    window.leftOut++;
    return false;
  }

  #windowOf(event: string): Window {
    const key = this.#windows.has(event) || this.#windows.size < MAX_EVENTS ? event : "";
    let window = this.#windows.get(key);
    if (window === undefined) {
      window = { begin: this.#clock.now(), lines: 0, leftOut: 0 };
      this.#windows.set(key, window);
    }
    return window;
  }

  /** True while lines were left out that `takeLeftOut` has not told yet. */
  get owes(): boolean {
    for (const { leftOut } of this.#windows.values()) if (leftOut > 0) return true;
    return false;
  }

  /** Events whose window is over with the number of lines that were left out in it; each begins a new window. */
  takeLeftOut(): { readonly event: string; readonly lines: number }[] {
    const now = this.#clock.now();
    const told = [];
    for (const [event, window] of this.#windows) {
      if (window.leftOut === 0 || now - window.begin < WINDOW_MS) continue;
      told.push({ event, lines: window.leftOut });
      Object.assign(window, { begin: now, lines: 0, leftOut: 0 });
    }
    return told;
  }
}
