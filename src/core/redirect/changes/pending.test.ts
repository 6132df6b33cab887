import { expect, test } from "bun:test";
import fc from "fast-check";
import type { RedirectModel } from "../model.ts";
import { conditionOf, literalOf, modelOf, rolloutOf, ruleOf, serverOf, to } from "../test_decider.ts";
import { anyModel } from "../test_models.ts";
import { ONLY_ID } from "./entities.ts";
import {
  changeOf,
  changeType,
  difference,
  type Edit,
  edited,
  nextModel,
  outdated,
  type Pending,
  sameValue,
  without,
} from "./pending.ts";

const ANN = { author: "ann", at: 1 };
const BOB = { author: "bob", at: 2 };
const rule = (id: string, value: string) =>
  ruleOf(id, [conditionOf("equals", { param: "x", value })], to(literalOf(`http://${value}`)));
const edit = (id: string, value: string): Edit => ({ kind: "rule", id, value: rule(id, value) });
const removal = (id: string): Edit => ({ kind: "rule", id, value: null });
const APPROVED = modelOf({ rules: [rule("one", "1"), rule("two", "2")] });

test("RD106 RD107 what is saved is pending, once for each entity, with everybody who had a hand in it", () => {
  const first = edited([], APPROVED, [edit("new", "3")], ANN);
  const pending = edited(first, APPROVED, [edit("new", "4")], BOB);
  expect(pending).toEqual([
    { kind: "rule", id: "new", before: null, after: rule("new", "4"), authors: ["ann", "bob"], at: 2 },
  ]);
  expect(changeType(pending[0]!)).toBe("ADD");
  expect(APPROVED.rules.length).toBe(2);
  expect(nextModel(APPROVED, pending).rules.map(({ id }) => id)).toEqual(["one", "two", "new"]);
});

test("RD108 RD109 what was new and goes, and what is as before, is no change", () => {
  const added = edited([], APPROVED, [edit("new", "3")], ANN);
  expect(edited(added, APPROVED, [removal("new")], ANN)).toEqual([]);
  const changed = edited([], APPROVED, [edit("one", "9")], ANN);
  expect(changed.map(changeType)).toEqual(["UPDATE"]);
  expect(edited(changed, APPROVED, [edit("one", "1")], BOB)).toEqual([]);
  const removed = edited([], APPROVED, [removal("one")], ANN);
  expect(removed.map(changeType)).toEqual(["DELETE"]);
  expect(edited(removed, APPROVED, [edit("one", "1")], ANN)).toEqual([]);
  expect(edited([], APPROVED, [removal("nobody")], ANN)).toEqual([]);
});

test("RD36 a rule keeps its place when it is edited, and a new one comes behind the others", () => {
  const pending = edited([], APPROVED, [edit("one", "9"), edit("new", "3")], ANN);
  expect(nextModel(APPROVED, pending).rules.map(({ id }) => id)).toEqual(["one", "two", "new"]);
});

test("RD116 what is cancelled leaves the model as it is", () => {
  const pending = edited([], APPROVED, [edit("one", "9"), removal("two")], ANN);
  const [first] = pending;
  expect(without(pending, [first!]).map(({ id }) => id)).toEqual(["two"]);
  expect(nextModel(APPROVED, without(pending, pending))).toEqual(APPROVED);
});

test("RD110 a change of what was approved otherwise meanwhile is outdated, and one that is in force already is not", () => {
  const pending = edited([], APPROVED, [edit("one", "9"), edit("two", "8")], ANN);
  const meanwhile = nextModel(APPROVED, edited([], APPROVED, [edit("one", "7"), edit("two", "8")], BOB));
  expect(outdated(APPROVED, pending)).toEqual([]);
  expect(outdated(meanwhile, pending).map(({ id }) => id)).toEqual(["one"]);
  // It stays a change, and outdated, however it is edited on.
  const again = edited(pending, meanwhile, [edit("one", "6")], BOB);
  expect(outdated(meanwhile, again).map(({ id }) => id)).toEqual(["one"]);
});

