import { expect, test } from "bun:test";
import { ManualClock, realClock } from "./clock.ts";

test("a manual clock runs what falls due in the order of time", () => {
  const clock = new ManualClock(5_000);
  const seen: string[] = [];
  clock.every(30, () => seen.push(`a${clock.now()}`));
  const stop = clock.every(20, () => {
    seen.push(`b${clock.now()}`);
    if (clock.now() === 40) stop();
  });
  clock.advance(65);
  expect(seen).toEqual(["b20", "a30", "b40", "a60"]);
  expect([clock.now(), clock.wall()]).toEqual([65, 5_065]);
  clock.setWall(1_000);
  expect([clock.now(), clock.wall()]).toEqual([65, 1_000]);
});

test("the real clock never goes back and its interval ends", async () => {
  const before = realClock.now();
  let calls = 0;
  await new Promise<void>((resolve) => {
    const stop = realClock.every(1, () => {
      calls++;
      stop();
      resolve();
    });
  });
  expect(realClock.now()).toBeGreaterThanOrEqual(before);
  expect(calls).toBe(1);
  expect(Math.abs(realClock.wall() - Date.now())).toBeLessThan(1_000);
});
