import { expect, test } from "bun:test";
import type { BackendPlan, Plan, PoolPlan, RoutePlan } from "./plan.ts";
import { sharedPlan } from "./shared_plan.ts";

const route = (name: string, match = "Path(`/`)"): RoutePlan =>
  ({ name, match, middlewares: [{ kind: "headers", options: { a: "1", b: "2" } }] }) as unknown as RoutePlan;
const pool = (name: string, ids: readonly string[]): PoolPlan =>
  ({ name, backends: ids.map((id) => ({ id, metadata: {} }) as BackendPlan) }) as unknown as PoolPlan;

const plan = (routes: RoutePlan[], pools: PoolPlan[]): Plan =>
  ({ workers: 2, listeners: [], routes, pools, limits: { heads: 1 } }) as unknown as Plan;

const read = (): Plan =>
  plan([route("a"), route("b"), route("c")], [pool("web", ["1", "2"]), pool("api", ["3"])]);

test("an equal plan is the one before", () => {
  const before = read();
  expect(sharedPlan(before, read())).toBe(before);
});

test("what is equal is kept wherever it stands, and what differs comes with the rest as it was read", () => {
  const before = read();
  const after = plan([route("c"), route("a", "Path(`/other`)"), route("new")], [pool("web", ["2", "9"])]);
  const shared = sharedPlan(before, after);
  expect(shared).toEqual(after);
  expect(shared.routes[0]).toBe(before.routes[2]!);
  expect(shared.routes[1]).toBe(after.routes[1]!);
  expect(shared.pools[0]!.backends[0]).toBe(before.pools[0]!.backends[1]!);
  expect(sharedPlan(before, { ...read(), workers: 3 })).toEqual({ ...read(), workers: 3 });
  expect(sharedPlan(before, { ...read(), workers: 3 }).routes).toBe(before.routes);
});

test("order, absent keys and types count as they do in JSON", () => {
  const before = read();
  const swapped = plan([route("b"), route("a"), route("c")], [...before.pools]);
  expect(sharedPlan(before, swapped).routes.map(({ name }) => name)).toEqual(["b", "a", "c"]);
  const options = (order: object): Plan => {
    const changed = read();
    (changed.routes[0]!.middlewares[0] as { options: object }).options = order;
    return changed;
  };
  expect(sharedPlan(before, options({ b: "2", a: "1" }))).not.toBe(before);
  expect(sharedPlan(before, options({ a: "1", b: 2 }))).not.toBe(before);
  expect(sharedPlan(before, options(["1", "2"]))).not.toBe(before);
  expect(sharedPlan(before, options({ a: "1", b: "2", c: undefined }))).toBe(before);
});
