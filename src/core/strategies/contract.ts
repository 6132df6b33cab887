/**
 * What a strategy is: it orders the candidates of a pool. It never learns of sockets, and a plane never asks for
 * its name, only for what it can do.
 */
import type { HashKey } from "../schema/hash_key.ts";

/**
 * One address that a strategy may choose. The plane owns the object and changes `available` and `in_flight`;
 * strategies keep references to it and must not keep copies of those two.
 */
export interface Candidate {
  /** Stable identity over reloads: `backend id` or `backend id@address` where a name has several addresses. */
  readonly key: string;
  /** 0 to 65535; 0 is never chosen. */
  readonly weight: number;
  /** False = vetoed: unhealthy, draining, disabled. */
  available: boolean;
  in_flight: number;
  /** Recent time until an answer begins, in milliseconds, 0 = not known. Kept where the strategy has `latency_decay_ms`. */
  readonly latency_ms: number;
  /** In-flight limit, 0 = none. A candidate at its limit is passed over. */
  readonly limit: number;
}

/** True when `candidate` may take one more request now. */
export function usable(candidate: Candidate): boolean {
  return (
    candidate.available &&
    candidate.weight > 0 &&
    (candidate.limit === 0 || candidate.in_flight < candidate.limit)
  );
}

/** True when a request that has already been sent to `tried` may be sent to `candidate` now. */
export function mayTake(candidate: Candidate, tried: readonly Candidate[]): boolean {
  return usable(candidate) && (tried.length === 0 || !isTried(candidate, tried));
}

/** True when `tried` names `candidate`, by its key: reloads and new addresses make other objects for the same candidate. */
export function isTried({ key }: Candidate, tried: readonly Candidate[]): boolean {
  for (const other of tried) if (other.key === key) return true;
  return false;
}

/** True when two lists name the same candidates with the same weights in the same order. */
export function sameMembers(one: readonly Candidate[], other: readonly Candidate[]): boolean {
  return (
    one.length === other.length &&
    one.every(({ key, weight }, index) => key === other[index]!.key && weight === other[index]!.weight)
  );
}

/** A source of randomness: numbers from 0 (included) to 1 (excluded). Seeded in tests. */
export type Random = () => number;

/** What a prepared strategy gives. Which of the three exist is what the strategy `can` do. */
export interface Picker {
  /**
   * The next candidate for a request, or null when none is usable.
   * `hash` is the unsigned 32-bit hash of the request's key (0 when the strategy needs none); `tried` are candidates
   * that this request has already been sent to, perhaps those of an earlier plan: none with such a key is returned.
   */
  pick?(hash: number, tried: readonly Candidate[]): Candidate | null;
  /**
   * A lookup table of candidate indexes for planes that decide in the kernel: every slot holds a candidate that has
   * weight and is available at this moment (limits are not looked at), or -1 when there is none. `size` is a prime,
   * else RangeError, and so it is when it is too small to give every candidate a slot. Keep to one size for a pool's
   * whole life: with another one nearly all keys move.
   */
  table?(size: number): Int32Array;
  /**
   * All candidates with weight, best first, whether usable or not. Counts as a pick of the first one where the
   * strategy goes by turns or by chance.
   */
  order?(hash: number): Candidate[];
}

/** A strategy as workers run it. Its options, if it has any, are described in a file of their own: see `all_parts.ts`. */
export interface Strategy<Options = unknown> {
  readonly name: string;
  /** One sentence for the reference page. */
  readonly summary: string;
  readonly can: readonly ("pick" | "table" | "order")[];
  /** True when `pick` needs the hash of a key (then the pool's `hash_on` option says of what). */
  readonly keyed: boolean;
  /**
   * What spreads requests over all candidates: their weights alone, or with them what is in flight. Null: one candidate
   * takes all requests of a key, or all of them.
   */
  readonly spreads_by: "weight" | "load" | null;
  /** What a keyed strategy hashes where that is not the pool's choice; `hash_on` then has no place in the pool. */
  readonly fixed_key?: HashKey;
  /** A strategy that reads `latency_ms` says how fast what was measured fades, in milliseconds. */
  latency_decay_ms?(options: Options): number;
  /**
   * `previous` is the picker of the same pool before a reload: a strategy may take over its position. It stays as it is, and
   * with the same candidates the new one goes on exactly where it stands: `fairlead explain` looks ahead by that.
   */
  create(candidates: readonly Candidate[], options: Options, random: Random, previous: Picker | null): Picker;
}
