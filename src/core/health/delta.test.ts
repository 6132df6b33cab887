import { expect, test } from "bun:test";
import type { SnapshotDelta } from "../snapshot.ts";
import {
  addDelta,
  applyDelta,
  changesOf,
  changeState,
  isEmptyDelta,
  liveState,
  type KnownState,
} from "./delta.ts";

const NOTHING: SnapshotDelta = { health: {}, members: {}, overrides: {}, documents: {} };

test("a delta changes its keys, leaves the others and both arguments alone", () => {
  const state = {
    generation: 7,
    health: { "web/a": "healthy", "web/b": "healthy" },
    members: { "web/c": ["192.0.2.1"] },
    overrides: { "web/a": { weight: 2 }, "web/b": { enabled: "draining" } },
    documents: { "plane/one": 1, "plane/two": 2 },
  } as const;
  const delta: SnapshotDelta = {
    health: { "web/b": "unhealthy" },
    members: { "web/c": ["192.0.2.2"] },
    overrides: { "web/a": { enabled: "disabled" } },
    documents: { "plane/two": [2], "plane/three": 3 },
  };
  expect(applyDelta(state as KnownState & { generation: number }, delta)).toEqual({
    generation: 7,
    health: { "web/a": "healthy", "web/b": "unhealthy" },
    members: { "web/c": ["192.0.2.2"] },
    overrides: { "web/a": { enabled: "disabled" }, "web/b": { enabled: "draining" } },
    documents: { "plane/one": 1, "plane/two": [2], "plane/three": 3 },
  });
  expect(state.health["web/b"]).toBe("healthy");
});

test("unknown, an empty list, an empty override and null take a key away, so that states do not grow with old addresses", () => {
  const state: KnownState = {
    health: { "web/a@192.0.2.1": "healthy" },
    members: { "web/a": ["192.0.2.1"] },
    overrides: { "web/a": { weight: 0 } },
    documents: { "plane/one": { text: "a" } },
  };
  const after = applyDelta(state, {
    health: { "web/a@192.0.2.1": "unknown" },
    members: { "web/a": [] },
    overrides: { "web/a": {} },
    documents: { "plane/one": null },
  });
  expect(after).toEqual({ health: {}, members: {}, overrides: {}, documents: {} });
});

test("a live state is a copy that takes deltas over in place", () => {
  const state: KnownState = {
    health: { "web/a": "healthy" },
    members: { "web/c": ["192.0.2.1"] },
    overrides: { "web/a": { weight: 3 } },
    documents: {},
  };
  const live = liveState({ ...state, generation: 7 });
  const { health } = live;
  const delta: SnapshotDelta = {
    health: { "web/a": "unknown", "web/b": "unhealthy" },
    members: { "web/c": [] },
    overrides: { "web/a": {}, "web/b": { enabled: "draining" } },
    documents: { "plane/one": 1 },
  };
  changeState(live, delta);
  expect(live).toEqual({ generation: 7, ...applyDelta(state, delta) });
  expect(live.health).toBe(health);
  expect(state.health["web/a"]).toBe("healthy");
});

test("several deltas are one, the later ones first", () => {
  const sum = liveState(NOTHING);
  addDelta(sum, {
    ...NOTHING,
    health: { a: "healthy", b: "healthy" },
    overrides: { a: { weight: 1 } },
    documents: { d: 1 },
  });
  addDelta(sum, {
    health: { a: "unknown" },
    members: { x: ["1"] },
    overrides: { a: {} },
    documents: { d: null },
  });
  expect(sum).toEqual({
    health: { a: "unknown", b: "healthy" },
    members: { x: ["1"] },
    overrides: { a: {} },
    documents: { d: null },
  });
});

test("of a delta only what is not so already is left", () => {
  const state: KnownState = {
    health: { a: "healthy", b: "unhealthy" },
    members: { x: ["1"], y: ["2"] },
    overrides: { u: { weight: 1 }, v: { enabled: "draining" } },
    documents: { d: { a: [1] }, e: 1 },
  };
  const same: SnapshotDelta = { ...structuredClone(state), health: { a: "healthy", c: "unknown" } };
  expect(isEmptyDelta(changesOf(state, same))).toBe(true);
  const delta: SnapshotDelta = {
    health: { a: "unknown", b: "unhealthy", c: "healthy" },
    members: { x: [], y: ["2"], z: ["4"] },
    overrides: { u: { weight: 1 }, v: { enabled: "draining", weight: 3 }, w: {} },
    documents: { d: { a: [1] }, e: null, f: null, g: 0 },
  };
  expect(changesOf(state, delta)).toEqual({
    health: { a: "unknown", c: "healthy" },
    members: { x: [], z: ["4"] },
    overrides: { v: { enabled: "draining", weight: 3 } },
    documents: { e: null, g: 0 },
  });
});
