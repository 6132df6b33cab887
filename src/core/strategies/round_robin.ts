import { type Candidate, mayTake, type Picker, type Random, type Strategy } from "./contract.ts";
import { availableTable } from "./maglev.ts";

/** So many turns of candidates that cannot take the request are passed over one by one; then all are looked at. */
const TURNS_PASSED_OVER = 32;

/**
 * Smooth weighted round robin on a time line: a cycle is the time from 0 to 1, a candidate of weight w has w turns in it
 * at equal distances, `(turn + phase) / w`, and the earliest turn is next. Any window as long as the sum of the weights
 * therefore holds exactly w turns of each. The phases spread the turns of equal weights, so that a thousand light
 * candidates do not have their turns at once while a heavy one waits.
 *
 * Memory is one heap of all candidates whatever the weights are; a pick costs O(log n), and O(n) when more than
 * `TURNS_PASSED_OVER` turns in a row belong to candidates that cannot take the request. A turn that is passed over is
 * gone: a candidate that returns has no arrears to make up.
 *
 * Times are doubles and yet exact: two turns that differ do so by at least 1 / (65535 * 65535 * 2n), which a double below
 * 2 can show for 60,000 candidates, and equal ones come from one division and so are equal bit by bit.
 */
class RoundRobinPicker implements Picker {
  readonly #candidates: readonly Candidate[];
  readonly #members: readonly Candidate[];
  readonly #weights: Float64Array;
  /** Number of each member's next turn, and its time. */
  readonly #turns: Float64Array;
  readonly #times: Float64Array;
  /** Members as a binary heap, the one with the earliest turn at 0. */
  readonly #heap: Int32Array;
  /** Time of the last turn that was given. */
  #now: number;

  constructor(candidates: readonly Candidate[], random: Random, previous: Picker | null) {
    this.#candidates = candidates;
    this.#members = candidates.filter(({ weight }) => weight > 0);
    const count = this.#members.length;
    this.#weights = Float64Array.from(this.#members, ({ weight }) => weight);
    this.#turns = new Float64Array(count);
    this.#times = new Float64Array(count);
    this.#heap = Int32Array.from(this.#members.keys());
    this.#now = random();
    for (let member = 0; member < count; member++) this.#turns[member] = this.#turnAfter(member, this.#now);
    if (previous instanceof RoundRobinPicker) this.#takeOver(previous);
    for (let member = 0; member < count; member++)
      this.#times[member] = this.#timeOf(member, this.#turns[member]!);
    this.#buildHeap();
  }

  pick(_hash: number, tried: readonly Candidate[]): Candidate | null {
    if (this.#members.length === 0) return null;
    for (let passed = 0; passed < TURNS_PASSED_OVER; passed++) {
      const member = this.#members[this.#takeTurn()]!;
      if (mayTake(member, tried)) return member;
    }
    return this.#pickAmongFree(tried);
  }

  table(size: number): Int32Array {
    return availableTable(this.#candidates, size);
  }

  order(): Candidate[] {
    const order = [...this.#members.keys()].sort((one, other) => (this.#isBefore(one, other) ? -1 : 1));
    if (order.length > 0) this.#takeTurn();
    return order.map((member) => this.#members[member]!);
  }

  /**
   * Phases differ when the members do. What is kept is the number of turns that each has had in this cycle, so that
   * nobody gains or loses a turn, however often the members change; newcomers join at the present moment.
   */
  #takeOver(previous: RoundRobinPicker): void {
    const kept = new Map(previous.#members.map(({ key }, member) => [key, member]));
    this.#now = previous.#now;
    for (const [member, { key, weight }] of this.#members.entries()) {
      const before = kept.get(key);
      const isSame = before !== undefined && previous.#weights[before] === weight;
      this.#turns[member] = isSame ? previous.#turns[before]! : this.#turnAfter(member, this.#now);
    }
  }

  /** Gives the earliest turn and returns whose it was. */
  #takeTurn(): number {
    const member = this.#heap[0]!;
    this.#now = this.#times[member]!;
    const turn = this.#turns[member]! + 1;
    this.#turns[member] = turn;
    this.#times[member] = this.#timeOf(member, turn);
    this.#siftDown(0);
    if (this.#times[this.#heap[0]!]! >= 1) this.#startCycle();
    return member;
  }

  /** Moves the time line back by a whole cycle, which changes no order, so that numbers stay small and exact. */
  #startCycle(): void {
    this.#now -= 1;
    for (let member = 0; member < this.#weights.length; member++) {
      this.#turns[member] = this.#turns[member]! - this.#weights[member]!;
      this.#times[member] = this.#timeOf(member, this.#turns[member]!);
    }
  }

  /** The earliest among those that may take the request; all turns before are passed over at once. */
  #pickAmongFree(tried: readonly Candidate[]): Candidate | null {
    let next = -1;
    for (let member = 0; member < this.#members.length; member++) {
      if (!mayTake(this.#members[member]!, tried)) continue;
      if (next === -1 || this.#isBefore(member, next)) next = member;
    }
    if (next === -1) return null;
    const time = this.#times[next]!;
    for (let member = 0; member < this.#members.length; member++) {
      if (!this.#isBefore(member, next)) continue;
      this.#turns[member] = this.#turnAfter(member, time);
      this.#times[member] = this.#timeOf(member, this.#turns[member]!);
    }
    this.#buildHeap();
    return this.#members[this.#takeTurn()]!;
  }

  /** One division of whole numbers, so that equal times are equal bit by bit. The phase is `(member + 0.5) / count`. */
  #timeOf(member: number, turn: number): number {
    const parts = 2 * this.#weights.length;
    return (turn * parts + 2 * member + 1) / (this.#weights[member]! * parts);
  }

  /** The number of the first turn of `member` after `time`. */
  #turnAfter(member: number, time: number): number {
    let turn = Math.max(0, Math.floor(time * this.#weights[member]!) - 1);
    while (this.#timeOf(member, turn) <= time) turn++;
    return turn;
  }

  #isBefore(one: number, other: number): boolean {
    const difference = this.#times[one]! - this.#times[other]!;
    return difference < 0 || (difference === 0 && one < other);
  }

  #buildHeap(): void {
    for (let at = this.#heap.length >> 1; at >= 0; at--) this.#siftDown(at);
  }

  #siftDown(start: number): void {
    const heap = this.#heap;
    const { length } = heap;
    if (start >= length) return;
    const member = heap[start]!;
    let at = start;
    for (let child = 2 * at + 1; child < length; child = 2 * at + 1) {
      if (child + 1 < length && this.#isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!this.#isBefore(heap[child]!, member)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = member;
  }
}

export const roundRobin: Strategy<object> = {
  name: "round_robin",
  summary: "Gives the backends turns, evenly spread and exactly by weight.",
  can: ["pick", "table", "order"],
  keyed: false,
  spreads_by: "weight",
  create: (candidates, _options, random, previous) => new RoundRobinPicker(candidates, random, previous),
};
