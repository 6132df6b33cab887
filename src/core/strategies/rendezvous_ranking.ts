/**
 * Weighted rendezvous hashing (Thaler and Ravishankar 1998; weights after Resch, "New Hashing Algorithms for Data
 * Storage", 2015): for a key every candidate draws a number u from (0, 1) that only the two decide, and the least
 * -ln(u) / weight is the best. What one candidate draws never depends on the others, so nothing else moves when one
 * comes or goes.
 */
import { type Candidate, mayTake } from "./contract.ts";
import { hashText, mixSigned } from "./hash.ts";

const SEED = 0x72656e64;

export class RendezvousRanking {
  /** Candidates with weight, heaviest first; those with equal weight stand together. */
  readonly #members: readonly Candidate[];
  readonly #seeds: Int32Array;
  /** Where in `#members` each weight ends. */
  readonly #ends: Int32Array;

  constructor(candidates: readonly Candidate[]) {
    this.#members = candidates.filter(({ weight }) => weight > 0).sort(byWeightAndKey);
    this.#seeds = Int32Array.from(this.#members, ({ key }) => hashText(key, SEED) | 0);
    const ends = this.#members.flatMap(({ weight }, at) =>
      weight === this.#members[at + 1]?.weight ? [] : [at + 1],
    );
    this.#ends = Int32Array.from(ends);
  }

  /**
   * The best candidate for a key's `hash` among those that may take a request and have fewer than
   * `inFlightPerWeight` times their weight in flight (Infinity = no bound), or null.
   */
  best(hash: number, tried: readonly Candidate[], inFlightPerWeight: number): Candidate | null {
    const members = this.#members;
    const seeds = this.#seeds;
    const ends = this.#ends;
    let best: Candidate | null = null;
    let least = Infinity;
    let at = 0;
    for (let group = 0; group < ends.length; group++) {
      // Of equal weights the highest draw is the best, so a logarithm is needed once a weight, not once a candidate.
      let highest = -Infinity;
      let leader: Candidate | null = null;
      for (const end = ends[group]!; at < end; at++) {
        const member = members[at]!;
        const drawn = mixSigned(hash ^ seeds[at]!);
        if (drawn <= highest || !mayTake(member, tried)) continue;
        if (member.in_flight >= inFlightPerWeight * member.weight) continue;
        highest = drawn;
        leader = member;
      }
      if (leader === null) continue;
      const cost = costOf(highest, leader.weight);
      if (cost >= least) continue;
      least = cost;
      best = leader;
    }
    return best;
  }

  /** All candidates with weight, best first. */
  order(hash: number): Candidate[] {
    return this.#members
      .map((member, at) => ({ member, cost: costOf(mixSigned(hash ^ this.#seeds[at]!), member.weight) }))
      .sort((one, other) => one.cost - other.cost)
      .map(({ member }) => member);
  }
}

/** -ln(u) / weight, where u is the draw moved from 32 signed bits to (0, 1). */
function costOf(drawn: number, weight: number): number {
  return -Math.log((drawn + 2_147_483_648.5) / 4_294_967_296) / weight;
}

function byWeightAndKey(one: Candidate, other: Candidate): number {
  return other.weight - one.weight || (one.key < other.key ? -1 : Number(one.key > other.key));
}
