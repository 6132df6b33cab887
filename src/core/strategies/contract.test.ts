import { expect, test } from "bun:test";
import { isTried, mayTake } from "./contract.ts";
import { candidateOf } from "./test_candidates.ts";

test("what has been tried is told by its key, as a reload makes new objects", () => {
  const tried = [candidateOf("a"), candidateOf("b")];
  const after = ["a", "b", "c"].map((key) => candidateOf(key));
  expect(after.map((candidate) => isTried(candidate, tried))).toEqual([true, true, false]);
  expect(after.map((candidate) => mayTake(candidate, tried))).toEqual([false, false, true]);
  expect(after.every((candidate) => mayTake(candidate, []))).toBe(true);
});
