/**
 * Slow start: candidates that come back take a part of their weight only, which grows to all of it. A picker of its own
 * stands before that of the strategy while there are such candidates, so nobody else pays for it.
 */
import { type Candidate, isTried, type Picker, type Random, type Strategy } from "./contract.ts";
import { hashText, mix } from "./hash.ts";

const SEED = 0x736c6f77;
/** So many candidates that are not due are passed over; then the first choice of the strategy takes the request. */
const MOST_PASSED_OVER = 8;
/** No candidate makes up for more than this many requests that it could not take. */
const MOST_OWED = 2;

/** A candidate in slow start, with the part of its weight that it has, 0 to 1. */
export interface SlowStarter {
  readonly candidate: Candidate;
  readonly share: number;
}

/**
 * How a strategy is kept from its slow starters. Where requests are spread by weight or load, the plane must show them to
 * it as not available: they are given their requests here, exactly as many as their part of the weight is worth. Where a
 * key or the list decides, the strategy chooses and what is not due goes to its next choice, so no other key moves.
 */
export function holdsBack({ spreads_by }: Pick<Strategy, "spreads_by">): boolean {
  return spreads_by !== null;
}

/** The picker of `strategy` in front of `inner`. */
export class SlowStartPicker implements Picker {
  readonly table?: (size: number) => Int32Array;
  readonly order?: (hash: number) => Candidate[];
  readonly #inner: Picker;
  readonly #strategy: Strategy;
  readonly #candidates: readonly Candidate[];
  readonly #random: Random;
  #starters: readonly SlowStarter[] = [];
  #indexes = new Map<Candidate, number>();
  /** What each of them is worth of a request, and is owed. */
  #rates = new Float64Array(0);
  #owed = new Float64Array(0);
  /** The tried ones and those passed over, of one pick. */
  readonly #passed: Candidate[] = [];

  /** Tables are those of `inner`. */
  constructor(inner: Picker, strategy: Strategy, candidates: readonly Candidate[], random: Random) {
    this.#inner = inner;
    this.#strategy = strategy;
    this.#candidates = candidates;
    this.#random = random;
    if (inner.table !== undefined) this.table = (size) => inner.table!(size);
    if (inner.order !== undefined) this.order = (hash) => this.#order(hash);
  }

  /** `starters` are in slow start now. All others with weight that are available have all of it. */
  update(starters: readonly SlowStarter[]): void {
    const owed = starters.map(({ candidate }) => {
      const known = this.#indexes.get(candidate);
      // Workers that notice the same moment must not all send their first request at once.
      return known === undefined ? this.#random() : this.#owed[known]!;
    });
    this.#starters = starters;
    this.#indexes = new Map(starters.map(({ candidate }, index) => [candidate, index]));
    this.#owed = Float64Array.from(owed);
    const weights = starters.map(({ candidate, share }) => candidate.weight * share);
    let total = weights.reduce((sum, weight) => sum + weight, 0);
    for (const candidate of this.#candidates)
      if (candidate.available && !this.#indexes.has(candidate)) total += candidate.weight;
    this.#rates = Float64Array.from(weights, (weight) => weight / total);
  }

  /** A picker in front of `inner`, which is a copy of its own, that stands where this one stands. */
  copy(inner: Picker): SlowStartPicker {
    const copy = new SlowStartPicker(inner, this.#strategy, this.#candidates, this.#random);
    copy.#starters = this.#starters;
    copy.#indexes = this.#indexes;
    copy.#rates = this.#rates;
    copy.#owed = this.#owed.slice();
    return copy;
  }

  pick(hash: number, tried: readonly Candidate[]): Candidate | null {
    if (!holdsBack(this.#strategy)) return this.#pickOffered(hash, tried);
    return (
      this.#take(this.#due(tried)) ??
      this.#inner.pick!(hash, tried) ??
      this.#take(this.#mostOwed(tried, -Infinity))
    );
  }

  /** Counts a request and gives the candidate that is owed one, or -1. */
  #due(tried: readonly Candidate[]): number {
    const owed = this.#owed;
    const rates = this.#rates;
    for (let index = 0; index < owed.length; index++)
      owed[index] = Math.min(MOST_OWED, owed[index]! + rates[index]!);
    const due = this.#mostOwed(tried, 1);
    return due >= 0 && this.#strategy.spreads_by === "load" && this.#isBusy(due) ? -1 : due;
  }

  #mostOwed(tried: readonly Candidate[], least: number): number {
    const owed = this.#owed;
    let most = -1;
    for (let index = 0; index < owed.length; index++) {
      if (owed[index]! < least || (most >= 0 && owed[index]! <= owed[most]!)) continue;
      if (hasRoom(this.#starters[index]!.candidate) && !isTried(this.#starters[index]!.candidate, tried))
        most = index;
    }
    return most;
  }

  #take(index: number): Candidate | null {
    if (index < 0) return null;
    this.#owed[index]!--;
    return this.#starters[index]!.candidate;
  }

  /** It has more in flight for its whole weight than the others: what decides by load would not choose it. */
  #isBusy(index: number): boolean {
    const { candidate } = this.#starters[index]!;
    if (candidate.in_flight === 0) return false;
    let inFlight = 0;
    let weight = 0;
    for (const other of this.#candidates) {
      if (!other.available) continue;
      inFlight += other.in_flight;
      weight += other.weight;
    }
    return candidate.in_flight * weight > inFlight * candidate.weight;
  }

  #pickOffered(hash: number, tried: readonly Candidate[]): Candidate | null {
    const passed = this.#passed;
    let list = tried;
    for (let count = 0; count < MOST_PASSED_OVER; count++) {
      const candidate = this.#inner.pick!(hash, list);
      if (candidate === null) break;
      if (this.#admits(candidate, hash)) return this.#end(candidate);
      if (list === tried) {
        for (const one of tried) passed.push(one);
        list = passed;
      }
      passed.push(candidate);
    }
    return this.#end(this.#inner.pick!(hash, tried));
  }

  #end(candidate: Candidate | null): Candidate | null {
    if (this.#passed.length > 0) this.#passed.length = 0;
    return candidate;
  }

  /** A key that is admitted stays so while the share grows. */
  #admits(candidate: Candidate, hash: number): boolean {
    const index = this.#indexes.get(candidate);
    if (index === undefined) return true;
    const { share } = this.#starters[index]!;
    if (this.#strategy.keyed) return mix(hash ^ hashText(candidate.key, SEED)) < share * 4_294_967_296;
    this.#owed[index]! += share;
    if (this.#owed[index]! < 1) return false;
    this.#owed[index]!--;
    return true;
  }

  #order(hash: number): Candidate[] {
    const order = this.#inner.order!(hash);
    const due = holdsBack(this.#strategy) ? this.#take(this.#due([])) : null;
    const isLate = (candidate: Candidate): boolean =>
      holdsBack(this.#strategy) ? this.#indexes.has(candidate) : !this.#admits(candidate, hash);
    const late = new Set(order.filter((candidate) => candidate !== due && isLate(candidate)));
    const others = order.filter((candidate) => candidate !== due && !late.has(candidate));
    return [...(due === null ? [] : [due]), ...others, ...late];
  }
}

function hasRoom({ weight, limit, in_flight }: Candidate): boolean {
  return weight > 0 && (limit === 0 || in_flight < limit);
}
