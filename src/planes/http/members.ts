/** Health and addresses of a plan's backends as they change between two plans. */
import { applyDelta as applied, type KnownState } from "../../core/health/delta.ts";
import { hasHealthy, mayServe } from "../../core/health/veto.ts";
import type { Health } from "../../core/model.ts";
import { wantedOf } from "../../core/health/overrides.ts";
import type { Snapshot, SnapshotDelta } from "../../core/snapshot.ts";
import type { MetricLayout } from "../../observe/metric_layout.ts";
import { rebuildPool, type BuildHost } from "./build.ts";
import type { PlaneRuntime, PoolRuntime } from "./runtime.ts";
import type { Upstream } from "./upstream.ts";

/** A plan with the snapshot that it came with; the snapshot is replaced as deltas come. */
export interface BuiltPlan {
  readonly runtime: PlaneRuntime;
  readonly layout: MetricLayout;
  snapshot: Snapshot;
}

/**
 * Takes over what has changed. Connections of addresses that are gone end when they are idle. A plan that is prepared
 * keeps the change to itself until it acts: it shares its backends with the one that acts.
 */
export function applyDelta(host: BuildHost, built: BuiltPlan, delta: SnapshotDelta): void {
  const { runtime } = built;
  built.snapshot = applied(built.snapshot, delta);
  const changed = [...Object.keys(delta.members), ...Object.keys(delta.overrides)];
  const named = new Set(changed.map((key) => key.slice(0, key.indexOf("/"))));
  for (const pool of runtime.pools.values()) {
    if (named.has(pool.plan.name)) rebuildPool(host, built, pool);
  }
  if (runtime.acts) applyAvailability(runtime, built.snapshot);
}

/** Sets which candidates may be chosen. */
export function applyAvailability(runtime: PlaneRuntime, known: KnownState): void {
  for (const pool of runtime.pools.values()) applyPoolAvailability(pool, known);
}

function applyPoolAvailability({ plan, upstreams }: PoolRuntime, { health, overrides }: KnownState): void {
  const checked = plan.health_check !== null;
  const healthOf = (key: string): Health => health[`${plan.name}/${key}`] ?? "unknown";
  const isWanted = ({ backend }: Upstream): boolean => wantedOf(plan.name, backend, overrides) === "active";
  const wanted = upstreams.filter(isWanted);
  const anyHealthy =
    checked && hasHealthy(wanted.map(({ key, weight }) => ({ health: healthOf(key), weight })));
  for (const upstream of upstreams) {
    const isChosen = isWanted(upstream);
    upstream.available = isChosen && mayServe(healthOf(upstream.key), checked, anyHealthy);
    upstream.connections.wanted = isChosen;
  }
}
