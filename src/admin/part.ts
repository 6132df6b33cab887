/** The admin server as a part of the supervisor: it follows the configuration and shows what the supervisor knows. */
import type { Plan } from "../core/plan.ts";
import type { MetricsKeeper } from "../observe/metrics_keeper.ts";
import { ProgramMetrics, type SupervisorView } from "../observe/program_metrics.ts";
import { realClock, type Clock } from "../platform/clock.ts";
import type { HealthReport } from "./health.ts";
import { startAdmin, type AdminServer } from "./server.ts";

/** What the part needs of the supervisor. */
export interface AdminView extends SupervisorView {
  vitals(): ReturnType<SupervisorView["vitals"]> & { readonly state: HealthReport["status"] };
}

export interface AdminPartOptions {
  /** The keeper that the supervisor gives the counters of dead workers to. */
  readonly metrics: MetricsKeeper;
  readonly version: string;
  /** Name and version of what runs the program, such as `bun 1.4.5`. */
  readonly runtime: string;
  readonly clock?: Clock;
}

export class AdminPart {
  readonly #view: AdminView;
  readonly #metrics: ProgramMetrics;
  readonly #version: string;
  readonly #clock: Clock;
  readonly #since: string;
  #wanted = "";
  #server: AdminServer | null = null;

  constructor(view: AdminView, { metrics, version, runtime, clock = realClock }: AdminPartOptions) {
    this.#view = view;
    this.#metrics = new ProgramMetrics(metrics, view, clock, version, runtime);
    this.#version = version;
    this.#clock = clock;
    this.#since = new Date(clock.wall()).toISOString();
  }

  /** Where it serves, "" before the first plan. */
  get address(): string {
    return this.#server?.address ?? "";
  }

  /** Moves to the address of `plan`. Throws Error with one sentence when that cannot be; then the old one stays. */
  planChanged({ admin }: Plan): void {
    if (admin.address === this.#wanted) return;
    const server = startAdmin({
      address: admin.address,
      metrics: () => this.#metrics.text(),
      health: () => this.#health(),
      clock: this.#clock,
    });
    this.#server?.stop();
    this.#server = server;
    this.#wanted = admin.address;
  }

  #health(): HealthReport {
    const { state, workers } = this.#view.vitals();
    return { status: state, version: this.#version, workers, since: this.#since };
  }

  reloaded({ ok }: { readonly ok: boolean }): void {
    this.#metrics.reloaded(ok);
  }

  workerEnded(): void {
    this.#metrics.workerEnded();
  }

  stop(): void {
    this.#server?.stop();
    this.#server = null;
    this.#wanted = "";
  }
}
