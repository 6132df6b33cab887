/**
 * The supervisor: holds the listening sockets, the log files and the snapshot, and brings them to the workers. It never
 * touches request bytes.
 *
 * One change at a time: reloads, reopened logs and the end wait for each other.
 */
import { messageOf } from "../core/text/message_of.ts";
import {
  applyDelta,
  changesOf,
  changeState,
  isEmptyDelta,
  type KnownState,
  type LiveState,
} from "../core/health/delta.ts";
import type { Explanation } from "../core/explain/answer.ts";
import type { GivenQuestion } from "../core/explain/question.ts";
import type { Plan } from "../core/plan.ts";
import type { SettingReport } from "../core/setting.ts";
import { NOTHING_CHANGED, type Snapshot, type SnapshotDelta } from "../core/snapshot.ts";
import type { CounterLayout } from "../core/worker_program.ts";
import { announce, passOn } from "./announce.ts";
import type { Change, LiveSnapshot } from "./change.ts";
import type { Possessions } from "./claim.ts";
import type { ControlHandler } from "./control_socket.ts";
import { RegionSet, type InheritedLimits } from "./counter_regions.ts";
import { dryRunResult } from "./dry_run.ts";
import type { RunEvent } from "./events.ts";
import { explainBy } from "./explain.ts";
import { knownOf } from "./known_state.ts";
import { ListenerTable, type ListenerReport } from "./listener_table.ts";
import { loadFor } from "./load_for.ts";
import { LogFiles, type LogChange } from "./log_files.ts";
import type {
  DryRunResult,
  LoadedConfiguration,
  ReloadOrder,
  ReloadResult,
  SupervisorFacade,
  SupervisorPart,
} from "./parts.ts";
import type { Predecessors } from "./predecessors.ts";
import { planChanges } from "./plan_changes.ts";
import { reloadEvent, restartNotes } from "./reload_text.ts";
import type { SupervisorStatus, SupervisorVitals } from "./status.ts";
import { closeDescriptor } from "../platform/sockets.ts";
import { SharedMemories } from "./shared_memories.ts";
import { StartError } from "./start_error.ts";
import { KILL_GRACE_MS, type SupervisorOptions } from "./supervisor_options.ts";
import { WorkerPool } from "./worker_pool.ts";

export class Supervisor implements SupervisorFacade {
  readonly #options: SupervisorOptions;
  readonly #table = new ListenerTable();
  readonly #logs = new LogFiles();
  readonly #pool: WorkerPool;
  readonly #regionSets = new Set<RegionSet>();
  readonly #shared = new SharedMemories(() => this.#pool, this.#exclusively.bind(this));
  readonly share: SupervisorFacade["share"] = (bytes) => this.#shared.make(bytes);
  readonly #started: SupervisorPart[] = [];
  #snapshot: LiveSnapshot | null = null;
  #settings: LoadedConfiguration["settings"];
  /** Holds what a reload cannot change: `restartNotes`. */
  #planAtStart: Plan | null = null;
  #inProcess = false;
  #predecessors: Predecessors | null = null;
  #inherited: InheritedLimits | null = null;
  #endGrace: () => void = () => {};
  #killed = false;
  #regions: RegionSet | null = null;
  /** False when the last reload has met errors after its commit: an equal configuration is then tried again. */
  #complete = true;
  #state: SupervisorStatus["state"] = "starting";
  #degradedFiles: readonly string[] = [];
  #lastReload: SupervisorStatus["last_reload"] = null;
  #changes: Promise<unknown> = Promise.resolve();
  #ending: Promise<void> | null = null;
  #stopWatching: (() => void) | null = null;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#pool = new WorkerPool({
      launch: (index) => (this.#inProcess ? options.launchInProcess(index) : options.launch(index)),
      report: options.report,
      account: () => this.#planAtStart ?? this.snapshot().plan,
      workerEnded: () => {
        for (const part of this.#started) part.workerEnded?.();
      },
      told: (part, message) => passOn(this.#started, part, message),
      target: () => ({
        snapshot: this.snapshot(),
        // They come with the snapshot.
        regions: this.#regions!,
        listeners: this.#table.listeners,
        logs: this.#logs.files,
        shared: this.#shared.all,
      }),
    });
  }

  /** What is known in it changes in place. */
  snapshot(): Snapshot {
    return this.#acting;
  }

  get #acting(): LiveSnapshot {
    if (this.#snapshot === null) throw new Error("no snapshot acts yet");
    return this.#snapshot;
  }

  listeners(): readonly ListenerReport[] {
    return this.#table.report();
  }

