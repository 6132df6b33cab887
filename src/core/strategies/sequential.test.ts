import { expect, test } from "bun:test";
import { sequential } from "./sequential.ts";
import { candidatesOf, picked } from "./test_candidates.ts";

test("the first that can serve is taken, and taken again when it returns", () => {
  const candidates = candidatesOf(1, 0, 1, 7);
  const picker = sequential.create(candidates, {}, Math.random, null);
  expect(picked(picker).key).toBe("b0");
  candidates[0]!.available = false;
  expect(picked(picker).key).toBe("b2");
  expect(picked(picker, 0, [candidates[2]!]).key).toBe("b3");
  expect(new Set(picker.table!(251))).toEqual(new Set([2]));
  candidates[0]!.available = true;
  expect(picked(picker).key).toBe("b0");
  expect(new Set(picker.table!(251))).toEqual(new Set([0]));
});
