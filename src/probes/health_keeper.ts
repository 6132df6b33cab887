/**
 * Health and addresses of all backends, kept up to date in the supervisor: it follows names, probes every member, and
 * publishes what changes. What is known outlives a reload by the rules of `docs/decisions/0005-state-identity.md`.
 */
import { changesOf, isEmptyDelta } from "../core/health/delta.ts";
import { backendName } from "../core/health/members.ts";
import { afterResult, recordOf, reopened, UNCHECKED, type HealthRecord } from "../core/health/record.ts";
import type { Endpoint, Health } from "../core/model.ts";
import { endpointText } from "../core/model.ts";
import type { Plan } from "../core/plan.ts";
import { NOTHING_CHANGED, type Snapshot, type SnapshotDelta } from "../core/snapshot.ts";
import type { Clock } from "../platform/clock.ts";
import type { Files } from "../platform/files.ts";
import { MAX_TTL_MS, NameWatcher, type NameSource } from "../platform/names.ts";
import { PlanChecks } from "./checks.ts";
import type { Probe, ProbeResult } from "./contract.ts";
import { HealthFile, memberIdentity, type HealthRecords } from "./health_file.ts";
import { HealthReports, type HealthReport } from "./health_reports.ts";
import { ProbeScheduler, type Scheduled } from "./scheduler.ts";

/** So long a start and a reload wait for the first addresses of names. */
export const FIRST_ADDRESSES_MS = 2_000;
/** So long a start waits for first results, so that backends that answer or refuse at once are known from the start. */
export const FIRST_RESULTS_MS = 200;
/** Changes that come faster than this travel together. */
export const PUBLISH_GAP_MS = 50;

/** The supervisor as this part needs it. */
export interface HealthHost {
  snapshot(): Snapshot;
  publish(delta: SnapshotDelta): void;
}

/** One sentence for the operator, with fields for machines. */
export interface HealthEvent {
  readonly event: HealthReport["event"] | "name_failed" | "name_changed" | "state_failed";
  readonly level: "info" | "warning";
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface HealthKeeperOptions {
  readonly probes: readonly Probe[];
  readonly names: NameSource;
  readonly clock: Clock;
  /** From 0 (included) to 1 (excluded). */
  readonly random: () => number;
  /** Calls back in the next turn of the event loop, so that many probes do not start in one. */
  readonly nextTurn?: (run: () => void) => void;
  /** Where health is kept in `state_dir`; absent = it is not kept. */
  readonly files?: Files;
  readonly report?: (event: HealthEvent) => void;
  /** Hears every result of a probe, after it has been taken into account here. */
  readonly probed?: (member: ProbedMember, result: ProbeResult, tookMs: number) => void;
}

/** A member that was probed: `pool/key`, and where traffic reaches it. */
export interface ProbedMember {
  readonly id: string;
  readonly endpoint: Endpoint;
}

/** What is known of one member. */
interface KnownMember {
  record: HealthRecord;
  readonly scheduled: ReturnType<PlanChecks["scheduled"]>[number];
  readonly endpoint: string;
  /** It has had a result in this run. */
  checked: boolean;
}

export class HealthKeeper {
  readonly #host: HealthHost;
  readonly #options: HealthKeeperOptions;
  readonly #names: NameWatcher;
  readonly #scheduler: ProbeScheduler;
  readonly #reports: HealthReports | null;
  #checks: PlanChecks | null = null;
  #plan: Plan | null = null;
  #members = new Map<string, KnownMember>();
  /** The name that the addresses of `pool/backend id` belong to. */
  #nameOf = new Map<string, string>();
  #file: HealthFile | null = null;
  /** What an earlier run has left: believed of a member that is the same until its first result. */
  #kept: HealthRecords = {};
  #stopped = false;
  /** Ends the wait before the next publication, or null. */
  #gap: (() => void) | null = null;
  #publishAgain = false;
  /** Members whose health may not be published yet. */
  readonly #unpublished = new Set<string>();
  /** A name has other addresses than the members. */
  #namesChanged = false;
  /** Members without a result in this run. */
  #unchecked = 0;
  #waiting: (() => void)[] = [];

