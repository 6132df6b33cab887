import { expect, test } from "bun:test";
import fc from "fast-check";
import { rolloutOf } from "../test_decider.ts";
import { anyRollouts } from "../test_models.ts";
import { readRollouts } from "./rollouts.ts";

test("rollouts come back from JSON as they went in (property)", () => {
  fc.assert(
    fc.property(anyRollouts, (rollouts) => {
      expect(readRollouts(JSON.parse(JSON.stringify({ rollouts })))).toEqual(rollouts);
    }),
  );
});

test("what is no rollout is refused with its place, and what may be left out is filled in", () => {
  expect(readRollouts([])).toContain("the document");
  expect(readRollouts({ rollouts: [{ ...rolloutOf(), state: "gone" }] })).toContain("rollouts.0.state");
  expect(readRollouts({ rollouts: [{ ...rolloutOf(), other: 1 }] })).toContain("other");
  const { allow: _allow, deny: _deny, gate: _gate, ...short } = rolloutOf();
  expect(readRollouts({ rollouts: [short] })).toEqual([rolloutOf({ gate: null })]);
});
