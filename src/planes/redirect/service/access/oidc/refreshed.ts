/** Something that is fetched from elsewhere and kept: what is old is fetched again, and goes on where that fails. */
import type { Clock } from "../../../../../platform/clock.ts";

export interface RefreshedOptions<Value> {
  readonly clock: Clock;
  /** It is fetched again when it is older. */
  readonly max_age_ms: number;
  /** Between two times that it is fetched because something was missing in it. */
  readonly cooldown_ms: number;
  load(): Promise<Value>;
  /** After the first failure, and after the first success that follows. */
  report(problem: string | null): void;
}

const FIRST_WAIT_MS = 1_000;
const MAX_WAIT_MS = 60_000;

export class Refreshed<Value> {
  readonly #options: RefreshedOptions<Value>;
  #value: { readonly value: Value; readonly at: number } | null = null;
  #loading: Promise<void> | null = null;
  #failures = 0;
  #retryAt = -Infinity;

  constructor(options: RefreshedOptions<Value>) {
    this.#options = options;
  }

  /** Null where it could never be fetched. Does not reject. */
  async current(): Promise<Value | null> {
    const { clock, max_age_ms } = this.#options;
    if (this.#value === null || clock.now() - this.#value.at >= max_age_ms) await this.#load();
    return this.#value?.value ?? null;
  }

  /** The same, fetched anew where the last time is long enough ago: for somebody who misses something in it. */
  async renewed(): Promise<Value | null> {
    const { clock, cooldown_ms } = this.#options;
    if (this.#value === null || clock.now() - this.#value.at >= cooldown_ms) await this.#load();
    return this.#value?.value ?? null;
  }

  /** Milliseconds until it may be tried again, 0 after a success. */
  get wait_ms(): number {
    return Math.max(0, this.#retryAt - this.#options.clock.now());
  }

  #load(): Promise<void> {
    if (this.wait_ms > 0) return Promise.resolve();
    this.#loading ??= this.#tryToLoad().finally(() => {
      this.#loading = null;
    });
    return this.#loading;
  }

  async #tryToLoad(): Promise<void> {
    const { clock, load, report } = this.#options;
    try {
      const value = await load();
      this.#value = { value, at: clock.now() };
      this.#retryAt = -Infinity;
      if (this.#failures > 0) report(null);
      this.#failures = 0;
    } catch (error) {
      const wait = Math.min(FIRST_WAIT_MS * 2 ** this.#failures, MAX_WAIT_MS);
      this.#retryAt = clock.now() + wait;
      this.#failures++;
      if (this.#failures === 1) report(error instanceof Error ? error.message : String(error));
    }
  }
}
