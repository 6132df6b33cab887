import { expect, test } from "bun:test";
import type { Health } from "../model.ts";
import { hasHealthy, mayServe } from "./veto.ts";

/** Who serves, as letters of those that may: members are written as the first letter of their health. */
function serving(members: string, checked = true, weights: readonly number[] = []): string {
  const words: Record<string, Health> = { h: "healthy", u: "unhealthy", "?": "unknown" };
  const measured = members.split("").map((letter, index) => ({
    health: words[letter]!,
    weight: weights[index] ?? 1,
  }));
  const any = hasHealthy(measured);
  return members
    .split("")
    .filter((_, index) => mayServe(measured[index]!.health, checked, any))
    .join("");
}

test("H-H11/veto: unknown members wait while somebody is healthy, and serve while nobody is", () => {
  expect(serving("h?u")).toBe("h");
  expect(serving("??u")).toBe("??");
  expect(serving("???")).toBe("???");
});

test("unhealthy members never serve, even when nobody is left", () => {
  expect(serving("uu")).toBe("");
  expect(serving("hu")).toBe("h");
});

test("a healthy member without weight keeps nobody waiting", () => {
  expect(serving("h?", true, [0, 1])).toBe("h?");
});

test("without a health check everybody serves", () => {
  expect(serving("hu?", false)).toBe("hu?");
});
