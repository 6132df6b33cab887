/**
 * Every strategy as configurations name it. The options of those that have some are described apart from the strategy,
 * because a worker must not load the schema library: it takes more memory than all strategies together.
 */
import { z } from "zod";
import { strategies } from "./all.ts";
import { consistentHashOptions } from "./consistent_hash_options.ts";
import type { Strategy } from "./contract.ts";
import { leastTimeOptions } from "./least_time_options.ts";

/** What the configuration knows of a strategy. */
export interface StrategyPart extends Omit<Strategy, "create" | "latency_decay_ms"> {
  /** A strict object whose output is plain JSON. */
  readonly schema: z.ZodType;
}

/** Options by the name of the strategy; the others have none. */
const OPTIONS: Readonly<Record<string, z.ZodType>> = {
  consistent_hash: consistentHashOptions,
  least_time: leastTimeOptions,
};

export const strategyParts: readonly StrategyPart[] = strategies.map((strategy) => ({
  ...strategy,
  schema: OPTIONS[strategy.name] ?? z.strictObject({}),
}));
