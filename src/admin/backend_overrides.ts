/**
 * What operators set of backends while the program runs: whether they take traffic, and their weight. It beats the
 * configuration until it is reset, and outlives reloads, upgrades and restarts in `state_dir`.
 */
import { join } from "node:path";
import { z } from "zod";
import { wantedOf, weightOf } from "../core/health/overrides.ts";
import { membersOf } from "../core/health/members.ts";
import { endpointText, MAX_WEIGHT, type Health, type Wanted } from "../core/model.ts";
import type { BackendPlan, Plan, PoolPlan } from "../core/plan.ts";
import { NOTHING_CHANGED, type Override, type Snapshot, type SnapshotDelta } from "../core/snapshot.ts";
import type { Clock } from "../platform/clock.ts";
import type { Files } from "../platform/files.ts";

const MAX_FILE_BYTES = 16 * 2 ** 20;

const override = z.strictObject({
  enabled: z.enum(["active", "draining", "disabled"]).optional(),
  weight: z.int().min(0).max(MAX_WEIGHT).optional(),
});

const stateFile = z.object({ version: z.literal(1), overrides: z.record(z.string(), override) });

/** What the part needs of the supervisor. */
export interface OverridesHost {
  snapshot(): Snapshot;
  publish(delta: SnapshotDelta): void;
  report(event: {
    readonly event: string;
    readonly level: "info" | "warning" | "error";
    readonly text: string;
    readonly fields?: Readonly<Record<string, unknown>>;
  }): void;
}

/** One backend as people see it. */
export interface BackendReport {
  readonly pool: string;
  readonly id: string;
  readonly url: string;
  readonly zone: string | null;
  /** `draining` keeps what it has and takes no new work; `disabled` has nothing left. */
  readonly enabled: Wanted;
  /** In lists: the milliseconds that it has left to drain before it is disabled, where there is such an end. */
  readonly disabled_in_ms?: number;
  readonly weight: number;
  /** What the configuration says, where something else is in force. */
  readonly configured_weight: number;
  /** Its pool has a health check. */
  readonly checked: boolean;
  /** Something was set while the program runs, and `reset` takes it back. */
  readonly overridden: boolean;
  readonly addresses: readonly { readonly address: string; readonly health: Health }[];
}

export type BackendAction =
  | { readonly action: "enable" | "drain" | "reset" }
  | { readonly action: "disable"; readonly force: boolean }
  | { readonly action: "weight"; readonly weight: number };

export interface BackendChange {
  readonly backend: BackendReport;
  /** False: it was so before. */
  readonly changed: boolean;
  readonly warnings: readonly string[];
}

/** An id that names no backend, or several; `matches` are the full names of the latter. */
export class BackendIdError extends Error {
  readonly matches: readonly string[];

  constructor(message: string, matches: readonly string[]) {
    super(message);
    this.name = "BackendIdError";
    this.matches = matches;
  }
}

interface Place {
  readonly pool: PoolPlan;
  readonly backend: BackendPlan;
  readonly key: string;
}

export class BackendOverrides {
  readonly #host: OverridesHost;
  readonly #files: Files;
  readonly #clock: Clock;
  /** Of backends that the configuration does not have now too: it may have them again. */
  #overrides: Record<string, Override> = {};
  /** Backends that were set by this process. */
  readonly #set = new Set<string>();
  /** Ends the time that a backend has left to drain before it is disabled. */
  readonly #draining = new Map<string, { readonly end: () => void; readonly at: number }>();
  #path: string | null = null;
  /** One write at a time, the last state last. */
  #writing: Promise<string | null> = Promise.resolve(null);

  constructor(host: OverridesHost, files: Files, clock: Clock) {
    this.#host = host;
    this.#files = files;
    this.#clock = clock;
  }

