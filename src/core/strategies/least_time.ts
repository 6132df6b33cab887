import { type Candidate, mayTake, type Picker, type Random, type Strategy } from "./contract.ts";
import { FairTurns } from "./fair_turns.ts";

export interface LeastTimeOptions {
  /** Milliseconds after which a measured time counts for a third (1 / e). */
  readonly decay: number;
}

/**
 * Least `latency * (1 + in flight / weight)`: the time that one more request would take where requests wait for each
 * other. Among equals the one whose turn is the earliest, so that an idle pool follows its weights. One pass over the pool.
 *
 * A member of which no time is known counts like the fastest known one: it is tried, and not overrun.
 */
class LeastTimePicker implements Picker {
  readonly #turns: FairTurns;

  constructor(candidates: readonly Candidate[], random: Random, previous: Picker | null) {
    const before = previous instanceof LeastTimePicker ? previous.#turns : null;
    this.#turns = new FairTurns(candidates, random, before);
  }

  pick(_hash: number, tried: readonly Candidate[]): Candidate | null {
    const turns = this.#turns;
    const { members } = turns;
    const unknown = fastest(members);
    let best = -1;
    let bestCost = Infinity;
    for (let at = 0; at < members.length; at++) {
      const member = members[at]!;
      if (!mayTake(member, tried)) continue;
      const cost = costOf(member, unknown);
      if (cost > bestCost || (cost === bestCost && turns.compare(at, best) >= 0)) continue;
      best = at;
      bestCost = cost;
    }
    if (best === -1) return null;
    turns.take(best);
    return members[best]!;
  }

  order(): Candidate[] {
    const { members } = this.#turns;
    const unknown = fastest(members);
    const costs = members.map((member) => costOf(member, unknown));
    return this.#turns.order((one, other) => costs[one]! - costs[other]!);
  }
}

/** The least time that is known, 1 where none is. */
function fastest(members: readonly Candidate[]): number {
  let least = Infinity;
  for (let at = 0; at < members.length; at++) {
    const latency = members[at]!.latency_ms;
    if (latency > 0 && latency < least) least = latency;
  }
  return least === Infinity ? 1 : least;
}

function costOf({ latency_ms: latency, in_flight: inFlight, weight }: Candidate, unknown: number): number {
  return (latency > 0 ? latency : unknown) * (1 + inFlight / weight);
}

export const leastTime: Strategy<LeastTimeOptions> = {
  name: "least_time",
  summary:
    "Takes the backend where one more request is expected to be answered first, by recent times and requests in flight.",
  can: ["pick", "order"],
  keyed: false,
  spreads_by: "load",
  latency_decay_ms: ({ decay }) => decay,
  create: (candidates, _options, random, previous) => new LeastTimePicker(candidates, random, previous),
};