  constructor(host: HealthHost, options: HealthKeeperOptions) {
    const { clock, random, nextTurn, report } = options;
    this.#reports = report === undefined ? null : new HealthReports(clock, report);
    this.#host = host;
    this.#options = options;
    this.#names = new NameWatcher({
      clock,
      source: options.names,
      changed: (name) => this.#nameChanged(name),
      failed: (name, reason, kept) => this.#nameFailed(name, reason, kept),
    });
    const result = (id: string, found: ProbeResult, tookMs: number): void => this.#result(id, found, tookMs);
    this.#scheduler = new ProbeScheduler({ clock, random, result, ...(nextTurn && { nextTurn }) });
  }

  /**
   * A reload is about to bring `plan`: resolves with the addresses of its new names, within the limit. Until `reloaded`
   * the names of both plans are followed.
   */
  async planComing(plan: Plan): Promise<SnapshotDelta> {
    const coming = namesOf(plan);
    this.#names.watch(new Set([...this.#nameOf.values(), ...coming.values()]));
    await this.#names.firstAnswers(FIRST_ADDRESSES_MS);
    const members: Record<string, readonly string[]> = {};
    for (const [key, name] of coming)
      if (this.#nameOf.get(key) !== name) members[key] = this.#names.addresses(name);
    return { ...NOTHING_CHANGED, members };
  }

  /** The plan of `planComing` was only tried. */
  planDropped(): void {
    this.reloaded();
  }

  /** The plan of `planComing` acts or was refused. */
  reloaded(): void {
    if (!this.#stopped) this.#names.watch(new Set(this.#nameOf.values()));
  }

  /**
   * Follows `plan` from now on. Resolves when names have their first addresses and, at the first call, members their
   * first result, within limits. Throws, with everything as before, when a check of the plan cannot be made.
   */
  async planChanged(plan: Plan): Promise<void> {
    const first = this.#checks === null;
    if (first) await this.#readKept(plan);
    this.#plan = plan;
    this.#checks = new PlanChecks(plan, this.#host.snapshot().files, this.#options.probes);
    const nameOf = namesOf(plan);
    const before = this.#nameOf;
    this.#nameOf = nameOf;
    this.#names.longestTtlMs = plan.hosts?.resolve_interval_ms ?? MAX_TTL_MS;
    this.#names.watch(new Set(nameOf.values()));
    this.#refresh(first ? nameOf : before);
    await this.#names.firstAnswers(FIRST_ADDRESSES_MS);
    if (this.#namesChanged) this.#publishNow();
    if (!first) return;
    await this.#firstResults();
    this.#kept = {};
    if (!this.#stopped) this.#file?.follow();
  }

  /** Where state lies is decided at the start. */
  async #readKept({ state_dir }: Plan): Promise<void> {
    const { files, clock } = this.#options;
    if (files === undefined) return;
    this.#file = new HealthFile(state_dir, {
      files,
      clock,
      records: () => this.#records(),
      failed: (text) => this.#options.report?.({ event: "state_failed", level: "warning", text, fields: {} }),
    });
    this.#kept = await this.#file.read();
  }

  #records(): HealthRecords {
    const records: Record<string, HealthRecords[string]> = {};
    for (const [id, { record, scheduled }] of this.#members)
      if (record.health !== "unknown")
        records[id] = { health: record.health, identity: memberIdentity(scheduled.settings) };
    return records;
  }

  /** Ends all probes and lookups; no timer and no socket is left. Resolves when what is known is kept. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#scheduler.stop();
    this.#names.stop();
    this.#reports?.stop();
    this.#gap?.();
    this.#gap = null;
    this.#wake();
    await this.#file?.stop();
  }

  /**
   * Brings members, probes and what is published to the plan and the addresses of now. Addresses in the snapshot hold
   * for a name without an answer where `trusted` says that they are addresses of that name.
   */
  #refresh(trusted: ReadonlyMap<string, string> = this.#nameOf): void {
    if (this.#checks === null || this.#stopped) return;
    const snapshot = this.#host.snapshot();
    const members: Record<string, readonly string[]> = {};
    for (const [key, name] of this.#nameOf) {
      const found = this.#names.addresses(name);
      const kept = trusted.get(key) === name ? (snapshot.members[key] ?? []) : [];
      members[key] = found.length > 0 ? found : kept;
    }
    const scheduled = this.#checks.scheduled(members);
    const before = this.#members;
    this.#members = new Map(
      scheduled.map((one) => [
        one.id,
        known(one, before.get(one.id), snapshot.health[one.id], this.#kept[one.id]),
      ]),
    );
    this.#unchecked = 0;
    for (const { checked } of this.#members.values()) if (!checked) this.#unchecked++;
    this.#namesChanged = false;
    this.#publishAll(members);
    this.#scheduler.update(scheduled);
  }

  #nameChanged(name: string): void {
    const addresses = this.#names.addresses(name);
    this.#options.report?.({
      event: "name_changed",
      level: "info",
      text: `${name} has the addresses ${addresses.join(", ")}`,
      fields: { name, addresses },
    });
    this.#namesChanged = true;
    this.#publishSoon();
  }

  #nameFailed(name: string, reason: string, kept: number): void {
    const consequence = kept > 0 ? `its ${kept} known addresses stay in use` : "it has no address";
    this.#options.report?.({
      event: "name_failed",
      level: "warning",
      text: `${name} cannot be resolved (${reason}): ${consequence}`,
      fields: { name, reason, kept },
    });
  }

  #result(id: string, { healthy, reason }: ProbeResult, tookMs: number): void {
    const member = this.#members.get(id);
    if (member === undefined) return;
    const { pool, key } = member.scheduled.member;
    const before = member.record.health;
    if (!member.checked) this.#unchecked--;
    member.checked = true;
    member.record = afterResult(member.record, healthy, pool.health_check!);
    this.#wake();
    this.#options.probed?.({ id, endpoint: member.scheduled.member.endpoint }, { healthy, reason }, tookMs);
    const { health } = member.record;
    if (health === before) return;
    this.#reports?.changed({ pool: pool.name, key, health, reason });
    this.#unpublished.add(id);
    this.#file?.changed();
    this.#publishSoon();
  }

  /** At once after a quiet time; while changes come quickly they are gathered. */
  #publishSoon(): void {
    if (this.#gap === null) this.#publishNow();
    else this.#publishAgain = true;
  }

  /** Costs as much as has changed, unless a name has other addresses. */
  #publishNow(): void {
    if (!this.#planActs) return;
    if (this.#namesChanged) {
      this.#refresh();
      return;
    }
    const health: Record<string, Health> = {};
    for (const id of this.#unpublished) {
      const member = this.#members.get(id);
      if (member !== undefined) health[id] = member.record.health;
    }
    this.#publish({ ...NOTHING_CHANGED, health });
  }

  /** Makes the snapshot hold these addresses and the health of all members, and nothing else. */
  #publishAll(addresses: SnapshotDelta["members"]): void {
    if (!this.#planActs) return;
    const { health: known, members: knownMembers } = this.#host.snapshot();
    const health: Record<string, Health> = {};
    for (const id of Object.keys(known)) if (!this.#members.has(id)) health[id] = "unknown";
    for (const [id, { record }] of this.#members) health[id] = record.health;
    const members: Record<string, readonly string[]> = { ...addresses };
    for (const key of Object.keys(knownMembers)) members[key] ??= [];
    this.#publish({ ...NOTHING_CHANGED, health, members });
  }

  /** False: another plan acts already, for which what is known here is not what it needs. `planChanged` is about to come. */
  get #planActs(): boolean {
    return this.#host.snapshot().plan === this.#plan;
  }

  #publish(known: SnapshotDelta): void {
    this.#publishAgain = false;
    this.#unpublished.clear();
    const delta = changesOf(this.#host.snapshot(), known);
    if (isEmptyDelta(delta)) return;
    this.#host.publish(delta);
    this.#gap ??= this.#options.clock.every(PUBLISH_GAP_MS, () => this.#gapOver());
  }

  #gapOver(): void {
    this.#gap?.();
    this.#gap = null;
    if (this.#publishAgain) this.#publishNow();
  }

  // Waiting for first results.

  get #allChecked(): boolean {
    return this.#unchecked === 0;
  }

  async #firstResults(): Promise<void> {
    if (!this.#allChecked && !this.#stopped) {
      await new Promise<void>((resolve) => {
        const stop = this.#options.clock.every(FIRST_RESULTS_MS, finish);
        function finish(): void {
          stop();
          resolve();
        }
        this.#waiting.push(finish);
      });
    }
    // So that what was found stands in the snapshot that workers start with.
    if (!this.#stopped) this.#publishNow();
  }

  #wake(): void {
    if (this.#waiting.length === 0 || !(this.#stopped || this.#allChecked)) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    queueMicrotask(() => {
      for (const finish of waiting) finish();
    });
  }
}