  planComing(plan: Plan): SnapshotDelta {
    return { ...NOTHING_CHANGED, overrides: this.#ofPlan(plan) };
  }

  async planChanged(plan: Plan): Promise<void> {
    if (this.#path !== null) return;
    // Where state lies is decided at the start.
    this.#path = join(plan.state_dir, "backends.json");
    this.#overrides = (await this.#read(this.#path, true)) ?? {};
    this.#host.publish({ ...NOTHING_CHANGED, overrides: this.#ofPlan(plan) });
  }

  /**
   * Whoever served before is relieved: what it has set since our start was written then, and is in force from now on,
   * unless it has been set here too.
   */
  async relieved(): Promise<void> {
    if (this.#path === null) return;
    await this.#writing;
    const found = await this.#read(this.#path, false);
    if (found === null) return;
    const keys = new Set([...Object.keys(found), ...Object.keys(this.#overrides)]);
    for (const key of keys) {
      if (this.#set.has(key) || JSON.stringify(found[key]) === JSON.stringify(this.#overrides[key])) continue;
      this.#put(key, found[key] ?? {});
    }
  }

  async stop(): Promise<void> {
    for (const { end } of this.#draining.values()) end();
    this.#draining.clear();
    await this.#writing;
  }

  #ofPlan(plan: Plan): Record<string, Override> {
    const found: Record<string, Override> = {};
    for (const { key } of placesOf(plan)) {
      const known = this.#overrides[key];
      if (known !== undefined) found[key] = known;
    }
    return found;
  }

  /** Null where nothing is known; `told` = the operator learns why. */
  async #read(path: string, told: boolean): Promise<Record<string, Override> | null> {
    const content = await this.#files.read(path, MAX_FILE_BYTES);
    if ("problem" in content) {
      if (told && content.problem !== "no such file")
        this.#warn(`${path} cannot be read: ${content.problem}`);
      return null;
    }
    try {
      return stateFile.parse(JSON.parse(new TextDecoder().decode(content.bytes))).overrides as Record<
        string,
        Override
      >;
    } catch {
      if (told) this.#warn(`${path} is not ours or damaged: what was set of backends before is not in force`);
      return null;
    }
  }

  #warn(text: string): void {
    this.#host.report({ event: "state_failed", level: "warning", text });
  }

  /** Every backend of the configuration, in its order, without what changes with every moment. */
  reports(): BackendReport[] {
    return placesOf(this.#host.snapshot().plan).map((place) => this.reportOf(place));
  }

  /** The same with the time that each has left to drain. */
  list(): BackendReport[] {
    return placesOf(this.#host.snapshot().plan).map((place) => {
      const draining = this.#draining.get(place.key);
      if (draining === undefined) return this.reportOf(place);
      const disabled_in_ms = Math.max(0, Math.ceil(draining.at - this.#clock.now()));
      return { ...this.reportOf(place), disabled_in_ms };
    });
  }

  /** A backend that `find` has found, as it is now. */
  reportOf({ pool, backend, key }: Place): BackendReport {
    const { overrides, members, health } = this.#host.snapshot();
    return {
      pool: pool.name,
      id: backend.id,
      url: backend.url,
      zone: backend.zone,
      enabled: wantedOf(pool.name, backend, overrides),
      weight: weightOf(pool.name, backend, overrides),
      configured_weight: backend.weight,
      checked: pool.health_check !== null,
      overridden: overrides[key] !== undefined,
      addresses: membersOf(backend, members[key] ?? []).map((member) => ({
        address: endpointText(member.endpoint),
        health: health[`${pool.name}/${member.key}`] ?? "unknown",
      })),
    };
  }

  /**
   * The backend that `id` names: `pool/id`, or the id alone where only one pool has it. Throws BackendIdError for an
   * unknown and an ambiguous one.
   */
  find(id: string): Place {
    const places = placesOf(this.#host.snapshot().plan);
    const found = places.filter(({ key, backend }) => key === id || backend.id === id);
    const exact = found.find(({ key }) => key === id);
    if (exact !== undefined) return exact;
    if (found.length === 1) return found[0]!;
    const names = found.map(({ key }) => key);
    if (names.length === 0) throw new BackendIdError(`no backend is named ${JSON.stringify(id)}`, []);
    throw new BackendIdError(`${JSON.stringify(id)} is in several pools: ${names.join(", ")}`, names);
  }

  /** Carries an action out. `by` says who asks, for the log. Throws BackendIdError, and RangeError for a weight out of range. */
  async change(id: string, action: BackendAction, by: string): Promise<BackendChange> {
    const place = this.find(id);
    const { key } = place;
    const before = JSON.stringify([this.#overrides[key] ?? {}, this.reportOf(place)]);
    this.#carryOut(place, action);
    this.#set.add(key);
    const backend = this.reportOf(place);
    const changed = JSON.stringify([this.#overrides[key] ?? {}, backend]) !== before;
    if (!changed) return { backend, changed, warnings: [] };
    this.#host.report({
      event: "backend_set",
      level: "info",
      text: `backend ${key}: ${actionText(action)} (${by})`,
      fields: { pool: place.pool.name, backend: place.backend.id, ...action, by },
    });
    const problem = await this.#write();
    const warnings = problem === null ? [] : [`this does not outlive a restart: ${problem}`];
    for (const text of warnings) this.#warn(`backend ${key}: ${text}`);
    return { backend, changed, warnings };
  }

  #carryOut(place: Place, action: BackendAction): void {
    const { key, backend } = place;
    const { weight: configured } = backend;
    const { enabled, weight, ...rest } = this.#overrides[key] ?? {};
    const weighted = weight === undefined ? rest : { ...rest, weight };
    switch (action.action) {
      case "enable":
        this.#endDraining(key);
        return this.#put(key, weighted);
      case "drain":
        this.#endDraining(key);
        return this.#put(key, { ...weighted, enabled: "draining" });
      case "disable":
        return this.#disable(place, { ...weighted, enabled: "disabled" }, action.force);
      case "weight": {
        const others = enabled === undefined ? rest : { ...rest, enabled };
        return this.#put(
          key,
          action.weight === configured ? others : { ...others, weight: checkedWeight(action.weight) },
        );
      }
      case "reset":
        this.#endDraining(key);
        return this.#put(key, {});
    }
  }

  #put(key: string, value: Override): void {
    if (Object.keys(value).length === 0) delete this.#overrides[key];
    else this.#overrides[key] = value;
    this.#publish(key);
  }

  /** The backend drains first, unless `atOnce`. */
  #disable({ key, pool }: Place, value: Override, atOnce: boolean): void {
    const { overrides } = this.#host.snapshot();
    const { drain } = pool.timeouts;
    const known = overrides[key]?.enabled;
    if (atOnce || drain === 0 || known === "disabled") this.#endDraining(key);
    else if (!this.#draining.has(key)) {
      const end = this.#clock.every(drain, () => {
        this.#endDraining(key);
        this.#publish(key);
      });
      this.#draining.set(key, { end, at: this.#clock.now() + drain });
    }
    this.#overrides[key] = value;
    this.#publish(key, atOnce);
  }

  #endDraining(key: string): void {
    this.#draining.get(key)?.end();
    this.#draining.delete(key);
  }

  /** Tells the workers what is in force now. */
  #publish(key: string, cutsTunnels = false): void {
    const value = this.#overrides[key] ?? {};
    const acting: Override = this.#draining.has(key) ? { ...value, enabled: "draining" } : value;
    const published = cutsTunnels ? { ...acting, cuts_tunnels: true } : acting;
    this.#host.publish({ ...NOTHING_CHANGED, overrides: { [key]: published } });
  }

  /** Resolves with what went wrong, or null. */
  #write(): Promise<string | null> {
    this.#writing = this.#writing.then(() => {
      const text = JSON.stringify({ version: 1, overrides: this.#overrides });
      return this.#files.replace(this.#path!, new TextEncoder().encode(`${text}\n`));
    });
    return this.#writing;
  }
}

function checkedWeight(weight: number): number {
  if (Number.isInteger(weight) && weight >= 0 && weight <= MAX_WEIGHT) return weight;
  throw new RangeError(`weight ${weight}: expected a whole number from 0 to ${MAX_WEIGHT}`);
}

function placesOf(plan: Plan): Place[] {
  return plan.pools.flatMap((pool) =>
    pool.backends.map((backend) => ({ pool, backend, key: `${pool.name}/${backend.id}` })),
  );
}

function actionText(action: BackendAction): string {
  switch (action.action) {
    case "enable":
      return "enabled";
    case "drain":
      return "drains until it is enabled";
    case "disable":
      return action.force ? "disabled at once" : "drains, then is disabled";
    case "weight":
      return `weight ${action.weight}`;
    case "reset":
      return "back to the configuration";
  }
}
