import { expect, test } from "bun:test";
import fc from "fast-check";
import { MachineCounts, SHARED_COUNT_NUMBERS } from "./shared_counts.ts";

const BASE = 3;
const STRIDE = BASE + SHARED_COUNT_NUMBERS + 2;

function workers(count: number): MachineCounts[] {
  const limits = new Float64Array(STRIDE * count);
  return Array.from({ length: count }, (_, limitRow) => {
    const counts = new MachineCounts();
    counts.moveTo({ limits, limitRow, limitRows: count, stride: STRIDE, base: BASE });
    return counts;
  });
}

test("a limit holds over all workers", () => {
  const [one, two] = workers(3) as [MachineCounts, MachineCounts];
  expect(one.enter(7, 3)).toBe(true);
  expect(two.enter(7, 3)).toBe(true);
  expect(two.enter(7, 3)).toBe(true);
  expect(one.enter(7, 3)).toBe(false);
  expect(two.enter(7, 3)).toBe(false);
  expect(one.enter(8, 3)).toBe(true);
  two.leave(7);
  expect(one.enter(7, 3)).toBe(true);
  expect(one.count(7)).toBe(3);
});

test("H-J22/ops agrees with a reference model, keys that meet in one place included", () => {
  const events = fc.array(
    fc.record({
      worker: fc.nat(1),
      // Keys that differ by the size of a table stand in each other's way.
      key: fc.tuple(fc.nat(6), fc.constantFrom(0, 2 ** 14, 2 ** 40)).map(([low, high]) => high + low + 1),
      leaves: fc.boolean(),
    }),
    { maxLength: 200 },
  );
  fc.assert(
    fc.property(events, (list) => {
      const counts = workers(2);
      const model = new Map<string, number>();
      const total = (key: number): number => (model.get(`0 ${key}`) ?? 0) + (model.get(`1 ${key}`) ?? 0);
      for (const { worker, key, leaves } of list) {
        const id = `${worker} ${key}`;
        const before = model.get(id) ?? 0;
        if (!leaves) {
          const room = total(key) < 4;
          expect(counts[worker]!.enter(key, 4)).toBe(room);
          if (room) model.set(id, before + 1);
        } else if (before > 0) {
          counts[worker]!.leave(key);
          model.set(id, before - 1);
        }
        expect(counts[1 - worker]!.count(key)).toBe(total(key));
      }
    }),
  );
});

test("counts go on in other memory, and the table is empty again when all have left", () => {
  const counts = new MachineCounts();
  for (let key = 1; key <= 5_000; key++) counts.enter(key * 7_919, 1);
  for (const [limitRow, base] of [
    [0, 3],
    [1, 5],
  ] as const) {
    const stride = SHARED_COUNT_NUMBERS + 9;
    const limits = new Float64Array(2 * stride);
    counts.moveTo({ limits, limitRow, limitRows: 2, stride, base });
    expect(counts.enter(7_919, 1)).toBe(false);
    expect(counts.count(7_919)).toBe(1);
  }
  const stride = SHARED_COUNT_NUMBERS;
  const limits = new Float64Array(stride);
  counts.moveTo({ limits, limitRow: 0, limitRows: 1, stride, base: 0 });
  for (let key = 1; key <= 5_000; key++) counts.leave(key * 7_919);
  expect(limits.every((number) => number === 0)).toBe(true);
});

test("keys for which the table has no room are counted in this worker", () => {
  const [counts, other] = workers(2) as [MachineCounts, MachineCounts];
  for (let key = 1; key <= 20_000; key++) expect(counts.enter(key, 1)).toBe(true);
  for (let key = 1; key <= 20_000; key++) expect(counts.enter(key, 1)).toBe(false);
  expect(other.count(1)).toBe(1);
  expect(other.count(20_000)).toBe(0);
  for (let key = 1; key <= 20_000; key++) counts.leave(key);
  for (let key = 1; key <= 20_000; key++) expect(counts.count(key)).toBe(0);
});
