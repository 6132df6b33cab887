/**
 * Names of backends and their addresses, kept up to date: each name is looked up again when its time to live is over.
 * A failed lookup takes nothing away: the last good addresses stay until there is a better answer.
 */
import { messageOf } from "../core/text/message_of.ts";
import type { Clock } from "./clock.ts";
import { Timed, TimerWheel } from "./timer_wheel.ts";

/** Answers hold at least and at most so long, whatever the time to live that came with them. */
export const MIN_TTL_MS = 1_000;
export const MAX_TTL_MS = 300_000;
/** The time to live of answers that have none. */
export const FALLBACK_TTL_MS = 30_000;
/** After a failure a name is looked up again soon, and later and later while it goes on failing. */
export const FIRST_RETRY_MS = 1_000;
export const LAST_RETRY_MS = 30_000;
/** A lookup that takes longer has failed. */
export const LOOKUP_TIMEOUT_MS = 10_000;
/** Addresses of one name that are used; further ones are left out. */
export const MAX_ADDRESSES = 256;

export type NameAnswer =
  | {
      readonly kind: "found";
      /** IPv4 and IPv6 literals in any order. */
      readonly addresses: readonly string[];
      readonly ttl_ms: number;
      /** One family could not be looked up: what was known of it may still hold. */
      readonly missing?: 4 | 6;
    }
  /** Also for a name that does not exist. `reason` is for an operator. */
  | { readonly kind: "failed"; readonly reason: string };

/** Where answers come from. */
export interface NameSource {
  /** One lookup. May take long and may reject. */
  lookup(name: string): Promise<NameAnswer>;
  /** Calls `changed` when all names deserve a new lookup at once; returns the function that ends it. */
  watch?(changed: () => void): () => void;
  /** Frees what the source holds; lookups under way may be left without an answer. */
  close?(): void;
}

export interface NameWatcherOptions {
  readonly clock: Clock;
  readonly source: NameSource;
  /** The addresses of a name have changed. */
  readonly changed: (name: string) => void;
  /** A lookup has failed; `kept` addresses stay in use. */
  readonly failed?: (name: string, reason: string, kept: number) => void;
}

/** A name and its next moment: that of the next lookup, or of the timeout of the one under way. */
class Watched extends Timed {
  readonly name: string;
  readonly #due: (watched: Watched) => void;
  addresses: readonly string[] = [];
  failures = 0;
  /** Counts lookups: an answer to an earlier one is too late. 0 = none yet. */
  lookups = 0;
  /** A lookup is under way. */
  busy = false;
  /** There was an answer or a failure. */
  answered = false;

  constructor(name: string, due: (watched: Watched) => void) {
    super();
    this.name = name;
    this.#due = due;
  }

  onDeadline(): void {
    this.#due(this);
  }
}

export class NameWatcher {
  readonly #options: NameWatcherOptions;
  readonly #wheel: TimerWheel;
  readonly #names = new Map<string, Watched>();
  /** Answers hold at most so long. */
  longestTtlMs = MAX_TTL_MS;
  #stopSource: (() => void) | null = null;
  /** Wakes those who wait for first answers. */
  #waiting: (() => void)[] = [];

  constructor(options: NameWatcherOptions) {
    this.#options = options;
    this.#wheel = new TimerWheel(options.clock);
  }

