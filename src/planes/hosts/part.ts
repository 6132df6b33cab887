/**
 * The hosts plane as a part of the supervisor: it hears what probes find, decides where each name leads, and brings that
 * to the hosts file, to DNS, to hooks and to those who look on.
 */
import { poolOfId } from "../../core/health/members.ts";
import { messageOf } from "../../core/text/message_of.ts";
import type { HostsDnsPlan, HostsPlan, Plan } from "../../core/plan.ts";
import { NOTHING_CHANGED, type Snapshot, type SnapshotDelta } from "../../core/snapshot.ts";
import type { SupervisorMetrics } from "../../observe/supervisor_metrics.ts";
import type { Clock } from "../../platform/clock.ts";
import { BlockWriter, type Written } from "./block_writer.ts";
import type { DnsResponder } from "./dns/responder.ts";
import { Hooks } from "./hooks.ts";
import type { HostName, NameChange } from "./host_name.ts";
import { HostNames, type AddressesInFile, type HostNamesOptions } from "./host_names.ts";
import { HostsFile, HostsFileError } from "./hosts_file.ts";
import { addressesByName, type WantedName } from "./lines.ts";
import type { Probed, ProbedMember } from "./member_records.ts";
import { hostsReport, type HostsReport } from "./report.ts";
import { UnwrittenSwitches } from "./unwritten.ts";
import { changeEvent, type HostsEvent } from "./words.ts";

/** So long a start waits for the program that it relieves to give the file up. */
const TAKE_OVER_MS = 60_000;
const TAKE_OVER_AGAIN_MS = 1_000;

/** The supervisor as this part needs it. */
export interface HostsHost {
  snapshot(): Snapshot;
  /** Another program still serves that this one is about to relieve. */
  readonly takingOver: boolean;
  report(event: HostsEvent): void;
}

export interface HostsPartOptions extends HostNamesOptions {
  readonly clock: Clock;
  readonly metrics: SupervisorMetrics;
}

export class HostsPart {
  readonly commands = { hosts: () => Promise.resolve({ ok: true, ...this.status() }) };
  readonly #host: HostsHost;
  readonly #options: HostsPartOptions;
  readonly #names: HostNames;
  readonly #hooks: Hooks;
  #plan: HostsPlan | null = null;
  #file: HostsFile | null = null;
  /** Opened for a plan that has not come yet. */
  #comingFile: HostsFile | null = null;
  #writer: BlockWriter | null = null;
  #dns: { readonly plan: HostsDnsPlan; readonly responder: DnsResponder } | null = null;
  #endWait: (() => void) | null = null;
  /** Changes whose hooks wait for the write that brings them. */
  readonly #unwritten = new UnwrittenSwitches();
  #lastProblem = "";
  #draining = false;
  #stopped = false;
  #lastWrite: { readonly at: string; readonly bytes: number } | null = null;

