import { expect, test } from "bun:test";
import { editDistance, suggest } from "./suggest.ts";

test.each([
  ["", "", 0],
  ["a", "", 1],
  ["kitten", "sitting", 3],
  ["pool", "polo", 1],
  ["ca", "abc", 3],
  ["strategy", "stratgey", 1],
])("%p and %p are %d edits apart", (a, b, distance) => {
  expect(editDistance(a, b)).toBe(distance);
  expect(editDistance(b, a)).toBe(distance);
});

test("the nearest candidate is suggested, and none when nothing is near", () => {
  const keys = ["strategy", "backends", "health_check", "host_header"];
  expect(suggest("stratgy", keys)).toBe("strategy");
  expect(suggest("healthCheck", keys)).toBe("health_check");
  expect(suggest("health-check", keys)).toBe("health_check");
  expect(suggest("backend", keys)).toBe("backends");
  expect(suggest("zzz", keys)).toBeNull();
  expect(suggest("x".repeat(65), ["x".repeat(64)])).toBeNull();
});
