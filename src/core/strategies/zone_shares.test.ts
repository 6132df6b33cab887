import { expect, test } from "bun:test";
import fc from "fast-check";
import { sum } from "./test_candidates.ts";
import { zoneShares } from "./zone_shares.ts";

const rounded = (shares: readonly number[]): number[] =>
  shares.map((share) => Math.round(share * 1_000) / 1_000);

test("the nearest zone takes all while it can, then gives away in proportion", () => {
  expect(zoneShares([1, 1, 1], 0.7)).toEqual([1, 0, 0]);
  expect(zoneShares([0.7, 1, 1], 0.7)).toEqual([1, 0, 0]);
  expect(rounded(zoneShares([0.35, 1, 1], 0.7))).toEqual([0.5, 0.5, 0]);
  expect(rounded(zoneShares([0.35, 0.14, 1], 0.7))).toEqual([0.5, 0.2, 0.3]);
  expect(zoneShares([0, 1, 1], 0.7)).toEqual([0, 1, 0]);
  expect(zoneShares([0, 0, 0.1], 0.7)).toEqual([0, 0, 1]);
});

test("zones that together cannot take everything share it by what they can take; nobody gets anything of nobody", () => {
  expect(rounded(zoneShares([0.14, 0.14], 0.7))).toEqual([0.5, 0.5]);
  expect(rounded(zoneShares([0.07, 0.21, 0], 0.7))).toEqual([0.25, 0.75, 0]);
  expect(zoneShares([0, 0], 0.7)).toEqual([0, 0]);
});

test("with 0 % a zone takes everything while anybody of it serves, with 100 % only while all do", () => {
  expect(zoneShares([0.01, 1], 0)).toEqual([1, 0]);
  expect(zoneShares([0, 1], 0)).toEqual([0, 1]);
  expect(rounded(zoneShares([0.9, 1], 1))).toEqual([0.9, 0.1]);
});

/**
 * The load of priority levels as Envoy's documentation tells it ("Priority levels"), in whole percent of health with an
 * overprovisioning factor in percent.
 */
function envoyLoads(healthy: readonly number[], factor: number): number[] {
  const levels = healthy.map((percent) => Math.min(100, (percent * factor) / 100));
  const total = Math.min(100, sum(levels));
  const loads: number[] = [];
  for (const level of levels) loads.push(Math.min(100 - sum(loads), (level * 100) / total));
  return loads;
}

test("H-J22/ops shares are those of Envoy's priority levels with the factor 1 / spill_below", () => {
  const percents = fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(percents, fc.integer({ min: 100, max: 400 }), (healthy, factor) => {
      const shares = zoneShares(
        healthy.map((percent) => percent / 100),
        100 / factor,
      );
      if (healthy.every((percent) => percent === 0)) expect(sum(shares)).toBe(0);
      else {
        const loads = envoyLoads(healthy, factor);
        for (const [zone, share] of shares.entries()) expect(share * 100).toBeCloseTo(loads[zone]!, 6);
        expect(sum(shares)).toBeCloseTo(1, 9);
      }
    }),
  );
});
