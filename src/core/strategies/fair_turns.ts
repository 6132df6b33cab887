import type { Candidate, Random } from "./contract.ts";

/**
 * Whose turn comes next among members that are equal otherwise: a turn moves a member by 1 / weight on a time line, so
 * that an idle pool follows its weights (start-time fair queueing, Goyal and others 1996).
 */
export class FairTurns {
  readonly members: readonly Candidate[];
  readonly #turns: Float64Array;
  /** The latest turn that was given. */
  #now: number;

  /**
   * Members with weight start where `previous` had them, new ones at random turns, so that workers that start together do
   * not all begin with the same backend.
   */
  constructor(candidates: readonly Candidate[], random: Random, previous: FairTurns | null) {
    this.members = candidates.filter(({ weight }) => weight > 0);
    const turns = new Map<string, number>();
    this.#now = 0;
    if (previous !== null) {
      this.#now = previous.#now;
      for (const [at, { key }] of previous.members.entries()) turns.set(key, previous.#turns[at]!);
    }
    this.#turns = Float64Array.from(
      this.members,
      ({ key, weight }) => turns.get(key) ?? this.#now + random() / weight,
    );
  }

  /** Negative when the turn of the member at index `one` comes before that at `other`. */
  compare(one: number, other: number): number {
    return this.#turns[one]! - this.#turns[other]!;
  }

  /** All members by `compare` of their indexes, equals by their turns; the first one takes its turn. */
  order(compare: (one: number, other: number) => number): Candidate[] {
    const { members } = this;
    const order = [...members.keys()].sort((one, other) => compare(one, other) || this.compare(one, other));
    if (order.length > 0) this.take(order[0]!);
    return order.map((at) => members[at]!);
  }

  /** A member that was busy for long is first among equals once, not until it has made up for the time. */
  take(at: number): void {
    this.#now = Math.max(this.#now, this.#turns[at]!);
    this.#turns[at] = this.#now + 1 / this.members[at]!.weight;
  }
}
