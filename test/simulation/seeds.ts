/** Runs one scenario after another. */
import { runScenario } from "./scenario.ts";
import { SEED_VARIABLE } from "./variables.ts";

/** Failing seeds after which no further one is run. */
const MOST_FAILURES = 5;
const MOST_FAULTS_SHOWN = 3;

export interface SeedRun {
  readonly seeds: number;
  readonly requests: number;
  readonly outcomes: Readonly<Record<string, number>>;
  /** One text per failing seed, with how to run it again. */
  readonly failures: readonly string[];
}

/** Runs the seeds from `first` on, at most `count` of them; after `mostMs` none begins. */
export function runSeeds(first: number, count: number, mostMs: number): SeedRun {
  const end = performance.now() + mostMs;
  const outcomes: Record<string, number> = {};
  const failures: string[] = [];
  let requests = 0;
  let seeds = 0;
  while (seeds < count && failures.length < MOST_FAILURES && performance.now() < end) {
    const seed = first + seeds++;
    const result = runScenario(seed);
    requests += result.requests;
    for (const [name, number] of Object.entries(result.outcomes))
      outcomes[name] = (outcomes[name] ?? 0) + number;
    const { faults } = result;
    if (faults.length > 0)
      failures.push(
        `${SEED_VARIABLE}=${seed}: ${faults.length} faults: ${faults.slice(0, MOST_FAULTS_SHOWN).join("; ")}`,
      );
  }
  return { seeds, requests, outcomes, failures };
}
