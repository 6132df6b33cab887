import type { Strategy } from "./contract.ts";
import type { HashOnOption } from "./hash_on.ts";
import { MaglevPicker } from "./maglev_picker.ts";

export interface ConsistentHashOptions extends HashOnOption {
  /** How far above its share of the requests in flight a backend may go; 0 = as far as its keys lead. */
  readonly load_factor: number;
}

/**
 * A Maglev table with a bound of the load. What one backend more or less moves, and how far the fullest is above the
 * mean, is measured by the tests and stated in docs/strategies.md.
 */
export const consistentHash: Strategy<ConsistentHashOptions> = {
  name: "consistent_hash",
  summary:
    "Sends requests with the same key (`hash_on`) to the same backend by a Maglev table, within a bound of its load.",
  can: ["pick", "table", "order"],
  keyed: true,
  spreads_by: null,
  create: (candidates, { load_factor }, _random, previous) =>
    new MaglevPicker(candidates, load_factor, previous),
};
