import { expect, test } from "bun:test";
import { Nonces, Rates } from "./limits.ts";

test("RD165 so many at once, and evenly more with the time, for each key by itself", () => {
  const rates = new Rates(60, 100);
  const taken = (key: string, now: number): number => {
    let count = 0;
    while (rates.take(key, now)) count++;
    return count;
  };
  expect([taken("a", 0), taken("a", 0), taken("b", 0)]).toEqual([60, 0, 60]);
  expect([taken("a", 1_000), taken("a", 11_500), taken("a", 1e9)]).toEqual([1, 10, 60]);
});

test("of too many keys those are forgotten that were not used for longest", () => {
  const rates = new Rates(1, 2);
  expect([rates.take("a", 0), rates.take("b", 0), rates.take("a", 0)]).toEqual([true, true, false]);
  expect([rates.take("c", 0), rates.take("a", 0), rates.take("b", 0)]).toEqual([true, false, true]);
});

test("a nonce is remembered for its time at least, and never more of them than there may be", () => {
  const nonces = new Nonces(1_000, 3);
  expect([nonces.take("a", 0), nonces.take("a", 999), nonces.take("b", 999)]).toEqual(["new", "seen", "new"]);
  // One that came right before the turn is still known for its time.
  expect([nonces.take("c", 1_000), nonces.take("b", 1_998), nonces.take("d", 1_998)]).toEqual([
    "new",
    "seen",
    "full",
  ]);
  expect([nonces.take("a", 2_000), nonces.take("c", 2_000)]).toEqual(["new", "seen"]);
  expect(nonces.take("c", 9_000)).toBe("new");
});
