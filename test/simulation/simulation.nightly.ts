/** Seeds that no run before has had, for a share of the nightly budget. */
import { expect, test } from "bun:test";
import { runSeeds } from "./seeds.ts";
import { BUDGET_VARIABLE, FIRST_SEED_VARIABLE } from "./variables.ts";

const MOST_MS = Number(process.env[BUDGET_VARIABLE] ?? 60_000);
const FIRST_SEED = Number(process.env[FIRST_SEED_VARIABLE] ?? Date.now() % 1_000_000_000);

test(
  "H-J23/nightly new seeds are sound too",
  () => {
    const { seeds, requests, failures } = runSeeds(FIRST_SEED, Infinity, MOST_MS);
    console.log(`simulated ${seeds} networks with ${requests} requests, seeds from ${FIRST_SEED}`);
    expect(failures).toEqual([]);
  },
  MOST_MS + 120_000,
);
