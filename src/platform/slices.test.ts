import { expect, test } from "bun:test";
import { runInSlices } from "./slices.ts";

test("prepared work gives way to the event loop and ends", async () => {
  let steps = 0;
  let turns = 0;
  let clock = 0;
  function* work(): Generator<void> {
    for (; steps < 100; steps++) {
      clock += 0.25;
      yield;
    }
  }
  const count = () => {
    turns++;
    if (steps < 100) setImmediate(count);
  };
  setImmediate(count);
  await runInSlices(work(), () => clock);
  // 100 steps of a quarter of a millisecond are 25 slices of one.
  expect([steps, turns >= 24]).toEqual([100, true]);
});

test("what the work throws is passed on", () => {
  const failing = (function* (): Generator<void> {
    yield;
    throw new Error("broken");
  })();
  expect(runInSlices(failing)).rejects.toThrow("broken");
});
