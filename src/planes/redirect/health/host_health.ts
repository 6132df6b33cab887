/**
 * Health of registered hosts: which of an application's hosts fail their checks, as its gateways shall know it. The checks themselves
 * are handed in. That never all hosts are passed over, the engine sees to: where all fail, all serve.
 */
import type { Health } from "../../../core/model.ts";
import type { ProbePlan } from "../../../core/plan.ts";
import type { Host } from "../../../core/redirect/hosts.ts";
import { listed } from "../../../core/redirect/checks/problem.ts";
import { counted } from "../../../core/text/counted.ts";
import type { Clock } from "../../../platform/clock.ts";
import type { RedirectEvent } from "../follower.ts";
import type { AppState, HostPlace } from "../app_state.ts";
import { type PublishedUnhealthy, unhealthyDocument } from "../gateway/published.ts";

/** Somebody who probes addresses: all that are given, as often as their checks say, until others are given. */
export interface HostProbes {
  update(
    addresses: readonly {
      readonly id: string;
      readonly host: string;
      readonly port: number;
      readonly check: ProbePlan;
    }[],
  ): void;
  stop(): void;
}

/** Told of each probe that has ended, with what is known of the host from then on. */
export type ProbeListener = (id: string, success: boolean, health: Health) => void;

export interface HostHealthOptions {
  readonly clock: Clock;
  readonly makeProbes: (result: ProbeListener) => HostProbes;
  readonly publish: (documents: Readonly<Record<string, unknown>>) => void;
  readonly report: (event: RedirectEvent) => void;
  /** Hears of every probe of a host of this flavor. */
  readonly probed: (app: string, host: HostPlace, success: boolean) => void;
}

export interface HostCounts {
  /** Hosts that are probed. */
  readonly probed: number;
  /** Those of them that fail. */
  readonly failing: number;
}

/** Changes that come within this time are taken together. */
export const GAP_MS = 50;

interface Watched extends HostPlace {
  readonly app: string;
  readonly key: string;
  readonly address: Parameters<HostProbes["update"]>[0][number];
}

export class HostHealth {
  readonly #options: HostHealthOptions;
  readonly #probes: HostProbes;
  readonly #apps = new Map<string, readonly Watched[]>();
  #hosts = new Map<string, Watched>();
  readonly #failing = new Set<string>();
  /** Applications whose failing hosts have changed since they were published. */
  readonly #due = new Set<string>();
  /** What the operator knows of an application whose hosts fail. */
  readonly #told = new Map<string, string>();
  /** Other hosts are to be probed than those that are. */
  #isOutdated = false;
  #endWait: (() => void) | null = null;

  constructor(options: HostHealthOptions) {
    this.#options = options;
    this.#probes = options.makeProbes((id, success, health) => this.#result(id, success, health));
  }

  /** The application is so from now on; null = it is gone. Without a check, or a port, nothing is probed. */
  follow(app: string, state: AppState | null): void {
    const watched = state === null ? [] : watchedHosts(app, state);
    if (watched.length === 0 && !this.#apps.has(app)) return;
    if (watched.length === 0) this.#apps.delete(app);
    else this.#apps.set(app, watched);
    this.#isOutdated = true;
    this.#actSoon(app);
  }

  /** Only these applications are there. */
  keep(apps: ReadonlySet<string>): void {
    for (const app of [...this.#apps.keys()]) if (!apps.has(app)) this.follow(app, null);
  }

  #update(): void {
    this.#isOutdated = false;
    this.#hosts = new Map([...this.#apps.values()].flat().map((host) => [host.address.id, host]));
    for (const id of this.#failing) if (!this.#hosts.has(id)) this.#failing.delete(id);
    this.#probes.update([...this.#hosts.values()].map(({ address }) => address));
  }

  #result(id: string, success: boolean, health: Health): void {
    const host = this.#hosts.get(id);
    if (host === undefined) return;
    this.#options.probed(host.app, host, success);
    const isFailing = health === "unhealthy";
    if (isFailing === this.#failing.has(id)) return;
    if (isFailing) this.#failing.add(id);
    else this.#failing.delete(id);
    this.#actSoon(host.app);
  }

  #actSoon(app: string): void {
    this.#due.add(app);
    this.#endWait ??= this.#options.clock.every(GAP_MS, () => this.#actDue());
  }

  /** Of many hosts that come at once each one would be a list of all. */
  #actDue(): void {
    this.#endWait?.();
    this.#endWait = null;
    if (this.#isOutdated) this.#update();
    const documents: Record<string, PublishedUnhealthy | null> = {};
    for (const app of this.#due) {
      const failing = this.#of(app);
      documents[unhealthyDocument(app)] = failing;
      this.#tell(app, failing ?? []);
    }
    this.#due.clear();
    this.#options.publish(documents);
  }

  /** Tells the operator where other hosts fail than before. */
  #tell(app: string, failing: readonly string[]): void {
    const text = failing.join("\n");
    if (text === (this.#told.get(app) ?? "")) return;
    if (failing.length === 0) this.#told.delete(app);
    else this.#told.set(app, text);
    const { probed } = this.counts(app);
    this.#options.report({
      event: "redirect_hosts_failing",
      level: failing.length === 0 ? "info" : "warning",
      text:
        failing.length === 0
          ? `${app}: no host fails its checks any more`
          : `${app}: ${failing.length} of ${counted(probed, "host")} fail their checks: ${listed(failing)}`,
      fields: { app, failing: failing.length, probed },
    });
  }

  /** Keys of its failing hosts; null where none is probed. */
  #of(app: string): PublishedUnhealthy | null {
    const hosts = this.#apps.get(app);
    if (hosts === undefined) return null;
    return hosts.filter(({ address }) => this.#failing.has(address.id)).map(({ key }) => key);
  }

  /** All that gateways need to know. */
  documents(): Record<string, PublishedUnhealthy> {
    return Object.fromEntries([...this.#apps.keys()].map((app) => [unhealthyDocument(app), this.#of(app)!]));
  }

  /** Keys of the hosts that fail. */
  failing(app: string): ReadonlySet<string> {
    return new Set(this.#of(app));
  }

  counts(app: string): HostCounts {
    return { probed: this.#apps.get(app)?.length ?? 0, failing: this.#of(app)?.length ?? 0 };
  }

  stop(): void {
    this.#endWait?.();
    this.#probes.stop();
  }
}

/** Hosts without weight get no traffic, and may be on their way out. */
function watchedHosts(app: string, { plan, model, stacks }: AppState): Watched[] {
  const check = plan.health_check;
  const port = check?.port ?? model?.default_url?.port ?? null;
  if (check === null || port === null) return [];
  return stacks.flatMap(({ stack, flavor, hosts }) =>
    hosts.flatMap((host: Host): Watched[] => {
      const address = host.ipv4 ?? host.ipv6;
      if (address === null || host.weight <= 0) return [];
      const id = `${app}\0${host.key}`;
      return [{ app, stack, flavor, key: host.key, address: { id, host: address, port, check } }];
    }),
  );
}
