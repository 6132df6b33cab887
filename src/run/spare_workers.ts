/** Workers that are launched before it is known how many are needed. */
import { ChildWorker } from "./child_worker.ts";

export class SpareWorkers {
  readonly #command: readonly string[];
  readonly #spare = new Map<number, ChildWorker>();

  /** Launches `count` workers, by slots from 0. */
  constructor(command: readonly string[], count: number) {
    this.#command = command;
    try {
      for (let index = 0; index < count; index++) this.#spare.set(index, new ChildWorker(index, command));
    } catch {
      // Whoever takes the worker of that slot is told.
    }
  }

  /** The worker of a slot: the one that waits for it, once, or else a new one. Throws when it cannot be launched. */
  take(index: number): ChildWorker {
    const waiting = this.#spare.get(index);
    this.#spare.delete(index);
    return waiting ?? new ChildWorker(index, this.#command);
  }

  /** Ends those that nobody has taken. */
  end(): void {
    for (const worker of this.#spare.values()) worker.kill();
    this.#spare.clear();
  }
}
