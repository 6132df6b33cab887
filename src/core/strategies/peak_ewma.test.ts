import { expect, test } from "bun:test";
import fc from "fast-check";
import { PeakEwma } from "./peak_ewma.ts";

test("nothing is known at first; a first time is taken over, and fades by e in the decay time", () => {
  const times = new PeakEwma(10_000);
  expect(times.at(5)).toBe(0);
  times.observe(80, 1_000);
  expect(times.at(1_000)).toBe(80);
  expect(times.at(11_000)).toBeCloseTo(80 / Math.E, 9);
  expect(times.at(1_000_000)).toBe(0);
});

test("a longer time counts at once, a shorter one by the time that has passed", () => {
  const times = new PeakEwma(10_000);
  times.observe(10, 0);
  times.observe(500, 1);
  expect(times.at(1)).toBe(500);
  times.observe(10, 10_001);
  expect(times.at(10_001)).toBeCloseTo(500 / Math.E + 10 * (1 - 1 / Math.E), 9);
});

test("the average lies between the least and the longest of what was measured, however often that is", () => {
  const samples = fc.array(fc.record({ ms: fc.integer({ min: 1, max: 5_000 }), after: fc.nat(2_000) }), {
    minLength: 1,
    maxLength: 40,
  });
  fc.assert(
    fc.property(samples, (all) => {
      const times = new PeakEwma(5_000);
      let now = 0;
      for (const { ms, after } of all) {
        now += after;
        const before = times.at(now);
        times.observe(ms, now);
        expect(times.at(now)).toBeGreaterThanOrEqual(Math.min(ms, before) - 1e-9);
        expect(times.at(now)).toBeLessThanOrEqual(Math.max(...all.map((one) => one.ms)) + 1e-9);
      }
    }),
  );
});