test("every kind of entity is a change of its own", () => {
  const edits: Edit[] = [
    { kind: "default_server", id: ONLY_ID, value: serverOf("2.0") },
    { kind: "default_url", id: ONLY_ID, value: { urn: "u", protocol: "ws", port: 1, ip_version: 6 } },
    { kind: "distribution", id: ONLY_ID, value: [{ percent: 5, server: serverOf("3.0") }] },
    { kind: "whitelist", id: "/EU/z2", value: true },
    { kind: "whitelist", id: "/EU/z1", value: null },
    {
      kind: "url_rule",
      id: "u",
      value: ruleOf("u", [], { urn: "a", protocol: null, port: null, ip_version: null }),
    },
    { kind: "rule_template", id: "t", value: rule("t", "1") },
  ];
  const pending = edited([], APPROVED, edits, ANN);
  expect(pending.length).toBe(edits.length);
  expect(changeOf(pending, "whitelist", "/EU/z1")).toMatchObject({ before: true, after: null });
  const next = nextModel(APPROVED, pending);
  expect(next).toMatchObject({
    whitelist: ["/EU/z2"],
    default_server: { path: "2.0" },
    default_url: { port: 1 },
  });
  expect(nextModel(next, edited([], next, difference(next, APPROVED), BOB))).toEqual(APPROVED);
});

/** The model without regard to the order of its rules and stacks, which edits of single entities cannot restore. */
function unordered(model: RedirectModel): unknown {
  const byId = <Item extends { readonly id: string }>(items: readonly Item[]): Record<string, Item> =>
    Object.fromEntries(items.map((item) => [item.id, item]));
  return {
    ...model,
    rules: byId(model.rules),
    rule_templates: byId(model.rule_templates),
    url_rules: byId(model.url_rules),
    url_rule_templates: byId(model.url_rule_templates),
    rollouts: byId(model.rollouts),
    whitelist: new Set(model.whitelist),
  };
}

test("RD117 the difference of any two models leads from one to the other, and back to no change at all", () => {
  fc.assert(
    fc.property(anyModel, anyModel, anyModel, (approved, wanted, other) => {
      let pending: Pending = edited([], approved, difference(approved, other), ANN);
      pending = edited(pending, approved, difference(nextModel(approved, pending), wanted), BOB);
      expect(unordered(nextModel(approved, pending))).toEqual(unordered(wanted));
      expect(outdated(approved, pending)).toEqual([]);
      for (const { before, after } of pending) expect(sameValue(before, after)).toBe(false);
      expect(edited(pending, approved, difference(wanted, approved), ANN)).toEqual([]);
    }),
  );
});

test("values are compared whatever the order of their keys", () => {
  expect(sameValue({ a: 1, b: [{ c: null }] }, { b: [{ c: null }], a: 1 })).toBe(true);
  for (const [one, other] of [
    [{ a: 1 }, { a: 1, b: undefined }],
    [[1], { 0: 1 }],
    [null, {}],
    [{ a: 1 }, { b: 1 }],
    [
      [1, 2],
      [2, 1],
    ],
  ])
    expect(sameValue(one, other)).toBe(false);
});

test("a rollout is edited as any other entity and keeps its place", () => {
  const approved = modelOf({ rollouts: [rolloutOf(), rolloutOf({ id: "next" })] });
  const paused = rolloutOf({ state: "paused" });
  const pending = edited([], approved, [{ kind: "rollout", id: "beta", value: paused }], ANN);
  expect(pending.map(changeType)).toEqual(["UPDATE"]);
  const next = nextModel(approved, pending);
  expect(next.rollouts).toEqual([paused, rolloutOf({ id: "next" })]);
  expect(difference(next, approved)).toEqual([{ kind: "rollout", id: "beta", value: rolloutOf() }]);
});

test("many edits at once take no time for each pair of them", () => {
  const many = 40_000;
  const edits = Array.from({ length: many }, (_, index) => edit(`r${index}`, String(index)));
  const paths = edits.map(({ id }): Edit => ({ kind: "whitelist", id: `/EU/${id}`, value: true }));
  const start = performance.now();
  const pending = edited([], APPROVED, [...edits, ...paths], ANN);
  const next = nextModel(APPROVED, pending);
  expect(outdated(APPROVED, pending)).toEqual([]);
  expect(difference(next, APPROVED).length).toBe(2 * many);
  expect(without(pending, pending)).toEqual([]);
  // Pair by pair it is a minute.
  expect(performance.now() - start).toBeLessThan(5_000);
  expect(next.rules.length).toBe(many + 2);
});

test("changes that are taken together make the model that they make one after the other", () => {
  fc.assert(
    fc.property(anyModel, anyModel, (approved, wanted) => {
      const pending = edited([], approved, difference(approved, wanted), ANN);
      const oneByOne = pending.reduce((model, change) => nextModel(model, [change]), approved);
      expect(nextModel(approved, pending)).toEqual(oneByOne);
    }),
  );
});
