/**
 * The real codec, exchange, plane and retries between simulated clients and backends. `SIMULATION_SEED=n` runs that seed
 * alone.
 */
import { expect, test } from "bun:test";
import { SABOTAGES } from "./sabotage.ts";
import { runScenario } from "./scenario.ts";
import { runSeeds } from "./seeds.ts";
import { SEED_VARIABLE } from "./variables.ts";

/** Seeds of a usual run, and the time after which no further one begins. */
const SEEDS = 400;
const MOST_MS = 8_000;
const LEAST_SEEDS = 20;
/** Within so many seeds each fault that is put in must be found. */
const SEEDS_WITH_FAULT = 150;

test("H-J23 in a seeded network each request is answered once, by one backend, with its own bytes", () => {
  const only = process.env[SEED_VARIABLE];
  const run = only === undefined ? runSeeds(1, SEEDS, MOST_MS) : runSeeds(Number(only), 1, MOST_MS);
  expect(run.failures).toEqual([]);
  if (only !== undefined) return;
  expect(run.seeds).toBeGreaterThanOrEqual(LEAST_SEEDS);
  // All of it has been there: answers, errors, cuts and second tries.
  for (const outcome of ["backend", "local", "cut", "lost", "repeated"])
    expect([outcome, run.outcomes[outcome] ?? 0]).not.toEqual([outcome, 0]);
}, 120_000);

test("H-J23/replay a seed tells the same story again", () => {
  for (const seed of [2, 3, 5]) expect(runScenario(seed)).toEqual(runScenario(seed));
}, 60_000);

for (const sabotage of SABOTAGES)
  test(`H-J23/faults a program that ${sabotage.replaceAll("_", " ")} is found`, () => {
    let seed = 1;
    while (seed <= SEEDS_WITH_FAULT && runScenario(seed, sabotage).faults.length === 0) seed++;
    expect(seed).toBeLessThanOrEqual(SEEDS_WITH_FAULT);
  }, 60_000);
