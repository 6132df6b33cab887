import { type Candidate, mayTake, type Random } from "./contract.ts";

/** So many draws may hit candidates that cannot take the request before the rest is looked at one by one. */
const BLIND_DRAWS = 8;

/**
 * Draws candidates at random, each with a probability of exactly its share of the weight of those that may take the
 * request. Walker's alias method (in Vose's form, 1991) draws in constant time; a draw that cannot take the request is
 * thrown away, which leaves the shares of the others as they are.
 */
export class WeightedDraw {
  /** The candidates with weight. */
  readonly members: readonly Candidate[];
  readonly #random: Random;
  /** A draw chooses a column, then the column's own member with this probability, else its alias. */
  readonly #own: Float64Array;
  readonly #alias: Int32Array;

  constructor(candidates: readonly Candidate[], random: Random) {
    this.members = candidates.filter(({ weight }) => weight > 0);
    this.#random = random;
    const count = this.members.length;
    const total = this.members.reduce((sum, { weight }) => sum + weight, 0);
    this.#own = Float64Array.from(this.members, ({ weight }) => (weight * count) / total);
    this.#alias = Int32Array.from(this.members.keys());
    this.#level();
  }

  /** A candidate that may take the request and is not `other`, or null when there is none. */
  draw(tried: readonly Candidate[], other: Candidate | null): Candidate | null {
    const { members } = this;
    const count = members.length;
    if (count === 0) return null;
    for (let draws = 0; draws < BLIND_DRAWS; draws++) {
      const column = (this.#random() * count) | 0;
      const member = members[this.#random() < this.#own[column]! ? column : this.#alias[column]!]!;
      if (member !== other && mayTake(member, tried)) return member;
    }
    return this.#drawAmongFree(tried, other);
  }

  /** All members in the order in which draws without putting back would give them (Efraimidis and Spirakis 2006). */
  shuffled(): Candidate[] {
    return this.members
      .map((member) => ({ member, cost: -Math.log(1 - this.#random()) / member.weight }))
      .sort((one, two) => one.cost - two.cost)
      .map(({ member }) => member);
  }

  #drawAmongFree(tried: readonly Candidate[], other: Candidate | null): Candidate | null {
    let total = 0;
    for (const member of this.members) if (member !== other && mayTake(member, tried)) total += member.weight;
    let rest = this.#random() * total;
    let last: Candidate | null = null;
    for (const member of this.members) {
      if (member === other || !mayTake(member, tried)) continue;
      last = member;
      rest -= member.weight;
      if (rest < 0) break;
    }
    return last;
  }

  /** Fills columns that hold less than one from those that hold more, until each holds one. */
  #level(): void {
    const own = this.#own;
    const low: number[] = [];
    const high: number[] = [];
    for (const [column, share] of own.entries()) (share < 1 ? low : high).push(column);
    while (low.length > 0 && high.length > 0) {
      const short = low.pop()!;
      const long = high.at(-1)!;
      this.#alias[short] = long;
      own[long] = own[long]! - (1 - own[short]!);
      if (own[long] < 1) low.push(high.pop()!);
    }
    // What is left holds one but for rounding.
    for (const column of [...low, ...high]) own[column] = 1;
  }
}
