/** A source of names that says what a test wants. */
import type { NameAnswer, NameSource } from "./names.ts";

export class FakeNames implements NameSource {
  /** Names that were looked up, in order. */
  readonly lookups: string[] = [];
  readonly #answers = new Map<string, NameAnswer | Promise<NameAnswer>>();
  #changed: (() => void) | null = null;
  closed = false;

  /** What lookups of `name` get from now on; unknown names fail. A promise is an answer that takes its time. */
  set(name: string, answer: readonly string[] | NameAnswer | Promise<NameAnswer>, ttl_ms = 5_000): void {
    this.#answers.set(
      name,
      Array.isArray(answer)
        ? { kind: "found", addresses: answer as readonly string[], ttl_ms }
        : (answer as NameAnswer),
    );
  }

  fail(name: string, reason = "server failure"): void {
    this.#answers.set(name, { kind: "failed", reason });
  }

  /** Says that all names deserve a new lookup. */
  change(): void {
    this.#changed?.();
  }

  get watched(): boolean {
    return this.#changed !== null;
  }

  async lookup(name: string): Promise<NameAnswer> {
    this.lookups.push(name);
    return (await this.#answers.get(name)) ?? { kind: "failed", reason: "no such name" };
  }

  watch(changed: () => void): () => void {
    this.#changed = changed;
    return () => {
      this.#changed = null;
    };
  }

  close(): void {
    this.closed = true;
  }
}
