import { expect, test } from "bun:test";
import type { SnapshotDelta } from "../snapshot.ts";
import { applyDelta, deltaBetween, isEmptyDelta, type KnownState } from "./delta.ts";

const NOTHING: SnapshotDelta = { health: {}, members: {}, overrides: {} };

test("a delta changes its keys, leaves the others and both arguments alone", () => {
  const state = {
    generation: 7,
    health: { "web/a": "healthy", "web/b": "healthy" },
    members: { "web/c": ["192.0.2.1"] },
    overrides: { "web/a": { weight: 2 }, "web/b": { enabled: "draining" } },
  } as const;
  const delta: SnapshotDelta = {
    health: { "web/b": "unhealthy" },
    members: { "web/c": ["192.0.2.2"] },
    overrides: { "web/a": { enabled: "disabled" } },
  };
  expect(applyDelta(state as KnownState & { generation: number }, delta)).toEqual({
    generation: 7,
    health: { "web/a": "healthy", "web/b": "unhealthy" },
    members: { "web/c": ["192.0.2.2"] },
    overrides: { "web/a": { enabled: "disabled" }, "web/b": { enabled: "draining" } },
  });
  expect(state.health["web/b"]).toBe("healthy");
});

test("unknown, an empty list and an empty override take a key away, so that states do not grow with old addresses", () => {
  const state: KnownState = {
    health: { "web/a@192.0.2.1": "healthy" },
    members: { "web/a": ["192.0.2.1"] },
    overrides: { "web/a": { weight: 0 } },
  };
  const after = applyDelta(state, {
    health: { "web/a@192.0.2.1": "unknown" },
    members: { "web/a": [] },
    overrides: { "web/a": {} },
  });
  expect(after).toEqual({ health: {}, members: {}, overrides: {} });
});

test("a map that does not change stays the same object", () => {
  const state: KnownState = { health: { "web/a": "healthy" }, members: {}, overrides: {} };
  expect(applyDelta(state, NOTHING).health).toBe(state.health);
});

test("the delta between two states turns one into the other, and is empty for equal ones", () => {
  const one: KnownState = {
    health: { a: "healthy", b: "unhealthy" },
    members: { x: ["1"], y: ["2"] },
    overrides: { u: { weight: 1 }, v: { enabled: "draining" } },
  };
  const other: KnownState = {
    health: { b: "healthy", c: "healthy" },
    members: { y: ["2", "3"], z: ["4"] },
    overrides: { v: { enabled: "draining", weight: 3 } },
  };
  expect(applyDelta(one, deltaBetween(one, other))).toEqual(other);
  expect(applyDelta(other, deltaBetween(other, one))).toEqual(one);
  expect(isEmptyDelta(deltaBetween(one, structuredClone(one)))).toBe(true);
  expect(isEmptyDelta(deltaBetween(one, other))).toBe(false);
});