  /** Addresses that parts of the supervisor serve on. */
  get partAddresses(): readonly string[] {
    return this.#started.flatMap(({ address }) => (address === undefined ? [] : [address]));
  }

  /** What a part answers to this command of the control socket, or null. */
  command(name: string): ControlHandler | null {
    for (const { commands } of this.#started) {
      const handler = commands !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined;
      if (handler !== undefined) return handler;
    }
    return null;
  }

  *counters(): Generator<{ layout: CounterLayout; values: Float64Array }> {
    this.#forgetClosedRegions();
    for (const set of this.#regionSets)
      for (const values of set.values()) yield { layout: set.layout, values };
    if (this.#predecessors !== null) yield* this.#predecessors.counters();
  }

  #forgetClosedRegions(): void {
    for (const set of this.#regionSets) if (set.closed) this.#regionSets.delete(set);
  }

  async status(): Promise<SupervisorStatus> {
    return {
      pid: process.pid,
      generation: this.#snapshot?.generation ?? 0,
      state: this.#state,
      listeners: this.listeners(),
      workers: await this.#pool.status(),
      degraded_files: this.#degradedFiles,
      last_reload: this.#lastReload,
    };
  }

  async explain(question: GivenQuestion): Promise<Explanation> {
    const worker = this.#pool.firstReady;
    if (worker === null) throw new Error("no worker is ready to answer");
    const { plan } = this.snapshot();
    const tlsOf = (name: string) => plan.listeners.some((one) => one.name === name && one.tls !== null);
    const listeners = this.listeners().map((open) => ({ ...open, tls: tlsOf(open.name) }));
    return explainBy(worker, listeners, question);
  }

  readonly askWorkers = (part: string, question: unknown) => this.#pool.ask(part, question);

  vitals(): SupervisorVitals {
    return {
      state: this.#state,
      workers: this.#pool.readyCount,
      processes: this.#pool.vitals(),
      degraded_files: this.#degradedFiles,
      last_reload: this.#lastReload,
    };
  }

  settings(): readonly SettingReport[] {
    return this.#settings?.() ?? [];
  }

  /**
   * Loads the configuration, opens everything and resolves when all workers accept. Rejects with StartError when the
   * configuration, a listener, a log or a worker refuses; then nothing is left open.
   */
  start(): Promise<void> {
    return this.#exclusively(() => this.#start());
  }

  async #start(): Promise<void> {
    const { parts } = this.#options;
    const loaded = await parts.load();
    if (loaded.plan === null) throw new StartError(loaded.problems);
    this.#warn(loaded);
    const { plan } = loaded;
    this.#planAtStart = plan;
    this.#degradedFiles = loaded.degraded_files ?? [];
    this.#inProcess = plan.workers === 0;
    try {
      const { generation, predecessors, sockets, limits } = await this.#options.claim(plan);
      this.#predecessors = predecessors;
      this.#inherited = limits;
      this.#table.shared = predecessors !== null;
      for (const { key, fd } of sockets) this.#table.inherit(key, fd);
      this.#commit(this.#prepareChange(plan, loaded, generation, NOTHING_CHANGED));
      this.#table.shared = false;
      for (const create of parts.parts ?? []) this.#started.push(await create(this));
      for (const part of this.#started) await part.planChanged(plan);
      await this.#pool.start(this.#workerCount(plan));
    } catch (error) {
      // They serve on, for the next start.
      this.#predecessors?.release([messageOf(error)]);
      await this.#pool.end();
      await this.#stopParts();
      this.#closeAll();
      throw new StartError([messageOf(error)], error);
    }
    this.#state = "serving";
    this.#predecessors?.relieve(this.#table.listeners.map(({ key }) => key));
    this.#table.forgetInherited();
    for (const part of this.#started) part.serving?.();
    await this.#tellThatItActs();
    this.#stopWatching = parts.watch?.(() => void this.#reloadChangedFiles()) ?? null;
  }

  async #reloadChangedFiles(): Promise<void> {
    const result = await this.reload();
    if (!result.ok || result.changed) this.#options.report(reloadEvent(result));
  }

  async #stopParts(): Promise<void> {
    for (const part of this.#started.toReversed()) {
      try {
        await part.stop();
      } catch (error) {
        this.#options.report({ event: "stop_failed", level: "error", text: messageOf(error) });
      }
    }
  }

  #closeAll(): void {
    this.#table.closeAll();
    this.#table.forgetInherited();
    this.#logs.close();
    this.#regions?.abandon();
  }

