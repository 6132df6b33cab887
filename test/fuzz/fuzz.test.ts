/**
 * Every fuzz entry for a share of about a minute. `FUZZ_BUDGET_MS` and `FUZZ_SEED` change the whole budget and the seed;
 * the seed is the same in every run, so that a finding comes again. New seeds are for `npm run test:nightly`.
 */
import { expect, test } from "bun:test";
import { FUZZ_ENTRIES } from "./all.ts";
import { fuzz } from "./engine.ts";

const budgetMs = Number(process.env["FUZZ_BUDGET_MS"] ?? 6_000) / FUZZ_ENTRIES.length;
const seed = Number(process.env["FUZZ_SEED"] ?? 1);
const corpus = `${import.meta.dir}/corpus`;

test.each(FUZZ_ENTRIES.map((entry) => [entry.name, entry] as const))(
  "H-J21/ops %s survives changed inputs",
  async (name, entry) => {
    const result = await fuzz(entry, { budgetMs, seed, corpus });
    console.log(
      `note: fuzz ${name}: seed ${seed}, ${result.runs} inputs, ${result.outcomes} outcomes, slowest ${result.slowestMs.toFixed(1)} ms`,
    );
    expect(result.findings.map(({ file, message }) => `${file}: ${message}`)).toEqual([]);
    expect(result.runs).toBeGreaterThan(entry.seeds().length);
  },
  budgetMs * 3 + 60_000,
);
