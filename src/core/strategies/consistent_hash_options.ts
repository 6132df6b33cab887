import { z } from "zod";
import type { ConsistentHashOptions } from "./consistent_hash.ts";

const EXPECTED = "expected 0 (no bound) or a number from 1 to 1000";

/** What a configuration says of the strategy. */
export const consistentHashOptions: z.ZodType<ConsistentHashOptions> = z.strictObject({
  load_factor: z
    .number({ error: EXPECTED })
    .refine((value) => value === 0 || (value >= 1 && value <= 1_000), { error: EXPECTED })
    .meta({
      description:
        "A backend whose requests in flight would exceed this many times its share of the pool's is passed over, so keys leave their backend under load. 0 = never.",
    })
    .prefault(1.25),
});
