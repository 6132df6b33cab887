/** Tells the operator when a pool stands in another way than before: down, in panic, on its last resort, serving. */
import { type PoolCondition, standingOf } from "../core/health/availability.ts";
import { membersOfPlan, poolOfId } from "../core/health/members.ts";
import type { PoolPlan } from "../core/plan.ts";
import type { Snapshot, SnapshotDelta } from "../core/snapshot.ts";
import { counted } from "../core/text/counted.ts";
import type { Clock } from "../platform/clock.ts";

/** A change is told at once; while changes go on, twice a second at most. */
export const GAP_MS = 500;

export interface PoolEvent {
  readonly event: "pool_changed";
  readonly level: "info" | "warning" | "error";
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What is needed of the supervisor. */
export interface PoolHost {
  snapshot(): Snapshot;
  report(event: PoolEvent): void;
}

interface Standing {
  readonly condition: PoolCondition;
  readonly backends: number;
  readonly healthy: number;
  readonly unhealthy: number;
}

const WORDS: Readonly<Record<PoolCondition, { readonly level: PoolEvent["level"]; readonly text: string }>> =
  {
    serving: { level: "info", text: "serves again" },
    last_resort: { level: "warning", text: "serves from its backends of last resort alone" },
    panic: { level: "warning", text: "is in panic: health of its backends is not looked at" },
    down: { level: "error", text: "is down: no backend may take a request" },
  };

export class PoolWatch {
  readonly #host: PoolHost;
  readonly #clock: Clock;
  #conditions = new Map<string, PoolCondition>();
  /** Pools that must be looked at. */
  readonly #changed = new Set<string>();
  /** Ends the time in which nothing is looked at, or null. */
  #endGap: (() => void) | null = null;

  constructor(host: PoolHost, clock: Clock) {
    this.#host = host;
    this.#clock = clock;
  }

  /** Pools that are new are taken to serve until they are looked at. */
  planChanged(): void {
    const { pools } = this.#host.snapshot().plan;
    const before = this.#conditions;
    this.#conditions = new Map(pools.map(({ name }) => [name, before.get(name) ?? "serving"]));
    for (const { name } of pools) this.#changed.add(name);
    this.#look();
  }

  published({ health, members, overrides }: SnapshotDelta): void {
    for (const changes of [health, members, overrides])
      for (const id of Object.keys(changes)) this.#changed.add(poolOfId(id));
    if (this.#endGap === null) this.#look();
  }

  #look(): void {
    const snapshot = this.#host.snapshot();
    const pools = snapshot.plan.pools.filter(({ name }) => this.#changed.has(name));
    this.#changed.clear();
    for (const [pool, standing] of poolStandings(snapshot, pools)) {
      const { condition } = standing;
      const before = this.#conditions.get(pool);
      this.#conditions.set(pool, condition);
      if (condition !== (before ?? "serving")) this.#tell(pool, standing);
    }
    this.#endGap ??= this.#clock.every(GAP_MS, () => this.#gapOver());
  }

  #gapOver(): void {
    if (this.#changed.size > 0) {
      this.#look();
      return;
    }
    this.#endGap?.();
    this.#endGap = null;
  }

  #tell(pool: string, { condition, backends, healthy, unhealthy }: Standing): void {
    const { level, text } = WORDS[condition];
    this.#host.report({
      event: "pool_changed",
      level,
      text: `pool ${pool} ${text} (of ${counted(backends, "backend")} ${healthy} healthy, ${unhealthy} unhealthy)`,
      fields: { pool, condition, backends, healthy, unhealthy },
    });
  }

  stop(): void {
    this.#endGap?.();
    this.#endGap = null;
  }
}

/** How pools stand, by name; default: all of the plan. A backend with several addresses counts with each of them. */
export function poolStandings(
  { plan, members, health, overrides }: Snapshot,
  pools: readonly PoolPlan[] = plan.pools,
): Map<string, Standing> {
  const byPool = Map.groupBy(membersOfPlan({ ...plan, pools }, members), ({ pool }) => pool);
  return new Map(
    pools.map((pool) => {
      const own = byPool.get(pool) ?? [];
      const { condition } = standingOf(pool, own, { health, overrides });
      const count = (wanted: string) => own.filter(({ id }) => health[id] === wanted).length;
      const counts = { backends: own.length, healthy: count("healthy"), unhealthy: count("unhealthy") };
      return [pool.name, { condition, ...counts }];
    }),
  );
}
