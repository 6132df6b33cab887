/** The state of a store and who wants to know of it. */
import type { Clock } from "../platform/clock.ts";
import type { StoreState } from "./contract.ts";
import { StoreUnavailable } from "./errors.ts";

export class StateKeeper {
  readonly #clock: Clock;
  readonly #listeners = new Set<(state: StoreState) => void>();
  #state: StoreState;

  constructor(clock: Clock, reason: string) {
    this.#clock = clock;
    this.#state = { kind: "disconnected", since_ms: clock.now(), reason };
  }

  get state(): StoreState {
    return this.#state;
  }

  onState(listener: (state: StoreState) => void): () => void {
    // A function that is given twice is two listeners.
    const entry = (state: StoreState) => listener(state);
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  connected(): void {
    if (this.#state.kind === "disconnected") this.#become({ kind: "connected" });
  }

  /** A further reason is told too; the moment stays that of the loss. */
  disconnected(reason: string): void {
    const { kind } = this.#state;
    if (kind === "closed" || (this.#state.kind === "disconnected" && this.#state.reason === reason)) return;
    const since_ms = this.#state.kind === "disconnected" ? this.#state.since_ms : this.#clock.now();
    this.#become({ kind: "disconnected", since_ms, reason });
  }

  closed(): void {
    if (this.#state.kind === "closed") return;
    this.#become({ kind: "closed" });
    this.#listeners.clear();
  }

  /** Resolves when connected; rejects with StoreUnavailable after `limitMs` and when the store is closed. */
  async whenConnected(limitMs: number): Promise<void> {
    if (this.#state.kind === "connected") return;
    if (this.#state.kind === "closed") throw new StoreUnavailable("the store is closed");
    await new Promise<void>((resolve, reject) => {
      const settle = (end: () => void) => {
        stopTimer();
        stopListening();
        end();
      };
      const stopListening = this.onState(({ kind }) => {
        if (kind === "connected") settle(resolve);
        else if (kind === "closed") settle(() => reject(new StoreUnavailable("the store is closed")));
      });
      const stopTimer = this.#clock.every(Math.max(1, limitMs), () =>
        settle(() => reject(new StoreUnavailable(this.#reason(limitMs)))),
      );
    });
  }

  #reason(limitMs: number): string {
    const reason = this.#state.kind === "disconnected" ? `: ${this.#state.reason}` : "";
    return `no connection within ${limitMs} ms${reason}`;
  }

  #become(state: StoreState): void {
    this.#state = state;
    for (const listener of [...this.#listeners])
      try {
        listener(state);
      } catch (error) {
        reportError(error);
      }
  }
}
