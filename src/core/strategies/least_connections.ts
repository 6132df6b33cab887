import { type Candidate, mayTake, type Picker, type Random, type Strategy } from "./contract.ts";

/**
 * Least `in_flight / weight`, found by one pass over the pool. Among equals the one whose turn is the earliest: a turn
 * moves a member by 1 / weight on a time line, so that an idle pool follows its weights (start-time fair queueing, Goyal
 * and others 1996).
 */
class LeastConnectionsPicker implements Picker {
  readonly #members: readonly Candidate[];
  readonly #turns: Float64Array;
  /** The latest turn that was given. */
  #now: number;

  /** Members start at random turns, so that workers that start together do not all begin with the same backend. */
  constructor(candidates: readonly Candidate[], random: Random, previous: Picker | null) {
    this.#members = candidates.filter(({ weight }) => weight > 0);
    const turns = new Map<string, number>();
    this.#now = 0;
    if (previous instanceof LeastConnectionsPicker) {
      this.#now = previous.#now;
      for (const [at, { key }] of previous.#members.entries()) turns.set(key, previous.#turns[at]!);
    }
    this.#turns = Float64Array.from(
      this.#members,
      ({ key, weight }) => turns.get(key) ?? this.#now + random() / weight,
    );
  }

  pick(_hash: number, tried: readonly Candidate[]): Candidate | null {
    const members = this.#members;
    const turns = this.#turns;
    let best = -1;
    // Worse than every member, by the comparison below.
    let bestInFlight = 1;
    let bestWeight = 0;
    for (let at = 0; at < members.length; at++) {
      const member = members[at]!;
      if (!mayTake(member, tried)) continue;
      const load = member.in_flight * bestWeight;
      const bestLoad = bestInFlight * member.weight;
      if (load > bestLoad || (load === bestLoad && turns[at]! >= turns[best]!)) continue;
      best = at;
      bestInFlight = member.in_flight;
      bestWeight = member.weight;
    }
    if (best === -1) return null;
    this.#takeTurn(best);
    return members[best]!;
  }

  order(): Candidate[] {
    const members = this.#members;
    const order = [...members.keys()].sort(
      (one, other) => compareLoad(members[one]!, members[other]!) || this.#turns[one]! - this.#turns[other]!,
    );
    if (order.length > 0) this.#takeTurn(order[0]!);
    return order.map((at) => members[at]!);
  }

  /** A member that was busy for long is first among equals once, not until it has made up for the time. */
  #takeTurn(at: number): void {
    this.#now = Math.max(this.#now, this.#turns[at]!);
    this.#turns[at] = this.#now + 1 / this.#members[at]!.weight;
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
  create: (candidates, _options, random, previous) =>
    new LeastConnectionsPicker(candidates, random, previous),
};
