/** Switches whose hooks wait for the write that brings them: one for each name, however often it switches meanwhile. */
import type { Switch } from "./hooks.ts";

export class UnwrittenSwitches {
  #waiting = new Map<string, Switch>();

  /** An address that was never written is not told: what counts is what stands in the file, and what comes after it. */
  add(change: Switch): void {
    const from = this.#waiting.get(change.name)?.from ?? change.from;
    this.#waiting.delete(change.name);
    if (from !== change.to) this.#waiting.set(change.name, { ...change, from });
  }

  /** Those that the write which begins now brings. */
  take(): readonly Switch[] {
    const taken = [...this.#waiting.values()];
    this.#waiting.clear();
    return taken;
  }

  /** That write has failed. */
  giveBack(taken: readonly Switch[]): void {
    const newer = this.take();
    for (const change of [...taken, ...newer]) this.add(change);
  }
}
