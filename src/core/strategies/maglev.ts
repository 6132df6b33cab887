/**
 * Maglev's lookup table (Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016,
 * section 3.4), with weights: every candidate has a permutation of the slots of its own and takes the next free one
 * whenever it has a turn. The heaviest has a turn in every round, the others in a share of the rounds.
 *
 * What it promises: shares within one slot, so 1 % with a hundred slots for each candidate. That the loss of one moves few
 * slots of the others is measured, not promised: names whose permutations happen to resemble each other move more. And all
 * of it holds for one size: in a table of another size nearly every key has another candidate.
 */
import type { Candidate } from "./contract.ts";
import { hashText } from "./hash.ts";

const OFFSET_SEED = 0x6d61676c;
const SKIP_SEED = 0x65766c62;

/**
 * The table of `size` slots: each holds an index into `keys`, or -1 when every weight is 0. It depends on keys and
 * weights only, not on their order. Every candidate with weight has at least one slot.
 * Throws RangeError when `size` is no prime or smaller than the number of candidates with weight.
 */
export function maglevTable(keys: readonly string[], weights: readonly number[], size: number): Int32Array {
  const members = membersOf(keys, weights, size);
  const table = new Int32Array(size).fill(-1);
  if (members.length === 0) return table;
  const heaviest = members.reduce((most, index) => Math.max(most, weights[index]!), 0);
  const offsets = Int32Array.from(members, (index) => hashText(keys[index]!, OFFSET_SEED) % size);
  const skips = Int32Array.from(members, (index) => (hashText(keys[index]!, SKIP_SEED) % (size - 1)) + 1);
  const turns = new TurnQueue(
    members.map((index) => heaviest / weights[index]!),
    size,
  );
  for (let filled = 0; filled < size; filled++) {
    const member = turns.next();
    let slot = offsets[member]!;
    while (table[slot] !== -1) slot = (slot + skips[member]!) % size;
    table[slot] = members[member]!;
    offsets[member] = slot;
  }
  return table;
}

/** The table of the candidates that have weight and are available now: what `Picker.table` asks for. */
export function availableTable(candidates: readonly Candidate[], size: number): Int32Array {
  return maglevTable(
    candidates.map(({ key }) => key),
    candidates.map(({ available, weight }) => (available ? weight : 0)),
    size,
  );
}

/** Throws RangeError unless `size` is a prime: with another one a permutation would leave slots out. */
export function checkTableSize(size: number): void {
  let prime = Number.isInteger(size) && size > 2;
  for (let divisor = 2; prime && divisor * divisor <= size; divisor++) prime = size % divisor !== 0;
  if (!prime) throw new RangeError(`the size of a table must be a prime above 2, not ${size}`);
}

/** Indexes of the candidates with weight, in the order of their keys: list order must not change a table. */
function membersOf(keys: readonly string[], weights: readonly number[], size: number): number[] {
  checkTableSize(size);
  const members = [...keys.keys()].filter((index) => weights[index]! > 0);
  if (members.length > size)
    throw new RangeError(`a table of ${size} slots cannot hold ${members.length} candidates`);
  return members.sort((one, other) => compareText(keys[one]!, keys[other]!) || one - other);
}

function compareText(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}

/**
 * Whose turn it is: in round 0 everyone's, then every `periods[i]` rounds. Members wait in a list for each round, so that
 * a turn costs the same however uneven the weights are (asking all members in every round would not).
 */
class TurnQueue {
  readonly #periods: readonly number[];
  readonly #taken: Int32Array;
  /** First and last member of each round's list, and each member's successor; -1 = none. */
  readonly #first: Int32Array;
  readonly #last: Int32Array;
  readonly #following: Int32Array;
  #round = 0;

  constructor(periods: readonly number[], turns: number) {
    this.#periods = periods;
    this.#taken = new Int32Array(periods.length);
    // A member with period 1 has a turn in every round, so there are no more rounds than turns.
    this.#first = new Int32Array(turns + 1).fill(-1);
    this.#last = new Int32Array(turns + 1).fill(-1);
    this.#following = new Int32Array(periods.length).fill(-1);
    for (let member = 0; member < periods.length; member++) this.#append(member, 0);
  }

  next(): number {
    while (this.#first[this.#round] === -1) this.#round++;
    const member = this.#first[this.#round]!;
    this.#first[this.#round] = this.#following[member]!;
    const taken = ++this.#taken[member]!;
    this.#append(member, Math.ceil(taken * this.#periods[member]!));
    return member;
  }

  #append(member: number, round: number): void {
    if (round >= this.#first.length) return;
    this.#following[member] = -1;
    if (this.#first[round] === -1) this.#first[round] = member;
    else this.#following[this.#last[round]!] = member;
    this.#last[round] = member;
  }
}
