import { expect, test } from "bun:test";
import { canonicalJson, StateTable } from "./state_table.ts";

interface Counter {
  count: number;
}

const fresh = (before: Counter | null): Counter => ({ count: before?.count ?? 0 });

test("equal settings keep the object, other settings may take over from it", () => {
  const first = new StateTable(null);
  const position = first.take("strategy", "web", { name: "round_robin", weights: [1, 2] }, fresh);
  position.count = 7;
  const second = new StateTable(first);
  expect(second.take("strategy", "web", { weights: [1, 2], name: "round_robin" }, fresh)).toBe(position);
  const third = new StateTable(second);
  const migrated = third.take("strategy", "web", { name: "round_robin", weights: [2, 1] }, fresh);
  expect(migrated).not.toBe(position);
  expect(migrated.count).toBe(7);
});

test("kind and id tell states apart, and what was not asked for is gone", () => {
  const first = new StateTable(null);
  const states = [
    first.take("a", "x", null, fresh),
    first.take("b", "x", null, fresh),
    first.take("a", "y", null, fresh),
  ];
  expect(new Set(states).size).toBe(3);
  const second = new StateTable(first);
  second.take("a", "x", null, fresh);
  const third = new StateTable(second);
  expect(third.take("a", "x", null, fresh)).toBe(states[0] as Counter);
  expect(third.take("b", "x", null, fresh)).not.toBe(states[1] as Counter);
});

test("a table that is discarded has changed nothing", () => {
  const first = new StateTable(null);
  const state = first.take("a", "x", 1, fresh);
  new StateTable(first).take("a", "x", 2, fresh);
  expect(new StateTable(first).take("a", "x", 1, fresh)).toBe(state);
});

test("canonical JSON sorts keys at every depth and keeps lists", () => {
  expect(canonicalJson({ b: [{ d: 1, c: 2 }], a: null })).toBe('{"a":null,"b":[{"c":2,"d":1}]}');
});
