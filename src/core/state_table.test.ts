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

test("what is released is forgotten once it is free, unless it is asked for again", () => {
  const isFree = ({ count }: Counter): boolean => count === 0;
  const table = new StateTable(null);
  const [free, busy, wanted] = ["free", "busy", "wanted"].map((id) => table.take("a", id, null, fresh));
  busy!.count = wanted!.count = 1;
  for (const id of ["free", "busy", "wanted"]) table.release("a", id, isFree);
  expect(table.take("a", "wanted", null, fresh)).toBe(wanted!);
  expect(new StateTable(table).take("a", "free", null, fresh)).not.toBe(free!);
  expect(new StateTable(table).take("a", "busy", null, fresh)).toBe(busy!);
  busy!.count = wanted!.count = 0;
  table.release("a", "unknown", isFree);
  expect(new StateTable(table).take("a", "busy", null, fresh)).not.toBe(busy!);
  expect(new StateTable(table).take("a", "wanted", null, fresh)).toBe(wanted!);
});

test("a table that has settled knows nothing of the one before", () => {
  const first = new StateTable(null);
  const states = ["x", "y"].map((id) => first.take("a", id, null, fresh));
  const second = new StateTable(first);
  second.take("a", "x", null, fresh);
  second.settle();
  expect(second.take("a", "x", null, fresh)).toBe(states[0]!);
  expect(second.take("a", "y", null, fresh)).not.toBe(states[1]!);
});

test("canonical JSON sorts keys at every depth and keeps lists", () => {
  expect(canonicalJson({ b: [{ d: 1, c: 2 }], a: null })).toBe('{"a":null,"b":[{"c":2,"d":1}]}');
});
