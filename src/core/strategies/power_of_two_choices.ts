import type { Candidate, Picker, Random, Strategy } from "./contract.ts";
import { WeightedDraw } from "./weighted_draw.ts";

/**
 * Two different candidates are drawn by weight and the one with less in flight for its weight is taken; between equals
 * the first drawn, so that an idle pool follows its weights (Mitzenmacher, "The Power of Two Choices", 2001). Constant
 * time, and many instances do not all run to the same idle backend as with least_connections.
 */
class PowerOfTwoPicker implements Picker {
  readonly #draw: WeightedDraw;

  constructor(candidates: readonly Candidate[], random: Random) {
    this.#draw = new WeightedDraw(candidates, random);
  }

  pick(_hash: number, tried: readonly Candidate[]): Candidate | null {
    const first = this.#draw.draw(tried, null);
    // A candidate with nothing in flight cannot be beaten.
    if (first === null || first.in_flight === 0) return first;
    const second = this.#draw.draw(tried, first);
    return second !== null && lessLoaded(second, first) ? second : first;
  }

  order(): Candidate[] {
    const order = this.#draw.shuffled();
    const [first, second] = order;
    if (first !== undefined && second !== undefined && lessLoaded(second, first))
      order.splice(0, 2, second, first);
    return order;
  }
}

function lessLoaded(one: Candidate, other: Candidate): boolean {
  return one.in_flight * other.weight < other.in_flight * one.weight;
}

export const powerOfTwoChoices: Strategy<object> = {
  name: "power_of_two_choices",
  summary: "Draws two backends by weight and takes the one with fewer requests in flight for its weight.",
  can: ["pick", "order"],
  keyed: false,
  spreads_by: "load",
  create: (candidates, _options, random) => new PowerOfTwoPicker(candidates, random),
};
