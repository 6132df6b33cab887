/** How each pool stands, as people see it. */
import { standingOf } from "../core/health/availability.ts";
import { membersOfPlan } from "../core/health/members.ts";
import type { Health } from "../core/model.ts";
import type { Snapshot } from "../core/snapshot.ts";
import type { BackendReport } from "./backend_overrides.ts";
import type { PoolReport } from "./schemas.ts";

/** Every pool of the configuration, in its order. */
export function poolReports(snapshot: Snapshot, backends: readonly BackendReport[]): PoolReport[] {
  const { plan, members } = snapshot;
  const membersByPool = Map.groupBy(membersOfPlan(plan, members), ({ pool }) => pool);
  const reportsByPool = Map.groupBy(backends, ({ pool }) => pool);
  return plan.pools.map((pool) => {
    const own = (reportsByPool.get(pool.name) ?? []).map((backend) => {
      const { id, enabled, weight } = backend;
      return { id, enabled, weight, health: healthOf(backend) };
    });
    const count = (word: string) =>
      own.filter(({ enabled, health }) => enabled === word || health === word).length;
    return {
      name: pool.name,
      condition: standingOf(pool, membersByPool.get(pool) ?? [], snapshot).condition,
      checked: pool.health_check !== null,
      counts: {
        total: own.length,
        active: count("active"),
        draining: count("draining"),
        disabled: count("disabled"),
        healthy: count("healthy"),
        unhealthy: count("unhealthy"),
        unknown: count("unknown"),
      },
      backends: own,
    };
  });
}

/** The health of its best address; a name that has none cannot serve. */
function healthOf({ addresses }: BackendReport): Health {
  const found = new Set(addresses.map(({ health }) => health));
  if (found.has("healthy")) return "healthy";
  return found.has("unknown") ? "unknown" : "unhealthy";
}
