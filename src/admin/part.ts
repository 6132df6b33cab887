/** The admin server as a part of the supervisor: it follows the configuration and shows what the supervisor knows. */
import type { Plan } from "../core/plan.ts";
import { NOTHING_CHANGED, type SnapshotDelta } from "../core/snapshot.ts";
import type { MetricsKeeper } from "../observe/metrics_keeper.ts";
import { ProgramMetrics, type SupervisorView } from "../observe/program_metrics.ts";
import { realClock, type Clock } from "../platform/clock.ts";
import { listenAddressText } from "../platform/sockets.ts";
import { adminAddress } from "./address.ts";
import type { HealthReport } from "./health.ts";
import { startAdmin, type AdminServer } from "./server.ts";

/** What the part needs of the supervisor. */
export interface AdminView extends SupervisorView {
  /** The address may be in use by a program that we are about to relieve. */
  readonly takingOver: boolean;
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

interface Serving {
  /** The address that was asked for, resolved: `localhost` is 127.0.0.1, port 0 is still 0. */
  readonly wanted: string;
  readonly server: AdminServer;
}

export class AdminPart {
  readonly #view: AdminView;
  readonly #metrics: ProgramMetrics;
  readonly #version: string;
  readonly #clock: Clock;
  readonly #since: string;
  #serving: Serving | null = null;
  /** Where a plan wants it that may still be refused. */
  #coming: Serving | null = null;

  constructor(view: AdminView, { metrics, version, runtime, clock = realClock }: AdminPartOptions) {
    this.#view = view;
    this.#metrics = new ProgramMetrics(metrics, view, clock, version, runtime);
    this.#version = version;
    this.#clock = clock;
    this.#since = new Date(clock.wall()).toISOString();
  }

  /** Where it serves, "" before the first plan. */
  get address(): string {
    return this.#serving?.server.address ?? "";
  }

  /** Serves on the address of `plan` as well. Throws Error with one sentence when that cannot be. */
  planComing({ admin }: Plan): SnapshotDelta {
    this.#abandon();
    const wanted = listenAddressText(adminAddress(admin.address));
    if (wanted !== this.#serving?.wanted && wanted !== this.address)
      this.#coming = { wanted, server: this.#start(admin.address) };
    return NOTHING_CHANGED;
  }

  /** Moves to the address of `plan`. Throws Error with one sentence when that cannot be; then the old one stays. */
  planChanged(plan: Plan): void {
    if (this.#coming === null) this.planComing(plan);
    if (this.#coming === null) return;
    this.#serving?.server.stop();
    this.#serving = this.#coming;
    this.#coming = null;
  }

  #start(address: string): AdminServer {
    return startAdmin({
      address,
      shared: this.#view.takingOver,
      metrics: (format) => this.#metrics.text(format),
      health: () => this.#health(),
      clock: this.#clock,
    });
  }

  #abandon(): void {
    this.#coming?.server.stop();
    this.#coming = null;
  }

  #health(): HealthReport {
    const { state, workers } = this.#view.vitals();
    return { status: state, version: this.#version, workers, since: this.#since };
  }

  serving(): void {
    this.#serving?.server.keep();
  }

  reloaded({ ok }: { readonly ok: boolean }): void {
    // Only a plan that was refused leaves it.
    this.#abandon();
    this.#metrics.reloaded(ok);
  }

  workerEnded(): void {
    this.#metrics.workerEnded();
  }

  stop(): void {
    this.#abandon();
    this.#serving?.server.stop();
    this.#serving = null;
  }
}
