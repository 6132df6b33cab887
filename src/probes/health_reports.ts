/** Changes of health for the operator: one by one while they are few, and how many there are when they are a flood. */
import type { HealthChange } from "../core/health/delta.ts";
import type { Clock } from "../platform/clock.ts";

/** Changes in a window that have a line each; the rest of it has one together. */
export const LINES_PER_WINDOW = 10;
export const WINDOW_MS = 10_000;
/** Pools that a summary names. */
const MOST_POOLS = 5;

export interface HealthReport {
  readonly event: "health_changed" | "health_summary";
  readonly level: "info" | "warning";
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export class HealthReports {
  readonly #clock: Clock;
  readonly #report: (event: HealthReport) => void;
  #lines = 0;
  /** Changes without a line, by pool. */
  readonly #leftOut = new Map<string, number>();
  #healthy = 0;
  #unhealthy = 0;
  /** Ends the window that is open. */
  #stopWindow: (() => void) | null = null;

  constructor(clock: Clock, report: (event: HealthReport) => void) {
    this.#clock = clock;
    this.#report = report;
  }

  changed(change: HealthChange): void {
    this.#stopWindow ??= this.#clock.every(WINDOW_MS, () => this.#windowOver());
    const { pool, key, health, reason } = change;
    if (this.#lines < LINES_PER_WINDOW) {
      this.#lines++;
      this.#report({
        event: "health_changed",
        level: health === "healthy" ? "info" : "warning",
        text: `pool ${pool}: backend ${key} is ${health} (${reason})`,
        fields: { ...change },
      });
      return;
    }
    this.#leftOut.set(pool, (this.#leftOut.get(pool) ?? 0) + 1);
    if (health === "healthy") this.#healthy++;
    else this.#unhealthy++;
  }

  /** Tells what is owed. */
  stop(): void {
    this.#summarise();
    this.#stopWindow?.();
    this.#stopWindow = null;
  }

  #windowOver(): void {
    const isQuiet = this.#leftOut.size === 0;
    this.#summarise();
    this.#lines = 0;
    if (!isQuiet) return;
    this.#stopWindow?.();
    this.#stopWindow = null;
  }

  #summarise(): void {
    if (this.#leftOut.size === 0) return;
    const [healthy, unhealthy] = [this.#healthy, this.#unhealthy];
    const pools = [...this.#leftOut].toSorted(([, one], [, other]) => other - one);
    const named = pools.slice(0, MOST_POOLS).map(([pool, count]) => `${pool} ${count}`);
    const more = pools.length - named.length;
    const where = `${named.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
    this.#report({
      event: "health_summary",
      level: unhealthy > 0 ? "warning" : "info",
      text: `${healthy + unhealthy} more changes of health: ${unhealthy} to unhealthy, ${healthy} to healthy (${where})`,
      fields: { healthy, unhealthy, pools: Object.fromEntries(pools.slice(0, MOST_POOLS)), more_pools: more },
    });
    this.#leftOut.clear();
    this.#healthy = this.#unhealthy = 0;
  }
}
