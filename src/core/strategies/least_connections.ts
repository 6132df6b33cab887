import { type Candidate, mayTake, type Picker, type Random, type Strategy } from "./contract.ts";
import { FairTurns } from "./fair_turns.ts";

/** Least `in_flight / weight`, found by one pass over the pool. Among equals the one whose turn is the earliest. */
class LeastConnectionsPicker implements Picker {
  readonly #turns: FairTurns;

  constructor(candidates: readonly Candidate[], random: Random, previous: Picker | null) {
    const before = previous instanceof LeastConnectionsPicker ? previous.#turns : null;
    this.#turns = new FairTurns(candidates, random, before);
  }

  pick(_hash: number, tried: readonly Candidate[]): Candidate | null {
    const turns = this.#turns;
    const { members } = turns;
    let best = -1;
    // Worse than every member, by the comparison below.
    let bestInFlight = 1;
    let bestWeight = 0;
    for (let at = 0; at < members.length; at++) {
      const member = members[at]!;
      if (!mayTake(member, tried)) continue;
      const load = member.in_flight * bestWeight;
      const bestLoad = bestInFlight * member.weight;
      if (load > bestLoad || (load === bestLoad && turns.compare(at, best) >= 0)) continue;
      best = at;
      bestInFlight = member.in_flight;
      bestWeight = member.weight;
    }
    if (best === -1) return null;
    turns.take(best);
    return members[best]!;
  }

  order(): Candidate[] {
    const { members } = this.#turns;
    return this.#turns.order((one, other) => compareLoad(members[one]!, members[other]!));
  }
}

/** Negative when `one` has less in flight for its weight; exact, as the products stay below 2^53. */
function compareLoad(one: Candidate, other: Candidate): number {
  return one.in_flight * other.weight - other.in_flight * one.weight;
}

export const leastConnections: Strategy<object> = {
  name: "least_connections",
  summary: "Takes the backend with the fewest requests in flight for its weight.",
  can: ["pick", "order"],
  keyed: false,
  spreads_by: "load",
  create: (candidates, _options, random, previous) =>
    new LeastConnectionsPicker(candidates, random, previous),
};
