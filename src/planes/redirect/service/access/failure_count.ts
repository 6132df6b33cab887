/** Counts refused credentials by address, so that a log tells of many in a few lines. */
import type { Clock } from "../../../../platform/clock.ts";
import type { AccessEvent } from "./environment.ts";

/** Between two lines. */
const QUIET_MS = 10_000;
/** Further addresses are counted together. */
const MAX_ADDRESSES = 1_024;
const OTHERS = "others";

/** The first refusal is told at once; then, every ten seconds that had any, how many there were and who had the most. */
export class FailureCount {
  readonly #clock: Clock;
  readonly #report: (event: AccessEvent) => void;
  readonly #counts = new Map<string, number>();
  #end: (() => void) | null = null;

  constructor(clock: Clock, report: (event: AccessEvent) => void) {
    this.#clock = clock;
    this.#report = report;
  }

  /** `address` is "" for a unix socket. */
  count(address: string): void {
    const known = this.#counts.has(address) || this.#counts.size < MAX_ADDRESSES;
    const from = known ? address || "unix socket" : OTHERS;
    this.#counts.set(from, (this.#counts.get(from) ?? 0) + 1);
    if (this.#end !== null) return;
    this.#tell();
    this.#end = this.#clock.every(QUIET_MS, () => this.#look());
  }

  #look(): void {
    if (this.#counts.size > 0) this.#tell();
    else this.stop();
  }

  #tell(): void {
    let count = 0;
    let most = ["", 0] as readonly [string, number];
    for (const entry of this.#counts) {
      count += entry[1];
      if (entry[1] > most[1]) most = entry;
    }
    const [from, from_count] = most;
    this.#report({
      event: "redirect_access_refused",
      level: "warning",
      text: `refused credentials at the management service: ${count}, ${from_count} of them from ${from}`,
      fields: { count, addresses: this.#counts.size, from, from_count },
    });
    this.#counts.clear();
  }

  stop(): void {
    this.#end?.();
    this.#end = null;
    this.#counts.clear();
  }
}
