/** A plan for tests: only names and buckets matter to metrics. */
import type { Plan } from "../core/plan.ts";
import { listenerOf, observabilityOf, planOf, poolOf, routeOf } from "../core/test_plan.ts";

export interface TestNames {
  readonly listeners?: readonly string[];
  readonly routes?: readonly string[];
  readonly pools?: Readonly<Record<string, readonly string[]>>;
  readonly bucketsMs?: readonly number[];
}

export function testPlan(names: TestNames = {}): Plan {
  const { listeners = ["web"], routes = ["api"], pools = { web: ["web1", "web2"] }, bucketsMs } = names;
  const metrics = bucketsMs === undefined ? {} : { buckets_seconds: bucketsMs.map((bound) => bound / 1_000) };
  return planOf(
    Object.entries(pools).map(([name, ids]) =>
      poolOf(
        name,
        ids.map((id, index) => ({ id, url: `http://127.0.0.1:${9001 + index}` })),
      ),
    ),
    {
      listeners: listeners.map((name) => listenerOf(name)),
      routes: routes.map((name) => routeOf(name)),
      observability: observabilityOf({ metrics }),
    },
  );
}
