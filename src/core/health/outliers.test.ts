import { expect, test } from "bun:test";
import type { OutlierPlan } from "../plan.ts";
import { mostEjected, OutlierRecord } from "./outliers.ts";

const PLAN: OutlierPlan = {
  failures: 3,
  window_ms: 1_000,
  ejection_ms: 100,
  max_ejection_ms: 500,
  max_ejected: 0.5,
  statuses: [503],
};

/** Ends tries, `-` failed and `+` not, `gap` ms apart; gives back what the last one led to. */
function tries(record: OutlierRecord, results: string, start: number, gap = 1): number {
  return results
    .split("")
    .map((result, index) => record.ended(result === "-", start + index * gap, PLAN))
    .at(-1)!;
}

test("failures in a row within the window lead to an ejection; a success or a longer time in between does not", () => {
  expect(tries(new OutlierRecord(), "--", 0)).toBe(0);
  expect(tries(new OutlierRecord(), "---", 0)).toBe(100);
  expect(tries(new OutlierRecord(), "--+--", 0)).toBe(0);
  expect(tries(new OutlierRecord(), "--+---", 0)).toBe(100);
  expect(tries(new OutlierRecord(), "---", 0, 600)).toBe(0);
  expect(tries(new OutlierRecord(), "---", 0, 500)).toBe(100);
});

test("each further ejection is twice as long, up to the longest, and is forgotten with time", () => {
  const record = new OutlierRecord();
  const lengths: number[] = [];
  let now = 0;
  for (let round = 0; round < 5; round++) {
    const ms = tries(record, "---", now);
    lengths.push(ms);
    record.ejected(ms, now, PLAN);
    now += ms;
  }
  expect(lengths).toEqual([100, 200, 400, 500, 500]);
  now += 3 * PLAN.max_ejection_ms;
  expect(tries(record, "---", now)).toBe(400);
  expect(tries(new OutlierRecord(), "---", now + 100 * PLAN.max_ejection_ms)).toBe(100);
});

test("the share holds, one may always go, and never the only one", () => {
  expect([0, 1, 2, 3, 4, 10].map((count) => mostEjected(count, PLAN))).toEqual([0, 0, 1, 1, 2, 5]);
  expect(mostEjected(10, { ...PLAN, max_ejected: 0.05 })).toBe(1);
});
