/** Whether a phase of a connection goes on: a body that comes, an answer that is taken, a tunnel. */
import type { Limits, Timeouts } from "../../core/plan.ts";

export type Progress = "fine" | "too_slow" | "stuck";

export class ProgressWatch {
  /** When the phase began, and the bytes that it is measured from. */
  #startedAt = 0;
  #firstBytes = 0;
  /** The bytes when the phase was last judged. */
  #seenBytes = 0;
  #progressAt = 0;

  /** Begins a phase at `now`, when `bytes` had moved on the connection. Monotonic milliseconds. */
  begin(now: number, bytes: number): void {
    this.#startedAt = this.#progressAt = now;
    this.#firstBytes = this.#seenBytes = bytes;
  }

  /** Something moved at `now`. */
  note(now: number): void {
    this.#progressAt = now;
  }

  /** For how long nothing has moved. */
  silentFor(now: number): number {
    return now - this.#progressAt;
  }

  /**
   * Judges the phase by the `bytes` that have moved until `now`. `waits`: the peer may think for `first_byte` before it
   * has to move anything.
   */
  judge(
    now: number,
    bytes: number,
    waits: boolean,
    { minimum_rate: rate, minimum_rate_grace: grace }: Limits,
    { idle_progress: idle, first_byte: firstByte }: Timeouts,
  ): Progress {
    if (bytes < this.#seenBytes) {
      // What the peer has not taken of an answer counts only while some of it waits: a new count begins.
      this.begin(now, bytes);
      return "fine";
    }
    if (bytes > this.#seenBytes) this.#progressAt = now;
    this.#seenBytes = bytes;
    const elapsed = now - this.#startedAt;
    const ahead = bytes - this.#firstBytes - (rate * elapsed) / 1_000;
    const patience = waits && bytes === this.#firstBytes ? Math.max(grace, firstByte) : grace;
    if (rate > 0 && ahead < 0 && elapsed > patience) return "too_slow";
    if (idle > 0 && now - this.#progressAt >= idle) return "stuck";
    // Who was fast may live on that for as long as without any progress, and not for hours.
    const most = (rate * Math.max(idle, grace)) / 1_000;
    if (ahead > most) this.#firstBytes += ahead - most;
    return "fine";
  }
}
