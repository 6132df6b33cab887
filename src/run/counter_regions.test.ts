import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { RegionSet } from "./counter_regions.ts";
import { noCounters } from "./start_in_process.ts";

const layout = { key: "a", counters: 4, limits: 2 };

test("rows of limits belong to one worker each and are zeroed when it is gone", () => {
  const before = readdirSync("/proc/self/fd").length;
  const kept: number[][] = [];
  const set = new RegionSet(layout, 2, {
    ...noCounters,
    layout: () => layout,
    retire: (_, values) => void kept.push([...values]),
  });
  const make = () => set.make(process.pid);
  const [one, two] = [make(), make()];
  expect([one.limitRow, two.limitRow, set.rows]).toEqual([0, 1, 16]);
  one.counters.numbers[3] = 5;
  one.limits.numbers.set([7, 8], 0);
  two.limits.numbers.set([1, 2], 2);
  set.retire(one);
  set.retire(one);
  expect(kept).toEqual([[0, 0, 0, 5]]);
  expect([...two.limits.numbers.subarray(0, 4)]).toEqual([0, 0, 1, 2]);
  expect(make().limitRow).toBe(0);
  for (let made = 2; made < 16; made++) make();
  expect(make).toThrow("16 workers live already");
  expect([...set.values()].length).toBe(16);
  expect(readdirSync("/proc/self/fd").length).toBe(before + 17);
});

test("a set that is left goes with its last worker", () => {
  const before = readdirSync("/proc/self/fd").length;
  const set = new RegionSet(layout, 9, { ...noCounters, layout: () => layout });
  expect([set.fits(layout, 9), set.fits(layout, 19), set.fits({ ...layout, key: "b" }, 1)]).toEqual([
    true,
    false,
    false,
  ]);
  const regions = set.make(process.pid);
  set.abandon();
  expect(set.closed).toBe(false);
  set.retire(regions);
  expect(set.closed).toBe(true);
  expect(readdirSync("/proc/self/fd").length).toBe(before);
});

test("a successor's workers count beside those of before, whose counts end with them", async () => {
  const keeper = { ...noCounters, layout: () => layout };
  const old = new RegionSet(layout, 1, keeper);
  const worker = Bun.spawn(["sleep", "60"]);
  const before = old.make(worker.pid);
  before.limits.numbers.set([3, 4], 0);
  const next = new RegionSet(layout, 1, keeper, old.inheritance);
  const ours = next.make(process.pid);
  expect([ours.limitRow, [...ours.limits.numbers.subarray(0, 4)]]).toEqual([1, [3, 4, 0, 0]]);
  next.freeDead();
  expect(ours.limits.numbers[0]).toBe(3);
  worker.kill("SIGKILL");
  await worker.exited;
  ours.limits.numbers.set([1, 1], 2);
  next.freeDead();
  expect([...ours.limits.numbers.subarray(0, 4)]).toEqual([0, 0, 1, 1]);
  expect(next.make(process.pid).limitRow).toBe(0);
});
