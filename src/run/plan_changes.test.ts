import { expect, test } from "bun:test";
import type { Plan } from "../core/plan.ts";
import { listenerOf, planOf, poolOf, routeOf } from "../core/test_plan.ts";
import { planChanges } from "./plan_changes.ts";

const url = "http://127.0.0.1:9001";
const poolWith = (name: string, ...ids: string[]) =>
  poolOf(
    name,
    ids.map((id) => ({ id, url })),
  );
const changes = (before: Plan, after: Plan, files = [{}, {}] as const) =>
  planChanges({ plan: before, files: files[0] }, { plan: after, files: files[1] });

const BASE = planOf([poolWith("app", "a", "b"), poolWith("old", "a")], {
  listeners: [listenerOf("web"), listenerOf("api")],
  routes: [routeOf("one"), routeOf("two")],
});

test("equal plans have no changes", () => {
  expect(changes(BASE, structuredClone(BASE))).toEqual([]);
});

test("what comes, goes and differs is told by kind and name", () => {
  const after: Plan = {
    ...BASE,
    listeners: [listenerOf("web", { backlog: 7 }), listenerOf("new")],
    pools: [poolWith("app", "b", "c", "d"), poolWith("fresh", "a")],
    routes: [routeOf("two")],
    limits: { ...BASE.limits, connections: 5 },
    workers: BASE.workers + 1,
  };
  expect(changes(BASE, after)).toEqual([
    "listener new added",
    "listener api removed",
    "listener web changed",
    "pool fresh added",
    "pool old removed",
    "pool app changed",
    "of pool app: backends c, d added, backend a removed",
    "route one removed",
    "settings workers, limits changed",
  ]);
});

test("an order that matters is told", () => {
  expect(changes(BASE, { ...BASE, routes: BASE.routes.toReversed() })).toEqual(["order of routes changed"]);
});

test("files whose content differs are told by name; their content is not", () => {
  const files = [
    { "/a.crt": "old", "/b.crt": "same" },
    { "/a.crt": "hunter2", "/b.crt": "same", "/c.crt": "new" },
  ] as const;
  expect(changes(BASE, BASE, files)).toEqual(["file /a.crt changed"]);
});

test("of many names a few are told, and how many there are", () => {
  const pools = Array.from({ length: 400 }, (_, index) => poolWith(`p${index}`, "a"));
  const before = { ...BASE, pools };
  expect(changes(before, { ...before, pools: pools.slice(10) })).toEqual([
    "pools p0, p1, p2, p3, p4 and 5 more removed",
  ]);
  const moved = pools.map((pool) => ({ ...pool, backends: poolWith("x", "b").backends }));
  const found = changes(before, { ...before, pools: moved });
  expect(found.length).toBe(12);
  expect(found.at(-1)).toBe("backends of 390 more pools");
});

test("a value is in no phrase: secrets cannot be either", () => {
  const middlewares = [{ kind: "basic_auth", name: "auth", options: { users: ["ann:hunter2"] } }];
  const after = { ...BASE, routes: [routeOf("one", { middlewares }), routeOf("two")] };
  expect(changes(BASE, after)).toEqual(["route one changed"]);
});
