/** What keeps feedback within bounds: how often, and each token once. */

/** Tokens of a bucket come back evenly over this time. */
const PERIOD_MS = 60_000;

interface Bucket {
  left: number;
  at: number;
}

/** So many per minute for each key, all of them at once if need be. Of more keys than `mostKeys` the oldest are forgotten. */
export class Rates {
  readonly #perMinute: number;
  readonly #mostKeys: number;
  /** Those that were used last stand last. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(perMinute: number, mostKeys: number) {
    this.#perMinute = perMinute;
    this.#mostKeys = mostKeys;
  }

  /** Takes one at the time `now` (monotonic); false where none is left. */
  take(key: string, now: number): boolean {
    const most = this.#perMinute;
    const bucket = this.#buckets.get(key) ?? { left: most, at: now };
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > this.#mostKeys) this.#buckets.delete(this.#buckets.keys().next().value!);
    bucket.left = Math.min(most, bucket.left + ((now - bucket.at) / PERIOD_MS) * most);
    bucket.at = now;
    if (bucket.left < 1) return false;
    bucket.left--;
    return true;
  }
}

/** `full`: so many are remembered that no other can be taken without forgetting one that may come again. */
export type NonceVerdict = "new" | "seen" | "full";

/** Remembers each nonce for `keptMs` at least and twice that at most. */
export class Nonces {
  readonly #keptMs: number;
  readonly #most: number;
  #recent = new Set<string>();
  #older = new Set<string>();
  #turnedAt: number | null = null;

  constructor(keptMs: number, most: number) {
    this.#keptMs = keptMs;
    this.#most = most;
  }

  /** At the time `now` (monotonic). */
  take(nonce: string, now: number): NonceVerdict {
    this.#turn(now);
    if (this.#recent.has(nonce) || this.#older.has(nonce)) return "seen";
    if (this.#recent.size + this.#older.size >= this.#most) return "full";
    this.#recent.add(nonce);
    return "new";
  }

  #turn(now: number): void {
    this.#turnedAt ??= now;
    const passed = now - this.#turnedAt;
    if (passed < this.#keptMs) return;
    this.#older = passed < 2 * this.#keptMs ? this.#recent : new Set();
    this.#recent = new Set();
    this.#turnedAt = now;
  }
}
