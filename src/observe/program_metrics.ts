/** Metrics about the program itself, which the supervisor keeps, and the text that shows them with all others. */
import { membersOfPlan } from "../core/health/members.ts";
import type { BackendPlan } from "../core/plan.ts";
import type { Snapshot } from "../core/snapshot.ts";
import type { Clock } from "../platform/clock.ts";
import type { ExpositionFormat } from "./exposition.ts";
import { CertificateMetrics } from "./certificate_metrics.ts";
import type { LiveRegion, MetricsKeeper } from "./metrics_keeper.ts";
import { poolStandings } from "./pool_watch.ts";
import { ProcessMetrics, type WorkerProcess } from "./process_metrics.ts";

/** What is asked of the supervisor whenever somebody reads the metrics. */
export interface SupervisorView {
  snapshot(): Snapshot;
  /** Regions of the workers that live. */
  counters(): Iterable<LiveRegion>;
  /**
   * `workers`: those that take requests now; `processes`: all that live; `degraded_files`: those whose last good content
   * acts.
   */
  vitals(): {
    readonly state: "starting" | "serving" | "draining";
    readonly workers: number;
    readonly processes: readonly WorkerProcess[];
    readonly degraded_files: readonly string[];
  };
}

export class ProgramMetrics {
  readonly #keeper: MetricsKeeper;
  readonly #view: SupervisorView;
  readonly #clock: Clock;
  readonly #processes: ProcessMetrics;
  readonly #certificates: CertificateMetrics;

  /** `version` of the program; `runtime` such as `bun 1.4.5`. */
  constructor(keeper: MetricsKeeper, view: SupervisorView, clock: Clock, version: string, runtime: string) {
    this.#keeper = keeper;
    this.#view = view;
    this.#clock = clock;
    this.#processes = new ProcessMetrics(keeper.supervisor);
    this.#certificates = new CertificateMetrics(keeper.supervisor);
    keeper.supervisor.set("build_info", [version, runtime], 1);
    keeper.supervisor.set("start_time_seconds", [], clock.wall() / 1000);
    this.#succeeded();
  }

  /** A reload took effect (`ok`, also when it found nothing changed) or was refused. */
  reloaded(ok: boolean): void {
    const { supervisor } = this.#keeper;
    supervisor.count("config_reloads_total", [ok ? "success" : "failure"]);
    if (ok) this.#succeeded();
    else supervisor.set("config_last_reload_success", [], 0);
  }

  #succeeded(): void {
    const { supervisor } = this.#keeper;
    supervisor.set("config_last_reload_success", [], 1);
    supervisor.set("config_last_reload_success_timestamp_seconds", [], this.#clock.wall() / 1000);
  }

  /** A worker died and is replaced. */
  workerEnded(): void {
    this.#keeper.supervisor.count("worker_restarts_total");
  }

  /** All metrics in a format, under the prefix of the plan that acts. */
  text(format: ExpositionFormat): string {
    const { supervisor } = this.#keeper;
    const snapshot = this.#view.snapshot();
    const { state, workers, processes, degraded_files } = this.#view.vitals();
    supervisor.set("workers_running", [], workers);
    supervisor.set("draining", [], state === "draining" ? 1 : 0);
    supervisor.set("config_generation", [], snapshot.generation);
    supervisor.set("config_degraded_files", [], degraded_files.length);
    this.#processes.update(processes);
    this.#certificates.update(snapshot);
    supervisor.replace("backend_healthy", backendHealthRows(snapshot));
    const standings = poolStandings(snapshot);
    for (const condition of ["down", "panic", "last_resort"] as const)
      supervisor.replace(
        `pool_${condition}`,
        [...standings].map(([pool, stands]) => [[pool], stands.condition === condition ? 1 : 0]),
      );
    return this.#keeper.text(snapshot.plan.observability.metrics.prefix, this.#view.counters(), format);
  }
}

type HealthRow = readonly [labels: readonly [pool: string, backend: string], healthy: number];

/** The backends that probes have judged. One with several addresses is healthy while one of them is. */
function backendHealthRows({ plan, members, health }: Snapshot): HealthRow[] {
  const rows = new Map<BackendPlan, HealthRow>();
  for (const { pool, backend, id } of membersOfPlan(plan, members)) {
    const judged = health[id] ?? "unknown";
    if (pool.health_check === null || judged === "unknown") continue;
    const healthy = judged === "healthy" || rows.get(backend)?.[1] === 1;
    rows.set(backend, [[pool.name, backend.id], healthy ? 1 : 0]);
  }
  return [...rows.values()];
}
