/** What the responder tells its operator. `text` is one sentence; the rest are fields for machines. */
import { messageOf } from "../../../core/text/message_of.ts";
import type { Clock } from "../../../platform/clock.ts";

/** What any packet can cause is told of once in so long. */
const SELDOM_MS = 60_000;

export interface DnsEvent {
  readonly event: string;
  readonly level: "info" | "warning" | "error";
  readonly text: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

export class DnsReports {
  readonly #clock: Clock;
  readonly #report: (event: DnsEvent) => void;
  /** Monotonic, by event; there are as many as this code has words. */
  readonly #last_ms = new Map<string, number>();

  constructor(clock: Clock, report: (event: DnsEvent) => void) {
    this.#clock = clock;
    this.#report = report;
  }

  tell(event: DnsEvent): void {
    this.#report(event);
  }

  /** For what may happen with each packet: left out when the same event was told of a short while ago. */
  tellSeldom(event: string, level: DnsEvent["level"], text: string, error?: unknown): void {
    const now = this.#clock.now();
    if (now - (this.#last_ms.get(event) ?? -Infinity) < SELDOM_MS) return;
    this.#last_ms.set(event, now);
    this.#report({ event, level, text: error === undefined ? text : `${text}: ${messageOf(error)}` });
  }
}
