import { type Candidate, mayTake, type Picker, sameMembers } from "./contract.ts";
import { availableTable, maglevTable } from "./maglev.ts";
import { RendezvousRanking } from "./rendezvous_ranking.ts";

/**
 * The same for every pool: a size that grew with the pool would move half of all keys or more on the day when it does.
 * A hundred slots for each of 655 candidates, 128 KiB, 3 to 6 ms to fill.
 */
const TABLE_SIZE = 65_521;

const EMPTY_SLOT = 65_535;
const NOBODY: readonly Candidate[] = [];

/**
 * One look into a Maglev table; a key whose candidate cannot take the request goes to the best of the others by
 * rendezvous hashing, so that the keys of a lost candidate spread over all others by weight, and return later.
 *
 * With a load factor no candidate gets more than this many times its share of all requests in flight (Mirrokni, Thorup
 * and Zadimoghaddam, "Consistent Hashing with Bounded Loads", 2016). The bound gives way to the last usable candidate.
 */
export class MaglevPicker implements Picker {
  readonly #candidates: readonly Candidate[];
  /** Indexes into `#candidates`; no slots at all where there are more candidates than slots: then all are ranked. */
  readonly #table: Uint16Array;
  readonly #ranking: RendezvousRanking;
  readonly #loadFactor: number;

  /** `loadFactor` 0 = no bound. The table of `previous` is taken over when keys and weights are the same. */
  constructor(candidates: readonly Candidate[], loadFactor: number, previous: Picker | null) {
    this.#candidates = candidates;
    this.#loadFactor = loadFactor;
    this.#ranking = new RendezvousRanking(candidates);
    if (previous instanceof MaglevPicker && sameMembers(previous.#candidates, candidates)) {
      this.#table = previous.#table;
      return;
    }
    this.#table = tableOf(candidates);
  }

  pick(hash: number, tried: readonly Candidate[]): Candidate | null {
    const first = this.#first(hash);
    if (first === null) return null;
    const free = mayTake(first, tried);
    // A candidate with nothing in flight is under every bound.
    if (free && (this.#loadFactor === 0 || first.in_flight === 0)) return first;
    if (this.#loadFactor === 0) return this.#ranking.best(hash, tried, Infinity);
    const bound = this.#inFlightPerWeight();
    if (free && first.in_flight < bound * first.weight) return first;
    return this.#ranking.best(hash, tried, bound) ?? this.#ranking.best(hash, tried, Infinity);
  }

  table(size: number): Int32Array {
    return availableTable(this.#candidates, size);
  }

  order(hash: number): Candidate[] {
    const first = this.#first(hash);
    if (first === null) return [];
    return [first, ...this.#ranking.order(hash).filter((candidate) => candidate !== first)];
  }

  #first(hash: number): Candidate | null {
    if (this.#table.length === 0) return this.#ranking.best(hash, NOBODY, Infinity);
    // The high bits choose the slot: a multiplication is quicker than a remainder of numbers beyond 31 bits.
    const index = this.#table[Math.floor((hash * TABLE_SIZE) / 4_294_967_296)]!;
    return index === EMPTY_SLOT ? null : this.#candidates[index]!;
  }

  /** How many requests a unit of weight may have in flight before it is passed over, this request counted in. */
  #inFlightPerWeight(): number {
    let inFlight = 1;
    let weight = 0;
    const candidates = this.#candidates;
    for (let at = 0; at < candidates.length; at++) {
      const candidate = candidates[at]!;
      if (!candidate.available || candidate.weight === 0) continue;
      inFlight += candidate.in_flight;
      weight += candidate.weight;
    }
    return (this.#loadFactor * inFlight) / weight;
  }
}

function tableOf(candidates: readonly Candidate[]): Uint16Array {
  if (candidates.length > TABLE_SIZE) return new Uint16Array(0);
  const keys = candidates.map(({ key }) => key);
  const weights = candidates.map(({ weight }) => weight);
  // -1 becomes `EMPTY_SLOT`.
  return Uint16Array.from(maglevTable(keys, weights, TABLE_SIZE));
}
