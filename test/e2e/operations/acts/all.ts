/** Every act, in the order of a round. */
import type { Act } from "../act.ts";
import { backendActs } from "./backends.ts";
import { configurationActs } from "./configuration.ts";
import { logActs } from "./logs.ts";
import { processActs } from "./processes.ts";

export const ACTS: readonly Act[] = [...configurationActs, ...logActs, ...backendActs, ...processActs];
