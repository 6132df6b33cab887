/** Health and addresses of a plan's backends as they change between two plans. */
import { changeState, type KnownState, type LiveState } from "../../core/health/delta.ts";
import { standingOf, type PoolStanding } from "../../core/health/availability.ts";
import { wantedOf } from "../../core/health/overrides.ts";
import type { Health } from "../../core/model.ts";
import type { Snapshot, SnapshotDelta } from "../../core/snapshot.ts";
import type { MetricLayout } from "../../observe/metric_layout.ts";
import { settle } from "./balance.ts";
import { rebuildPool, type BuildHost } from "./build.ts";
import type { PlaneRuntime, PoolRuntime } from "./runtime.ts";

/** A plan with the snapshot that it came with; what is known in the snapshot changes as deltas come. */
export interface BuiltPlan {
  readonly runtime: PlaneRuntime;
  readonly layout: MetricLayout;
  readonly snapshot: Omit<Snapshot, keyof KnownState> & LiveState;
}

/**
 * Takes over what has changed, at a cost that goes with that and not with the number of backends. Returns the pools that
 * it may matter to. Connections of addresses that are gone end when they are idle. A plan that is prepared keeps the
 * change to itself until it acts: it shares its backends with the one that acts.
 */
export function applyDelta(
  host: BuildHost,
  built: BuiltPlan,
  delta: SnapshotDelta,
): ReadonlySet<PoolRuntime> {
  const { runtime, snapshot } = built;
  changeState(snapshot, delta);
  const changed = new Set<PoolRuntime>();
  for (const key of [...Object.keys(delta.members), ...Object.keys(delta.overrides)]) {
    const pool = poolOf(runtime, key);
    if (pool !== undefined) changed.add(pool);
  }
  for (const pool of changed) rebuildPool(host, built, pool);
  if (!runtime.acts) return changed;
  const judged = new Set<PoolRuntime>();
  for (const [id, health] of Object.entries(delta.health)) {
    const pool = poolOf(runtime, id);
    if (pool === undefined || changed.has(pool)) continue;
    judged.add(pool);
    applyHealth(pool, id.slice(id.indexOf("/") + 1), health);
  }
  for (const pool of changed) applyPoolAvailability(host, pool, snapshot);
  for (const pool of judged) settle(host, pool);
  return changed.union(judged);
}

/** The pool of a key of a delta. */
function poolOf({ pools }: PlaneRuntime, key: string): PoolRuntime | undefined {
  return pools.get(key.slice(0, key.indexOf("/")));
}

/** Sets which candidates may be chosen. */
export function applyAvailability(host: BuildHost, runtime: PlaneRuntime, known: KnownState): void {
  for (const pool of runtime.pools.values()) applyPoolAvailability(host, pool, known);
}

function applyPoolAvailability(host: BuildHost, pool: PoolRuntime, known: KnownState): void {
  const { plan, upstreams } = pool;
  pool.standing = standingOf(plan, upstreams, known);
  for (const { connections, backend } of upstreams) {
    connections.wanted = wantedOf(plan.name, backend, known.overrides);
    // The plan before may have started backends slowly.
    if (plan.slow_start === null) connections.hold(false);
  }
  allowAll(pool, pool.standing);
  settle(host, pool);
}

function allowAll({ upstreams }: PoolRuntime, standing: PoolStanding): void {
  for (let place = 0; place < upstreams.length; place++)
    upstreams[place]!.connections.allow(standing.isAvailable(place));
}

/** The candidate `key` has this health from now on. */
function applyHealth(pool: PoolRuntime, key: string, health: Health): void {
  const { standing, upstreams } = pool;
  pool.places ??= new Map(upstreams.map((upstream, place) => [upstream.key, place]));
  const place = pool.places.get(key);
  if (place === undefined || standing === null) return;
  if (standing.setHealth(place, health)) allowAll(pool, standing);
  else upstreams[place]!.connections.allow(standing.isAvailable(place));
}