  constructor(host: HostsHost, options: HostsPartOptions) {
    this.#host = host;
    this.#options = options;
    this.#names = new HostNames(options);
    this.#hooks = new Hooks({
      failed: ({ command }, { name, to }, { problem, output }) => {
        options.metrics.count("hosts_hook_failures_total");
        this.#warn("hosts_hook_failed", `hook ${command[0]} for ${name}: ${problem}`, {
          name,
          address: to,
          output,
        });
      },
      lost: ({ command }, count) => {
        options.metrics.count("hosts_hook_failures_total", [], count);
        this.#warn(
          "hosts_hook_failed",
          `hook ${command[0]} is too slow: ${count} changes were not told to it`,
          {},
        );
      },
    });
  }

  #warn(event: string, text: string, fields: Readonly<Record<string, unknown>>): void {
    this.#host.report({ event, level: "warning", text, fields });
  }

  /** Takes the lock of the file that `plan` names. Throws Error in words when another program has it. */
  async planComing({ hosts }: Plan): Promise<SnapshotDelta> {
    if (hosts !== null && !hosts.dry_run && !this.#isHeld(hosts)) {
      this.#comingFile = this.#fileOf(hosts);
      await this.#comingFile.open();
    }
    return NOTHING_CHANGED;
  }

  /** The plan of `planComing` was only tried. */
  planDropped(): void {
    const file = this.#comingFile;
    this.#comingFile = null;
    void file?.close();
  }

  reloaded(): void {
    this.planDropped();
  }

  /** Follows `plan` from now on. Throws Error in words when its file or its DNS address cannot be had. */
  async planChanged(plan: Plan): Promise<void> {
    const { hosts } = plan;
    if (hosts === null) return this.#leave();
    await this.#followFile(hosts);
    this.#plan = hosts;
    this.#hooks.follow(hosts.hooks);
    const now = this.#options.clock.now();
    this.#names.planChanged(plan, this.#host.snapshot(), await this.#addressesInFile(), now);
    this.#showGauges();
    this.#decide(this.#names.all);
    if (this.#host.takingOver) return;
    this.#startWriting();
    await this.#followDns(hosts.dns);
  }

  /** Whoever served before is relieved, and gives up the file and the address. */
  async serving(): Promise<void> {
    // Whoever drains may hold the file or the address for long, and without the file the names stand still.
    while (!(await this.#takeOver())) await this.#pause(TAKE_OVER_AGAIN_MS);
  }

  #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = this.#options.clock.every(ms, resolve);
    return promise.finally(end);
  }

  /** False when the file or the address is still another's. */
  async #takeOver(): Promise<boolean> {
    const [plan, file] = [this.#plan, this.#file];
    if (this.#stopped || plan === null) return true;
    try {
      if (this.#writer === null) {
        if (!plan.dry_run) await file?.open({ waitMs: TAKE_OVER_MS });
        // The end, or a plan with another file, has come meanwhile.
        if (this.#stopped || file !== this.#file) {
          await file?.close();
          return true;
        }
        this.#startWriting();
      }
      await this.#followDns(plan.dns);
      return true;
    } catch (error) {
      this.#host.report({ event: "hosts_failed", level: "error", text: messageOf(error) });
      return false;
    }
  }

  draining(): void {
    this.#draining = true;
  }

  published({ members, overrides }: SnapshotDelta): void {
    const pools = (changed: object) => new Set(Object.keys(changed).map(poolOfId));
    const now = this.#options.clock.now();
    const snapshot = this.#host.snapshot();
    this.#names.membersChanged(pools(members), snapshot, false, now);
    this.#names.membersChanged(pools(overrides), snapshot, true, now);
    const changed = new Set([...pools(members), ...pools(overrides)]);
    if (changed.size > 0) this.#decide(this.#names.all.filter(({ pool }) => changed.has(pool)));
  }

  /** A probe has a result. */
  probed(member: ProbedMember, result: Probed): void {
    const names = this.#names.probed(member, result, this.#options.clock.now());
    if (names.length > 0) this.#decide(names);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#endWait?.();
    this.#endWait = null;
    this.#hooks.stop();
    this.#dns?.responder.stop();
    this.#dns = null;
    await this.#writer?.stop();
    const file = this.#file;
    this.#file = null;
    try {
      if (this.#draining && this.#plan?.on_stop === "remove" && !this.#plan.dry_run) await file?.remove();
    } catch (error) {
      this.#fileFailed(error);
    }
    await file?.close();
  }

  status(): HostsReport {
    const { wall, now } = { wall: this.#options.clock.wall(), now: this.#options.clock.now() };
    return hostsReport(this.#names.all, {
      plan: this.#plan,
      way: this.#file?.way ?? null,
      problem: this.#writer?.problem ?? null,
      last_write: this.#lastWrite,
      dns: this.#dns === null ? null : { ...this.#dns.plan.address, port: this.#dns.responder.port },
      timeOf: (at) => new Date(wall - (now - at)).toISOString(),
    });
  }

  // The file.

  /** We have the lock of the file that `hosts` names. */
  #isHeld({ file }: HostsPlan): boolean {
    return this.#file?.isOpen === true && this.#plan?.file === file;
  }

  #fileOf(hosts: HostsPlan): HostsFile {
    const { state_dir } = this.#host.snapshot().plan;
    return new HostsFile(hosts, state_dir, (event) => this.#host.report(event));
  }

  async #followFile(hosts: HostsPlan): Promise<void> {
    const coming = this.#comingFile;
    this.#comingFile = null;
    if (this.#isHeld(hosts)) return this.#file?.follow(hosts);
    // Another file: what stands in the one before is kept up to date by nobody any more.
    await this.#leaveFile();
    this.#file = coming ?? this.#fileOf(hosts);
    // A dry run may go on beside the program that writes; and the lock is not to be had before those who have it are relieved.
    if (coming === null && !hosts.dry_run && !this.#host.takingOver) await this.#file.open();
  }

  /** Not before the names are known: without any, everything would be taken out. */
  #startWriting(): void {
    this.#writer ??= new BlockWriter({
      clock: this.#options.clock,
      wanted: () => this.#names.wanted(),
      write: (wanted) => this.#write(wanted),
      written: (result) => this.#written(result),
      failed: (error) => this.#fileFailed(error),
    });
    // Names that nobody wants any more go although nothing else changes.
    this.#writer.update();
  }

  async #write(wanted: readonly WantedName[]): Promise<Written> {
    const file = this.#file;
    if (file === null || this.#plan?.dry_run !== false) return { changed: false, bytesWritten: 0 };
    const told = this.#unwritten.take();
    try {
      const result = await file.update(wanted);
      for (const change of told) this.#hooks.changed(change);
      return result;
    } catch (error) {
      this.#unwritten.giveBack(told);
      throw error;
    }
  }

  /** Null when it cannot be read, which the writes will tell. */
  async #addressesInFile(): Promise<AddressesInFile> {
    try {
      const { lines } = (await this.#file?.read()) ?? { lines: [] };
      return addressesByName(lines);
    } catch {
      return null;
    }
  }

  async #closeFile(): Promise<void> {
    const [file, writer] = [this.#file, this.#writer];
    this.#file = this.#writer = null;
    await writer?.stop();
    await file?.close();
  }

  /** Our block goes, and then the lock. */
  async #leaveFile(): Promise<void> {
    await this.#writer?.stop();
    try {
      if (this.#file?.isOpen === true && this.#plan?.dry_run === false) await this.#file.remove();
    } catch (error) {
      this.#fileFailed(error);
    }
    await this.#closeFile();
  }

  /** The plan has no names any more. */
  async #leave(): Promise<void> {
    if (this.#plan === null) return;
    await this.#leaveFile();
    this.#plan = null;
    this.#hooks.follow([]);
    this.#names.planChanged(
      this.#host.snapshot().plan,
      this.#host.snapshot(),
      null,
      this.#options.clock.now(),
    );
    this.#showGauges();
    this.#decideAgainLater();
    await this.#followDns(null);
  }

  #written({ changed, bytesWritten }: Written): void {
    const { metrics, clock } = this.#options;
    this.#lastProblem = "";
    if (changed) {
      metrics.count("hosts_writes_total", ["success"]);
      metrics.count("hosts_written_bytes_total", [], bytesWritten);
      this.#lastWrite = { at: new Date(clock.wall()).toISOString(), bytes: bytesWritten };
    }
  }

  /** Each cause is told once, until a write has succeeded. */
  #fileFailed(error: unknown): void {
    this.#options.metrics.count("hosts_writes_total", ["failure"]);
    const cause = error instanceof HostsFileError ? error.cause_key : messageOf(error);
    if (cause === this.#lastProblem) return;
    this.#lastProblem = cause;
    this.#host.report({ event: "hosts_write_failed", level: "error", text: messageOf(error) });
  }

  // Decisions.

  /** Of the names that there are now, and of no others. */
  #showGauges(): void {
    const down = this.#names.all.map(({ plan, isOut }) => [[plan.name], isOut ? 1 : 0] as const);
    this.#options.metrics.replace("hosts_name_down", down);
  }

  #decide(names: readonly HostName[]): void {
    const changes = this.#names.decide(names, this.#options.clock.now());
    for (const change of changes) this.#tell(change);
    if (changes.length > 0) this.#writer?.update();
    this.#decideAgainLater();
  }

  #decideAgainLater(): void {
    this.#endWait?.();
    const at = this.#stopped ? null : this.#names.again_ms;
    const { clock } = this.#options;
    this.#endWait =
      at === null
        ? null
        : clock.every(Math.max(1, at - clock.now()), () => {
            this.#endWait?.();
            this.#endWait = null;
            this.#decide(this.#names.all);
          });
  }

  #tell(change: NameChange): void {
    const { metrics, clock } = this.#options;
    const { name, state, before, switched } = change;
    if (state === "down" && before !== "down") metrics.count("hosts_all_down_total", [name.name]);
    // An address that comes while all are down does not end that before it is healthy.
    const isOut = state === "down" || (state === "waiting" && before === "down");
    metrics.set("hosts_name_down", [name.name], isOut ? 1 : 0);
    if (switched !== null) {
      metrics.count("hosts_switches_total", [name.name]);
      metrics.set("hosts_last_switch_timestamp_seconds", [name.name], clock.wall() / 1_000);
      this.#unwritten.add({ name: name.name, pool: name.pool, ...switched });
    }
    const event = changeEvent(change, this.#plan?.dry_run === true);
    if (event !== null) this.#host.report(event);
  }

  // DNS.

  async #followDns(plan: HostsDnsPlan | null): Promise<void> {
    if (JSON.stringify(plan) === JSON.stringify(this.#dns?.plan ?? null)) return;
    const before = this.#dns;
    // Another port or host can be had beside the one before; the same one only after it.
    const isSame = before !== null && JSON.stringify(before.plan.address) === JSON.stringify(plan?.address);
    if (isSame) {
      before.responder.stop();
      this.#dns = null;
    }
    this.#dns = plan === null ? null : { plan, responder: await this.#startDns(plan) };
    if (!isSame) before?.responder.stop();
  }

  async #startDns(plan: HostsDnsPlan): Promise<DnsResponder> {
    const { clock, metrics } = this.#options;
    // Loaded by those who want it: it brings a library along.
    const { DnsResponder } = await import("./dns/responder.ts");
    const responder = await DnsResponder.start({
      ...plan,
      clock,
      names: {
        addressesOf: (name) => this.#addressesOf(name),
        namesOf: (address) => this.#namesOf(address),
      },
      counted: (result) => metrics.count("hosts_dns_queries_total", [result]),
      report: (event) => this.#host.report(event),
    });
    const where = `${plan.address.host.includes(":") ? `[${plan.address.host}]` : plan.address.host}:${responder.port}`;
    this.#host.report({
      event: "hosts_dns_listening",
      level: "info",
      text: `names by DNS on ${where}`,
      fields: { address: where },
    });
    return responder;
  }

  #addressesOf(name: string): readonly string[] | null {
    const found = this.#names.find(name);
    // One of ours is nobody else's, also while it is not known where it leads.
    return found === undefined ? null : (found.addresses ?? []);
  }

  #namesOf(address: string): readonly string[] {
    return this.#names.all
      .filter(({ addresses }) => addresses?.includes(address) === true)
      .map(({ plan }) => plan.name);
  }
}
