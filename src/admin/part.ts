/** The addresses for operators as a part of the supervisor: they follow the configuration and show what it knows. */
import type { Plan } from "../core/plan.ts";
import type { MountedService } from "../core/mounted_service.ts";
import { parseListenAddress } from "../core/schema/listen_address.ts";
import type { SettingReport } from "../core/setting.ts";
import { NOTHING_CHANGED, type SnapshotDelta } from "../core/snapshot.ts";
import type { MetricsKeeper } from "../observe/metrics_keeper.ts";
import { ProgramMetrics, type SupervisorView } from "../observe/program_metrics.ts";
import { realClock, type Clock } from "../platform/clock.ts";
import { RefusalCount, type AccessRules } from "./access.ts";
import type { OverridesHost } from "./backend_overrides.ts";
import { Door, type WantedDoor } from "./door.ts";
import type { HealthReport } from "./health.ts";
import { MetricsPages } from "./metrics_pages.ts";
import type { Operation } from "./operation.ts";
import { METRICS_OPERATIONS, OPERATIONS } from "./operations/all.ts";
import type { DryRunReport, ReloadReport, StatusReport, VitalsReport } from "./schemas.ts";
import { startAdmin, type AdminServer } from "./server.ts";
import type { AdminServices } from "./services.ts";

/** What the part needs of the supervisor. */
export interface AdminView extends SupervisorView {
  /** The address may be in use by a program that we are about to relieve. */
  readonly takingOver: boolean;
  vitals(): VitalsReport & ReturnType<SupervisorView["vitals"]>;
  status(): Promise<StatusReport>;
  settings(): readonly SettingReport[];
  reload(order: { readonly by: string; readonly generation?: number }): Promise<ReloadReport>;
  dryRun(): Promise<DryRunReport>;
  explain: AdminServices["explain"];
  readonly report: OverridesHost["report"];
}

export interface AdminPartOptions {
  /** The keeper that the supervisor gives the counters of dead workers to. */
  readonly metrics: MetricsKeeper;
  readonly backends: AdminServices["backends"];
  readonly hosts: AdminServices["hosts"];
  /** Parts that answer below paths of their own at the admin address; those whose section is there. */
  readonly mounts?: () => readonly MountedService[];
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
  readonly #services: AdminServices;
  readonly #refused: RefusalCount;
  readonly #mounts: () => readonly MountedService[];
  readonly #admin = new Door((address, rules) => this.#start(address, rules, OPERATIONS, this.#mounts));
  /** For one of the mounts alone. */
  readonly #mounted = new Door((address, rules) => this.#start(address, rules, [], this.#mounts));
  readonly #scraped = new Door((address, rules) => this.#start(address, rules, METRICS_OPERATIONS));

  constructor(view: AdminView, options: AdminPartOptions) {
    const { metrics, backends, hosts, mounts = () => [], version, runtime, clock = realClock } = options;
    this.#view = view;
    this.#mounts = mounts;
    this.#metrics = new ProgramMetrics(metrics, view, clock, version, runtime);
    this.#version = version;
    this.#clock = clock;
    this.#since = new Date(clock.wall()).toISOString();
    const pages = new MetricsPages((format) => this.#metrics.text(format), clock);
    this.#services = {
      health: () => this.#health(),
      metrics: (request) => pages.answer(request),
      vitals: () => view.vitals(),
      status: () => view.status(),
      hosts,
      snapshot: () => view.snapshot(),
      backends,
      settings: () => view.settings(),
      reload: (order) => view.reload(order),
      dryRun: () => view.dryRun(),
      explain: (question) => view.explain(question),
    };
    this.#refused = new RefusalCount(clock, ({ from, count }) => {
      const what = count === 1 ? "a request" : `${count} requests`;
      view.report({
        event: "admin_refused",
        level: "warning",
        text: `${what} without the right token ${count === 1 ? "was" : "were"} refused, the last one from ${from}`,
        fields: { from, count },
      });
    });
  }

  /** Where it serves, "" before the first plan. */
  get address(): string {
    return this.#admin.address;
  }

  /** Serves on the addresses of `plan` as well. Throws Error with one sentence when that cannot be. */
  planComing(plan: Plan): SnapshotDelta {
    this.#admin.prepare(adminDoor(plan));
    try {
      this.#mounted.prepare(mountedDoor(plan));
      this.#scraped.prepare(metricsDoor(plan));
    } catch (error) {
      this.planDropped();
      throw error;
    }
    return NOTHING_CHANGED;
  }

  /** Moves to the addresses of `plan`. Throws Error with one sentence when that cannot be; then the old ones stay. */
  planChanged(plan: Plan): void {
    this.planComing(plan);
    this.#admin.apply(adminDoor(plan));
    this.#apply(this.#mounted, mountedDoor(plan), "redirect_service_listening", "redirect service");
    this.#apply(this.#scraped, metricsDoor(plan), "metrics_listening", "metrics");
  }

  /** Tells where it serves from now on. */
  #apply(door: Door, wanted: WantedDoor, event: string, what: string): void {
    const before = door.address;
    door.apply(wanted);
    const { address } = door;
    if (address === "" || address === before) return;
    this.#view.report({ event, level: "info", text: `${what} on ${address}`, fields: { address } });
  }

  #start(
    address: string,
    rules: AccessRules,
    operations: readonly Operation[],
    mounts: () => readonly MountedService[] = () => [],
  ): AdminServer {
    return startAdmin({
      address,
      rules,
      operations,
      services: this.#services,
      mounts,
      shared: this.#view.takingOver || this.#isOurs(address),
      refused: this.#refused,
      failed: (text) => this.#view.report({ event: "admin_failed", level: "error", text }),
      clock: this.#clock,
    });
  }

  /** True when we serve on that port already, under an address that overlaps: `127.0.0.1:9900` becomes `:9900`. */
  #isOurs(text: string): boolean {
    const address = parseListenAddress(text);
    if (address?.kind !== "tcp" || address.port === 0) return false;
    return [this.#admin, this.#mounted, this.#scraped].some(({ port }) => port === address.port);
  }

  #health(): HealthReport {
    const { state, workers } = this.#view.vitals();
    return { status: state, version: this.#version, workers, since: this.#since };
  }

  serving(): void {
    this.#admin.keep();
    this.#mounted.keep();
    this.#scraped.keep();
  }

  /** A plan was only tried. */
  planDropped(): void {
    this.#admin.abandon();
    this.#mounted.abandon();
    this.#scraped.abandon();
  }

  reloaded({ ok }: { readonly ok: boolean }): void {
    // Only a plan that was refused leaves them.
    this.planDropped();
    this.#metrics.reloaded(ok);
  }

  workerEnded(): void {
    this.#metrics.workerEnded();
  }

  stop(): void {
    this.#admin.stop();
    this.#mounted.stop();
    this.#scraped.stop();
    this.#refused.stop();
  }
}

function adminDoor({ admin: { address, token_sha256, hosts } }: Plan): WantedDoor {
  return { address, rules: { token_sha256, hosts } };
}

/** It asks for credentials of its own, also where the admin address wants no token. */
function mountedDoor({ admin: { token_sha256, hosts }, redirect }: Plan): WantedDoor {
  const address = redirect?.service.address ?? null;
  return address === null ? null : { address, rules: { token_sha256, hosts, guards_itself: true } };
}

function metricsDoor({ admin: { hosts }, observability }: Plan): WantedDoor {
  const { address, token_sha256 } = observability.metrics;
  return address === null ? null : { address, rules: { token_sha256, hosts } };
}