/** The names that a plan's backends are given by, by `pool/backend id`. */
function namesOf(plan: Plan): Map<string, string> {
  const names = new Map<string, string>();
  for (const pool of plan.pools)
    for (const backend of pool.backends) {
      const name = backendName(backend);
      if (name !== null) names.set(`${pool.name}/${backend.id}`, name);
    }
  return names;
}

/**
 * What is known of a member: with the address and check of before everything, with another check its health until the
 * first result, with another address nothing. Of a member that is new here what the snapshot says, or what an earlier run
 * found of the same one, until the first result, which decides at once.
 */
function known(
  scheduled: KnownMember["scheduled"],
  before: KnownMember | undefined,
  found: Health | undefined,
  kept: HealthRecords[string] | undefined,
): KnownMember {
  const endpoint = endpointText(scheduled.member.endpoint);
  if (before === undefined) {
    const record = found === undefined ? keptRecord(scheduled, kept) : recordOf(found);
    return { record, scheduled, endpoint, checked: false };
  }
  const { record, checked } = before;
  if (before.endpoint !== endpoint) return { record: UNCHECKED, scheduled, endpoint, checked: false };
  const same = sameCheck(before.scheduled, scheduled);
  return { record: same ? record : reopened(record), scheduled, endpoint, checked };
}

function sameCheck(one: Scheduled, other: Scheduled): boolean {
  return one.settings === other.settings;
}

function keptRecord({ settings }: Scheduled, kept: HealthRecords[string] | undefined): HealthRecord {
  return kept?.identity === memberIdentity(settings) ? reopened(recordOf(kept.health)) : UNCHECKED;
}
