import { z } from "zod";
import type { Strategy } from "./contract.ts";
import type { HashOnOption } from "./hash_on.ts";
import { MaglevPicker } from "./maglev_picker.ts";

export interface ConsistentHashOptions extends HashOnOption {
  /** How far above its share of the requests in flight a backend may go; 0 = as far as its keys lead. */
  readonly load_factor: number;
}

const EXPECTED = "expected 0 (no bound) or a number from 1 to 1000";

/**
 * A Maglev table with a bound of the load. What one backend more or less moves, and how far the fullest is above the
 * mean, is measured by the tests and stated in docs/strategies.md.
 */
export const consistentHash: Strategy<ConsistentHashOptions> = {
  name: "consistent_hash",
  summary:
    "Sends requests with the same key (`hash_on`) to the same backend by a Maglev table, within a bound of its load.",
  schema: z.strictObject({
    load_factor: z
      .number({ error: EXPECTED })
      .refine((value) => value === 0 || (value >= 1 && value <= 1_000), { error: EXPECTED })
      .meta({
        description:
          "A backend whose requests in flight would exceed this many times its share of the pool's is passed over, so keys leave their backend under load. 0 = never.",
      })
      .prefault(1.25),
  }),
  can: ["pick", "table", "order"],
  keyed: true,
  create: (candidates, { load_factor }, _random, previous) =>
    new MaglevPicker(candidates, load_factor, previous),
};
