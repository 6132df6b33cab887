import { expect, test } from "bun:test";
import { ManualClock, realClock } from "../platform/clock.ts";
import { LOOK_MS, watchLoop } from "./loop_delay.ts";

test("a loop that is on time has no delay, and nothing is observed after the end", () => {
  const clock = new ManualClock();
  const delays: number[] = [];
  const stop = watchLoop(clock, (delay) => delays.push(delay));
  clock.advance(3 * LOOK_MS);
  stop();
  clock.advance(3 * LOOK_MS);
  expect(delays).toEqual([0, 0, 0]);
});

test("work that holds the loop is seen with about its length", async () => {
  const delays: number[] = [];
  const stop = watchLoop(realClock, (delay) => delays.push(delay));
  for (const end = performance.now() + 2 * LOOK_MS; performance.now() < end;);
  while (delays.length === 0) await Bun.sleep(1);
  stop();
  expect(delays[0]!).toBeGreaterThanOrEqual(0.9 * LOOK_MS);
});