  #workerCount(plan: Plan): number {
    return this.#inProcess ? 1 : Math.max(1, plan.workers);
  }

  /** Opens what `plan` needs beside what acts. Throws, with nothing left open, when something is refused. */
  #prepareChange(
    plan: Plan,
    loaded: LoadedConfiguration,
    generation: number,
    found: SnapshotDelta,
    trying = false,
  ): Change {
    const count = trying ? this.#pool.size : this.#workerCount(plan);
    // One socket shows that an address can be had. Further ones of an address that is served would take connections.
    const listeners = this.#table.change(plan.listeners, trying ? 1 : count);
    let logs: LogChange;
    try {
      logs = this.#logs.change(plan);
    } catch (error) {
      listeners.abandon();
      throw error;
    }
    const layout = this.#options.parts.counters.layout(plan);
    const fits = this.#regions?.fits(layout, count) === true;
    const regions = fits && this.#regions !== null ? this.#regions : this.#newRegions(layout, count);
    const snapshot = { generation, plan, files: loaded.files, ...this.#known(plan, found) };
    return { snapshot, listeners, logs, regions, found, settings: loaded.settings };
  }

  /** Health and members that are known of backends of `plan`. */
  #known(plan: Plan, found: SnapshotDelta): LiveState {
    const before: KnownState = this.#snapshot ?? this.#options.parts.initial ?? NOTHING_CHANGED;
    return knownOf(plan, applyDelta(before, found));
  }

  #newRegions(layout: CounterLayout, workers: number): RegionSet {
    this.#forgetClosedRegions();
    const inherited = this.#takeInherited(layout, workers);
    const set = new RegionSet(layout, workers, this.#options.parts.counters, inherited);
    this.#regionSets.add(set);
    return set;
  }

  /** What was inherited, once, if it has the layout and room; else it is left to those who count there. */
  #takeInherited({ key }: CounterLayout, workers: number): InheritedLimits | null {
    const inherited = this.#inherited;
    this.#inherited = null;
    if (inherited === null) return null;
    // Those before us have as many rows as we need, at most.
    if (inherited.key === key && workers * 2 <= inherited.rows) return inherited;
    closeDescriptor(inherited.region.fd);
    return null;
  }

  /** Workers of a supervisor before us have ended, and count against no limit any more. */
  predecessorGone(): void {
    for (const set of this.#regionSets) if (!set.closed) set.freeDead();
  }

  /** Gives back what went wrong, in words: there is no way back. */
  #commit({ snapshot, listeners, logs, regions, found, settings }: Change): string[] {
    this.#settings = settings;
    // Deltas may have come while the change was prepared.
    this.#snapshot = { ...snapshot, ...this.#known(snapshot.plan, found) };
    if (this.#regions !== regions) this.#regions?.abandon();
    this.#regions = regions;
    const errors = listeners.commit();
    logs.commit();
    this.#options.acts?.(snapshot.generation);
    return errors;
  }

  async #tellThatItActs(): Promise<void> {
    this.#warn({ problems: [], warnings: (await this.#options.parts.acts?.()) ?? [] });
  }

  #warn({ problems, warnings }: Pick<LoadedConfiguration, "problems" | "warnings">): void {
    for (const text of problems) this.#options.report({ event: "config_problem", level: "error", text });
    for (const text of warnings) this.#options.report({ event: "config_warning", level: "warning", text });
  }

  /** Runs one change after the other. */
  #exclusively<Result>(change: () => Promise<Result>): Promise<Result> {
    const result = this.#changes.then(change);
    this.#changes = result.catch(() => {});
    return result;
  }

  /**
   * Loads the configuration again and brings it to every worker. When anything refuses, everything stays as it is and
   * the result says why. An equal configuration changes nothing. Never rejects: who asks by a signal or a changed file
   * could only die of it.
   */
  async reload(order: ReloadOrder = {}): Promise<ReloadResult> {
    const result = await this.#exclusively(() => this.#carryOut(order));
    if (order.by !== undefined) this.#options.report(reloadEvent(result, order.by));
    return result;
  }

  async #carryOut({ generation: expected }: ReloadOrder): Promise<ReloadResult> {
    const { generation: acting } = this.snapshot();
    if (expected !== undefined && expected !== acting) {
      const problems = [`generation ${acting} acts by now, the order was for ${expected}`];
      return { ok: false, superseded: true, generation: acting, problems };
    }
    const result = await this.#reload().catch((error: unknown): ReloadResult => {
      // A defect: where it has stopped is not known.
      this.#complete = false;
      const { generation } = this.snapshot();
      return { ok: false, generation, problems: [`the reload has failed: ${messageOf(error)}`] };
    });
    if (result.ok) await this.#tellThatItActs();
    const problems = result.ok ? [] : result.problems;
    this.#lastReload = { ok: result.ok, at: new Date().toISOString(), problems };
    for (const part of this.#started) part.reloaded?.(result);
    return result;
  }

  async #reload(): Promise<ReloadResult> {
    const { generation } = this.snapshot();
    const refused = (problems: readonly string[]): ReloadResult => ({ ok: false, generation, problems });
    const loaded = await loadFor(this.#state, this.#options.parts.load, this.snapshot());
    const { plan } = loaded;
    if (plan === null) return refused(loaded.problems);
    this.#warn(loaded);
    if (this.#isCurrent(loaded)) {
      this.#degradedFiles = loaded.degraded_files ?? [];
      this.#settings = loaded.settings;
      return { ok: true, changed: false, generation, changes: [], warnings: loaded.warnings };
    }
    let change: Change;
    try {
      change = this.#prepareChange(plan, loaded, generation + 1, await announce(this.#started, plan));
    } catch (error) {
      return refused([messageOf(error)]);
    }
    try {
      await this.#build(change);
    } catch (error) {
      await this.#abandon(change);
      return refused([messageOf(error)]);
    }
    this.#degradedFiles = loaded.degraded_files ?? [];
    const changes = planChanges(this.snapshot(), change.snapshot);
    const errors = await this.#apply(change);
    this.#complete = errors.length === 0;
    const restart = restartNotes(this.#planAtStart ?? plan, plan);
    this.#warn({ problems: [], warnings: restart });
    if (errors.length > 0)
      return { ok: false, acts: true, generation: generation + 1, problems: errors, changes };
    return {
      ok: true,
      changed: true,
      generation: generation + 1,
      changes,
      warnings: [...loaded.warnings, ...restart],
    };
  }

  #build({ snapshot, regions }: Change): Promise<void> {
    return this.#pool.prepare({ snapshot, regions, listeners: [], logs: [], shared: this.#shared.all });
  }

  async #abandon({ listeners, logs, regions }: Change): Promise<void> {
    await this.#pool.discard();
    listeners.abandon();
    logs.abandon();
    if (regions !== this.#regions) regions.abandon();
  }

  /**
   * Does what a reload does up to the point of no return, then takes it back: the result says what a reload would do.
   * Nothing that is seen from outside changes, and no log tells of it. Rejects only for defects of the program.
   */
  dryRun(): Promise<DryRunResult> {
    return this.#exclusively(() => this.#dryRun());
  }

  async #dryRun(): Promise<DryRunResult> {
    const { load, preview = load } = this.#options.parts;
    const acting = { snapshot: this.snapshot(), settings: this.settings() };
    const loaded = await loadFor(this.#state, preview, acting.snapshot);
    const { plan } = loaded;
    if (plan === null || this.#isCurrent(loaded))
      return dryRunResult(acting, loaded, plan === null, [], null);
    const problem = await this.#try(plan, loaded, acting.snapshot.generation + 1);
    return dryRunResult(acting, loaded, true, restartNotes(this.#planAtStart ?? plan, plan), problem);
  }

  /** Resolves with why the plan would be refused, or null. */
  async #try(plan: Plan, loaded: LoadedConfiguration, generation: number): Promise<string | null> {
    try {
      const change = this.#prepareChange(plan, loaded, generation, await announce(this.#started, plan), true);
      try {
        await this.#build(change);
      } finally {
        await this.#abandon(change);
      }
      return null;
    } catch (error) {
      return messageOf(error);
    } finally {
      for (const part of this.#started) part.planDropped?.();
    }
  }

  #isCurrent({ plan, files }: LoadedConfiguration): boolean {
    return this.#complete && plan === this.snapshot().plan && files === this.snapshot().files;
  }

  /** The point of no return: every worker has built the new snapshot. Resolves with what went wrong, in words. */
  async #apply(change: Change): Promise<string[]> {
    const { removed } = change.listeners;
    if (removed.length > 0) {
      // While the old plan still acts, so that whatever waits on these addresses is answered by it.
      await this.#table.quiesce(removed);
      await this.#pool.closeListeners(removed);
      this.#table.close(removed);
    }
    const errors = this.#commit(change);
    await this.#pool.apply(change.snapshot);
    for (const log of change.logs.opened) await this.#pool.openLog(log);
    await this.#pool.resize(this.#workerCount(change.snapshot.plan));
    errors.push(...(await this.#pool.assign()));
    for (const part of this.#started) {
      try {
        await part.planChanged(change.snapshot.plan);
      } catch (error) {
        errors.push(messageOf(error));
      }
    }
    return errors;
  }

  report(event: RunEvent): void {
    this.#options.report(event);
  }

  publish(delta: SnapshotDelta): void {
    const snapshot = this.#acting;
    const changes = changesOf(snapshot, delta);
    if (isEmptyDelta(changes)) return;
    changeState(snapshot, changes);
    this.#pool.delta(changes);
    for (const part of this.#started) part.published?.(changes);
  }

  /** Opens the log files again, after they were moved away. */
  reopenLogs(): Promise<void> {
    // Other changes wait for the end of a drain; those who drain still write.
    if (this.#state === "draining") return this.#reopenLogs();
    return this.#exclusively(() => this.#reopenLogs());
  }

  async #reopenLogs(): Promise<void> {
    try {
      const change = this.#logs.change(this.snapshot().plan, true);
      // First: a worker that comes up meanwhile takes these.
      change.commit();
      for (const log of change.opened) await this.#pool.openLog(log);
    } catch (error) {
      this.#options.report({ event: "log_failed", level: "error", text: messageOf(error) });
    }
  }

  /**
   * Drains: no new connections, what is under way is finished, what is left at the deadlines is cut. Resolves when all
   * workers are gone. A second call waits for the same end.
   */
  stop(): Promise<void> {
    return (this.#ending ??= this.#exclusively(() => this.#stop()));
  }

  async #stop(): Promise<void> {
    this.#state = "draining";
    this.#stopWatching?.();
    for (const part of this.#started) part.draining?.();
    const drained = this.#pool.drain(KILL_GRACE_MS, false);
    await this.#acceptGrace();
    const { listeners } = this.#table;
    if (!this.#killed) await this.#table.quiesce(listeners);
    await this.#pool.closeListeners(listeners);
    // From now on connections are refused instead of left without an answer.
    this.#table.close(listeners);
    await drained;
    await this.#predecessors?.ended();
    await this.#stopParts();
    this.#closeAll();
  }

  /** True while those before us have not been relieved: addresses may be theirs as well. */
  get takingOver(): boolean {
    return this.#state === "starting" && this.#predecessors !== null;
  }

  /** What a successor takes over. */
  possessions(): Possessions {
    const sockets = this.#table.listeners.flatMap(({ key, sockets: held }) =>
      held.map(({ fd }) => ({ key, fd })),
    );
    const regions = this.#pool
      .regions()
      .map(({ pid, regions: { layout, counters } }) => ({ pid, layout, fd: counters.fd }));
    const limits = this.#regions!.inheritance;
    return { generation: this.snapshot().generation, sockets, regions, limits };
  }

  /**
   * Lets `successor` start beside this one, with no change in between. It resolves with the addresses whose sockets the
   * successor accepts on, or rejects when there will be none; then everything goes on as before.
   */
  async handOver(successor: () => Promise<ReadonlySet<string>>): Promise<void> {
    const held = await this.#exclusively(async () => {
      if (this.#state !== "serving") throw new Error("not serving: a drain has begun");
      const addresses = await successor();
      this.#state = "draining";
      return addresses;
    });
    this.#ending ??= this.#exclusively(() => this.#leave(held));
  }

  /** Ends like `stop`, but leaves the addresses of `held` to a successor. */
  async #leave(held: ReadonlySet<string>): Promise<void> {
    this.#stopWatching?.();
    await this.#stopParts();
    this.#started.length = 0;
    const drained = this.#pool.drain(KILL_GRACE_MS, true);
    const { listeners } = this.#table;
    await this.#table.quiesce(listeners.filter(({ key }) => !held.has(key)));
    await this.#pool.closeListeners(listeners);
    this.#table.close(listeners);
    await drained;
    await this.#predecessors?.ended();
    this.#closeAll();
  }

  /** New connections are still answered for a while, so that balancers in front see that this one is not ready. */
  async #acceptGrace(): Promise<void> {
    const graceMs = this.#snapshot?.plan.timeouts.drain_accept ?? 0;
    if (graceMs === 0 || this.#killed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#endGrace = resolve;
    const timer = setTimeout(resolve, graceMs);
    await promise;
    clearTimeout(timer);
  }

  /** Ends everything at once: connections are cut. `stop` then resolves. */
  kill(): void {
    this.#killed = true;
    this.#endGrace();
    this.#pool.kill();
    this.#predecessors?.kill();
  }
}
