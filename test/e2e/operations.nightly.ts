/** Too long for every run: `npm run test:nightly` runs it. */
import { expect, test } from "bun:test";
import { runOperations, type RunOptions } from "./operations/run.ts";
import { soak } from "./operations/soak.ts";
import { stateOf } from "./operations/statement.ts";

/** Requests a second: clients, backends and program together need four idle cores for the default. */
const RATE = Number(process.env["OPERATIONS_RATE"] ?? 1_500);

test("the operations of a long day in two minutes at a rate that does not wait: nothing is lost", async () => {
  const options: RunOptions = {
    workers: 4,
    ratePerSecond: RATE,
    durationMs: 120_000,
    rounds: 3,
    say: console.log,
  };
  const { lines, wrong } = stateOf(await runOperations(options), options);
  console.log(lines.join("\n"));
  expect(wrong).toEqual([]);
}, 600_000);

test("five minutes of load: memory grows by less than 1 MB a minute, and as many files are open as at the start", async () => {
  const { lines, bytesPerMinute, openedFiles, failures } = await soak(4, RATE, 300_000);
  console.log(lines.join("\n"));
  expect(failures).toBe(0);
  for (const slope of bytesPerMinute) expect(slope / 1_048_576).toBeLessThan(1);
  for (const opened of openedFiles) expect(opened).toBe(0);
}, 600_000);
