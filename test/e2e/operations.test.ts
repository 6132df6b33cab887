/**
 * Everything that operators do, and much that goes wrong by itself, while clients are served: nothing is lost but what a
 * killed process had in its hands. Each act once; `operations.nightly.ts` does each three times at five times the rate.
 */
import { expect, test } from "bun:test";
import { requireRoot } from "../support/require.ts";
import { runOperations, type RunOptions } from "./operations/run.ts";
import { stateOf } from "./operations/statement.ts";

// For the file system that the log fills.
const lacking = requireRoot();

test.skipIf(lacking !== null)(
  "reloads, kills, upgrades, drains, rotation and a full disk under load: nothing fails beyond what a killed process held",
  async () => {
    const options: RunOptions = { workers: 4, ratePerSecond: 300, durationMs: 25_000, rounds: 1 };
    const { lines, wrong } = stateOf(await runOperations(options), options);
    console.log(lines.join("\n"));
    expect(wrong).toEqual([]);
  },
  180_000,
);
