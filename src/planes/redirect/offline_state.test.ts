import { expect, test } from "bun:test";
import { literalOf, modelOf, rolloutOf } from "../../core/redirect/test_decider.ts";
import { NamedLists } from "../../core/redirect/named_lists.ts";
import type { KeptLists } from "./models/kept_lists.ts";
import type { StoredModel } from "./models/stored.ts";
import { OfflineState } from "./offline_state.ts";

const stored = (version: number, url = `http://store-${version}`): StoredModel => ({
  version,
  model: modelOf({ default_server: literalOf(url) }),
});
const OFFLINE = stored(3, "http://offline");
const lists = (version: number, ...values: readonly string[]): KeptLists => {
  const all = values.map((value) => ({ value, encoded: null }));
  const list = { name: "l", description: null, type: "TEXT", version: 0, values: all } as const;
  return { version, named: NamedLists.of([list]), memory: null };
};
const state = (): OfflineState => new OfflineState(new Map([["a1", OFFLINE]]), lists(5, "a"));

test("RD133 the store at the same version or an older one changes nothing, an approval since then ends it", () => {
  for (const first of [3, 2]) {
    const offline = state();
    expect(offline.status).toEqual({ models: { a1: null }, lists: null });
    expect(offline.modelSeen("a1", stored(first))).toBe(false);
    expect(offline.modelSeen("a1", stored(first))).toBe(false);
    expect(offline.status).toEqual({ models: { a1: first }, lists: null });
    expect(offline.modelSeen("a1", stored(4))).toBe(true);
    // It may be refused for now, and be tried again.
    expect(offline.modelSeen("a1", stored(4))).toBe(true);
  }
});

test("a model that others have approved before the store was seen ends nothing, one after it does", () => {
  const offline = state();
  expect(offline.modelSeen("a1", stored(4))).toBe(false);
  expect(offline.modelSeen("a1", stored(4))).toBe(false);
  expect(offline.modelSeen("a1", stored(5))).toBe(true);
});

test("a step of a rollout is no approval", () => {
  const offline = state();
  const before = stored(3);
  expect(offline.modelSeen("a1", before)).toBe(false);
  const step = { version: 4, model: { ...before.model, rollouts: [rolloutOf()] } };
  expect(offline.modelSeen("a1", step)).toBe(false);
  expect(offline.modelSeen("a1", step)).toBe(false);
  expect(offline.modelSeen("a1", { ...step, version: 5 })).toBe(true);
});

test("an upload that was approved before the store was seen ends it: it has the same content", () => {
  expect(state().modelSeen("a1", stored(4, "http://offline"))).toBe(true);
  expect(state().modelSeen("a1", stored(3, "http://offline"))).toBe(false);
});

test("an application of which nothing was made offline follows the store", () => {
  expect(state().modelSeen("other", stored(1))).toBe(true);
});

test("lists that are those of the store need no end of their own, others do", () => {
  const same = state();
  same.endModel("a1");
  expect(same.isOver).toBe(false);
  expect(same.listsSeen(lists(5, "a"))).toBe(false);
  expect(same.isOver).toBe(true);
  const other = state();
  other.endModel("a1");
  expect(other.listsSeen(lists(5, "b"))).toBe(false);
  expect(other.isOver).toBe(false);
  expect(other.listsSeen(lists(6, "b"))).toBe(true);
  other.endLists();
  expect([other.isOver, other.status]).toEqual([true, { models: {} }]);
});
