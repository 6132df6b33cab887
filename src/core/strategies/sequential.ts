import { type Candidate, mayTake, type Picker, type Strategy } from "./contract.ts";
import { checkTableSize } from "./maglev.ts";

class SequentialPicker implements Picker {
  readonly #candidates: readonly Candidate[];

  constructor(candidates: readonly Candidate[]) {
    this.#candidates = candidates;
  }

  pick(_hash: number, tried: readonly Candidate[]): Candidate | null {
    for (const candidate of this.#candidates) if (mayTake(candidate, tried)) return candidate;
    return null;
  }

  table(size: number): Int32Array {
    checkTableSize(size);
    const first = this.#candidates.findIndex(({ available, weight }) => available && weight > 0);
    return new Int32Array(size).fill(first);
  }

  order(): Candidate[] {
    return this.#candidates.filter(({ weight }) => weight > 0);
  }
}

/** Main and reserve: the second serves only while the first cannot. */
export const sequential: Strategy<object> = {
  name: "sequential",
  summary: "Takes the first backend of the list that can serve; the others are its reserve.",
  can: ["pick", "table", "order"],
  keyed: false,
  spreads_by: null,
  create: (candidates) => new SequentialPicker(candidates),
};
