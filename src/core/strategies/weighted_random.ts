import type { Candidate, Picker, Random, Strategy } from "./contract.ts";
import { availableTable } from "./maglev.ts";
import { WeightedDraw } from "./weighted_draw.ts";

class RandomPicker implements Picker {
  readonly #candidates: readonly Candidate[];
  readonly #draw: WeightedDraw;

  constructor(candidates: readonly Candidate[], random: Random) {
    this.#candidates = candidates;
    this.#draw = new WeightedDraw(candidates, random);
  }

  pick(_hash: number, tried: readonly Candidate[]): Candidate | null {
    return this.#draw.draw(tried, null);
  }

  table(size: number): Int32Array {
    return availableTable(this.#candidates, size);
  }

  order(): Candidate[] {
    return this.#draw.shuffled();
  }
}

/** Each request by chance, without memory: many instances need not agree to be fair together. */
export const weightedRandom: Strategy<object> = {
  name: "random",
  summary: "Takes a backend at random, each with a chance of its share of the weights.",
  can: ["pick", "table", "order"],
  keyed: false,
  spreads_by: "weight",
  create: (candidates, _options, random) => new RandomPicker(candidates, random),
};
