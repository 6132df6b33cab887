/** Values by key, each with an end, and not more than a number of them: the one that was not used for longest goes first. */
export class BoundedMap<Value> {
  readonly #limit: number;
  readonly #entries = new Map<string, { readonly value: Value; readonly until: number }>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** `now` and `until` are times of the same clock. */
  get(key: string, now: number): Value | null {
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    this.#entries.delete(key);
    if (entry.until <= now) return null;
    this.#entries.set(key, entry);
    return entry.value;
  }

  set(key: string, value: Value, until: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, until });
    if (this.#entries.size <= this.#limit) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      break;
    }
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }

  get size(): number {
    return this.#entries.size;
  }
}