  /** Watches exactly `names` from now on. New ones are looked up at once; the rest keep addresses and rhythm. */
  watch(names: ReadonlySet<string>): void {
    for (const [name, watched] of this.#names) if (!names.has(name)) this.#forget(watched);
    for (const name of names) {
      if (this.#names.has(name)) continue;
      const watched = new Watched(name, (one) => this.#due(one));
      this.#names.set(name, watched);
      this.#lookUp(watched);
    }
    if (this.#names.size > 0)
      this.#stopSource ??= this.#options.source.watch?.(() => this.#lookUpAll()) ?? null;
    else this.#unwatchSource();
    this.#wake();
  }

  /** The addresses of a name: IPv4 first, each family in the order of its text. Empty before the first answer. */
  addresses(name: string): readonly string[] {
    return this.#names.get(name)?.addresses ?? [];
  }

  /** Resolves when every watched name has had an answer or a failure, after `limitMs` at the latest. */
  async firstAnswers(limitMs: number): Promise<void> {
    if (this.#answered || limitMs <= 0) return;
    await new Promise<void>((resolve) => {
      const stop = this.#options.clock.every(limitMs, finish);
      function finish(): void {
        stop();
        resolve();
      }
      this.#waiting.push(finish);
    });
  }

  /** Ends all lookups; no timer is left. */
  stop(): void {
    for (const watched of this.#names.values()) this.#forget(watched);
    this.#wheel.stop();
    this.#unwatchSource();
    this.#options.source.close?.();
    this.#wake();
  }

  get #answered(): boolean {
    for (const watched of this.#names.values()) if (!watched.answered) return false;
    return true;
  }

  #wake(): void {
    if (this.#waiting.length === 0 || !this.#answered) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const finish of waiting) finish();
  }

  #unwatchSource(): void {
    this.#stopSource?.();
    this.#stopSource = null;
  }

  #forget(watched: Watched): void {
    this.#names.delete(watched.name);
    this.#wheel.remove(watched);
    watched.lookups = -1;
  }

  #lookUpAll(): void {
    for (const watched of this.#names.values()) this.#lookUp(watched);
  }

  #due(watched: Watched): void {
    if (watched.busy) this.#failed(watched, `no answer within ${LOOKUP_TIMEOUT_MS / 1_000}s`);
    else this.#lookUp(watched);
  }

  #lookUp(watched: Watched): void {
    const lookup = ++watched.lookups;
    watched.busy = true;
    this.#wheel.after(watched, LOOKUP_TIMEOUT_MS);
    const answered = (answer: NameAnswer) => {
      if (watched.lookups !== lookup || !watched.busy) return;
      if (answer.kind === "failed") this.#failed(watched, answer.reason);
      else this.#found(watched, answer);
    };
    this.#options.source.lookup(watched.name).then(answered, (error: unknown) => {
      answered({ kind: "failed", reason: messageOf(error) });
    });
  }

  #found(watched: Watched, answer: Extract<NameAnswer, { kind: "found" }>): void {
    const { missing } = answer;
    const kept = watched.addresses.filter((address) => familyOf(address) === missing);
    const addresses = inOrder([...answer.addresses, ...kept]);
    watched.failures = 0;
    const ttl = Math.min(Math.max(answer.ttl_ms, MIN_TTL_MS), this.longestTtlMs);
    this.#settle(watched, missing === undefined ? ttl : Math.min(ttl, LAST_RETRY_MS));
    if (addresses.join() === watched.addresses.join()) return;
    watched.addresses = addresses;
    this.#options.changed(watched.name);
  }

  #failed(watched: Watched, reason: string): void {
    const wait = Math.min(FIRST_RETRY_MS * 2 ** watched.failures, LAST_RETRY_MS);
    watched.failures++;
    this.#settle(watched, wait);
    this.#options.failed?.(watched.name, reason, watched.addresses.length);
  }

  #settle(watched: Watched, waitMs: number): void {
    watched.busy = false;
    watched.answered = true;
    this.#wheel.after(watched, waitMs);
    // Those who wait want to see the addresses, which are stored when this event ends.
    queueMicrotask(() => this.#wake());
  }
}

function familyOf(address: string): 4 | 6 {
  return address.includes(":") ? 6 : 4;
}

/** Without repetition, IPv4 first, by text within a family, so that the same answer in another order is no change. */
function inOrder(addresses: readonly string[]): string[] {
  const sorted = [...new Set(addresses)].toSorted((one, other) => {
    const families = familyOf(one) - familyOf(other);
    return families === 0 ? (one < other ? -1 : one > other ? 1 : 0) : families;
  });
  return sorted.slice(0, MAX_ADDRESSES);
}
