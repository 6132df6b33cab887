/** Engines of many rules are built beside those that act, one after the other, while the event loop serves clients. */
import type { Decider } from "../../../core/redirect/decider.ts";
import { runInSlices } from "../../../platform/slices.ts";

interface Build {
  readonly work: Iterator<void, Decider>;
  readonly done: (decider: Decider) => void;
}

export class EngineBuilds {
  /** By application: only the last one is carried out. */
  readonly #waiting = new Map<string, Build>();
  #running: Promise<void> | null = null;

  has(app: string): boolean {
    return this.#waiting.has(app);
  }

  /** Carries `work` out in steps, in place of what was begun for the application. `done` is called between two requests. */
  start(app: string, work: Iterator<void, Decider>, done: (decider: Decider) => void): void {
    this.#waiting.delete(app);
    this.#waiting.set(app, { work, done });
    this.#running ??= this.#run().finally(() => (this.#running = null));
  }

  cancel(app: string): void {
    this.#waiting.delete(app);
  }

  async settled(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  async #run(): Promise<void> {
    // Whoever starts several builds at once is done with that first.
    await Promise.resolve();
    for (let next = this.#next(); next !== null; next = this.#next()) {
      const [app, build] = next;
      const decider = await runInSlices(this.#whileWanted(app, build));
      if (decider === null) continue;
      this.#waiting.delete(app);
      build.done(decider);
    }
  }

  #next(): [string, Build] | null {
    const { done, value } = this.#waiting.entries().next();
    return done === true ? null : value;
  }

  /** Null where something else is to be built by then. */
  *#whileWanted(app: string, build: Build): Generator<void, Decider | null> {
    while (this.#waiting.get(app) === build) {
      const step = build.work.next();
      if (step.done === true) return step.value;
      yield;
    }
    return null;
  }
}
