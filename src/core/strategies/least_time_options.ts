import { z } from "zod";
import { duration } from "../schema/duration.ts";
import type { LeastTimeOptions } from "./least_time.ts";

/** What a configuration says of the strategy. */
export const leastTimeOptions: z.ZodType<LeastTimeOptions> = z.strictObject({
  decay: duration()
    .refine((value) => value > 0, { error: "expected a time above 0" })
    .meta({ description: "After so long without answers a measured time counts for about a third." })
    .prefault("10s"),
});
