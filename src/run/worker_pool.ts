/**
 * The workers: started, kept at one per slot, replaced when they die, brought to every new snapshot. A socket of a slot
 * whose worker is away is served by another one meanwhile.
 */
import { messageOf } from "../core/text/message_of.ts";
import type { Snapshot, SnapshotDelta } from "../core/snapshot.ts";
import {
  ENDING_IDLE_MS,
  RELIEVED_IDLE_MS,
  type DrainDeadlines,
  type TellPart,
} from "../core/worker_program.ts";
import type { SharedBytes } from "../platform/shared_memory.ts";
import type { RegionSet, WorkerRegions } from "./counter_regions.ts";
import type { Report } from "./events.ts";
import type { HeldListener } from "./listener_table.ts";
import type { LogFile } from "./log_files.ts";
import type { LaunchWorker, WorkerHandle } from "./worker_handle.ts";
import { WorkerMember } from "./worker_member.ts";

/** A worker that lived this long does not count as one that dies at once. */
const STABLE_MS = 5_000;
const FIRST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 5_000;
/** A worker that has not answered by then is left out: it may be stuck. */
const ANSWER_LIMIT_MS = 1_000;
/** Deaths before the first success after which a start is given up. */
const START_ATTEMPTS = 3;

/** What every worker must have at this moment. */
export interface WorkerTarget {
  readonly snapshot: Snapshot;
  readonly regions: RegionSet;
  readonly listeners: readonly HeldListener[];
  readonly logs: readonly LogFile[];
  /** Memory that documents name. */
  readonly shared: ReadonlyMap<string, SharedBytes>;
}

/** Who workers change to once they have started. */
export interface Account {
  readonly user: string | null;
  readonly group: string | null;
}

export interface PoolOptions {
  readonly launch: LaunchWorker;
  /** The same for all workers, whenever they start: a reload changes nobody's rights. */
  readonly account: () => Account;
  /** Asked again and again: always what acts now. */
  readonly target: () => WorkerTarget;
  readonly report: Report;
  /** A worker has died and is replaced. */
  readonly workerEnded: () => void;
  /** A worker has something for a part of the supervisor. */
  readonly told: TellPart;
}

export interface WorkerStatus {
  readonly index: number;
  readonly pid: number;
  readonly ready: boolean;
  readonly generation: number;
  /** Replaced or no longer wanted; ends when its connections do. */
  readonly draining: boolean;
  readonly stats: Readonly<Record<string, number>> | null;
}

/** What is known of a worker at once, without asking it. */
export type WorkerVitals = Omit<WorkerStatus, "stats">;

export class WorkerPool {
  readonly #options: PoolOptions;
  /** By slot; null while a slot waits for its next attempt. */
  #members: (WorkerMember | null)[] = [];
  readonly #draining = new Set<WorkerMember>();
  /** Those that still accept until their successor is ready. */
  readonly #leaving = new Map<number, WorkerMember>();
  readonly #deaths = new Map<number, number>();
  readonly #retries = new Set<Timer>();
  /** Slots move in one piece of work at a time. */
  #assigning: Promise<string[]> = Promise.resolve([]);
  #started = false;
  #stopping = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#members.length;
  }

  /** Workers that take requests. */
  get readyCount(): number {
    return this.#ready.length;
  }

  /**
   * Starts `count` workers and resolves when all of them accept. Rejects with the worker's own words when a snapshot
   * cannot be built, or when a worker died three times before it was ready.
   */
  async start(count: number): Promise<void> {
    this.#members = Array.from({ length: count }, () => null);
    await Promise.all(this.#members.map((_, index) => this.#startFirst(index)));
    this.#started = true;
    const errors = await this.assign();
    if (errors.length > 0) throw new Error(errors[0]);
  }

  async #startFirst(index: number): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const member = this.#launch(index);
      const died = member.handle.exited.then(
        (text) => new Error(`worker ${index} ended at its start: ${text}`),
      );
      try {
        await this.#bringUp(member);
        this.#watch(member, index);
        return;
      } catch (error) {
        // A refusal comes from a living worker: another one would say the same.
        const death = await Promise.race([died, Bun.sleep(50).then(() => null)]);
        member.handle.kill();
        await died;
        member.gone();
        if (death === null) throw error;
        if (attempt >= START_ATTEMPTS || this.#stopping) throw death;
      }
    }
  }

  #launch(index: number): WorkerMember {
    const handle = this.#options.launch(index);
    const { pid } = handle;
    handle.onWarning = (said) => {
      const text = `worker ${index} (pid ${pid}): ${said}`;
      this.#options.report({ event: "worker_warning", level: "warning", text, fields: { index, pid } });
    };
    handle.onTold = this.#options.told;
    const member = new WorkerMember(handle);
    this.#members[index] = member;
    return member;
  }

  /** Brings a worker to what acts now, listeners excepted. */
  async #bringUp(member: WorkerMember): Promise<void> {
    const { target, account } = this.#options;
    const { user, group } = account();
    await member.handle.start(user, group);
    member.takeShared(target().shared);
    do await this.#update(member, target());
    while (member.generation !== target().snapshot.generation);
    let logs: readonly LogFile[];
    do {
      logs = target().logs;
      for (const log of logs) await member.handle.openLog(log.name, log.fd);
      // Reopened meanwhile (rotation), for those that were ready.
    } while (logs !== target().logs);
    member.ready = true;
  }

  async #update(member: WorkerMember, target: WorkerTarget): Promise<void> {
    await member.prepare(target.snapshot, target.regions);
    await member.handle.apply();
    member.applied(target.snapshot.generation);
  }

  /** Replaces a worker that was ready once it is gone, or wants to leave. */
  #watch(member: WorkerMember, index: number): void {
    const since = performance.now();
    member.handle.onLeaving = () => void this.#succeed(member, index);
    void member.handle.exited.then((text) => {
      member.gone();
      if (this.#draining.delete(member) || this.#stopping || this.#members[index] !== member) return;
      if (performance.now() - since >= STABLE_MS) this.#deaths.delete(index);
      const pid = member.handle.pid;
      const note = `worker ${index} (pid ${pid}) ended (${text}) and is replaced`;
      this.#options.workerEnded();
      this.#options.report({
        event: "worker_ended",
        level: "error",
        text: note,
        fields: { index, pid, reason: text },
      });
      this.#members[index] = null;
      void this.assign();
      this.#retry(index);
    });
  }

  /** Starts the next worker of a slot: at once after a first death, later and later after further ones. */
  #retry(index: number): void {
    const deaths = (this.#deaths.get(index) ?? 0) + 1;
    this.#deaths.set(index, deaths);
    const wait = deaths === 1 ? 0 : Math.min(LONGEST_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (deaths - 2));
    const timer = setTimeout(() => {
      this.#retries.delete(timer);
      if (!this.#stopping && index < this.#members.length) void this.#replace(index);
    }, wait);
    this.#retries.add(timer);
  }

  /** Fills a slot; a worker that waits to be relieved of it then drains. */
  async #replace(index: number): Promise<void> {
    const member = await this.#launchAgain(index);
    if (member === null) return;
    const { pid } = member.handle;
    const text = `worker ${index} (pid ${pid}) is ready`;
    this.#options.report({ event: "worker_ready", level: "info", text, fields: { index, pid } });
    await this.assign();
    const relieved = this.#leaving.get(index);
    this.#leaving.delete(index);
    if (relieved !== undefined) await this.#dismiss([relieved]);
  }

  /** A ready worker in the slot, or null when that failed (the next attempt is then on its way). */
  async #launchAgain(index: number): Promise<WorkerMember | null> {
    let member: WorkerMember | null = null;
    try {
      member = this.#launch(index);
      await this.#bringUp(member);
      this.#watch(member, index);
      return member;
    } catch (error) {
      member?.handle.kill();
      await member?.handle.exited;
      member?.gone();
      if (this.#stopping || this.#members[index] !== member) return null;
      this.#members[index] = null;
      const text = `worker ${index} cannot start: ${messageOf(error)}`;
      this.#options.report({ event: "worker_failed", level: "error", text, fields: { index } });
      this.#retry(index);
      return null;
    }
  }

  /** A worker asked to leave (SIGTERM to it alone): its successor takes over before it drains. */
  async #succeed(member: WorkerMember, index: number): Promise<void> {
    if (this.#stopping || this.#draining.has(member) || this.#members[index] !== member) return;
    this.#draining.add(member);
    const { pid } = member.handle;
    const text = `worker ${index} (pid ${pid}) was asked to end and is replaced`;
    this.#options.report({ event: "worker_leaving", level: "info", text, fields: { index, pid } });
    this.#leaving.set(index, member);
    await this.#replace(index);
  }

  /** Closes the listeners of workers that are not wanted any more and lets them drain in the background. */
  async #dismiss(members: readonly WorkerMember[]): Promise<void> {
    const deadlines = this.#deadlines(RELIEVED_IDLE_MS);
    for (const member of members) {
      this.#draining.add(member);
      await member.closeOthers(() => false);
      member.handle.drain(deadlines).catch(() => {});
    }
  }

  #deadlines(idleMs: number): DrainDeadlines {
    const { drain, drain_tunnels } = this.#options.target().snapshot.plan.timeouts;
    return { requestsMs: drain, tunnelsMs: drain_tunnels, idleMs };
  }

  get #ready(): WorkerMember[] {
    return this.#members.filter((member): member is WorkerMember => member?.ready === true);
  }

  /** The worker to ask what all of them know, or null. */
  get firstReady(): WorkerHandle | null {
    return this.#ready[0]?.handle ?? null;
  }

  /**
   * Builds `target` in every ready worker beside what runs. Rejects with the words of the first one that cannot; a
   * worker that dies meanwhile is no obstacle. Follow it with `apply` or `discard`.
   */
  async prepare(target: WorkerTarget): Promise<void> {
    const errors: unknown[] = [];
    await Promise.all(
      this.#ready.map(async (member) => {
        try {
          await member.prepare(target.snapshot, target.regions);
        } catch (error) {
          if (member.ready) errors.push(error);
        }
      }),
    );
    if (errors.length > 0) throw errors[0];
  }

  async discard(): Promise<void> {
    await Promise.all(
      this.#ready.map(async (member) => {
        await member.handle.discard().catch(() => {});
        member.discarded();
      }),
    );
  }

  /** Swaps the prepared snapshot in; workers that came up meanwhile are brought to it too. */
  async apply(prepared: Snapshot): Promise<void> {
    const { target } = this.#options;
    await Promise.all(
      this.#ready.map(async (member) => {
        try {
          if (member.generation === prepared.generation) return;
          await member.handle.apply();
          member.applied(prepared.generation);
        } catch {
          // It came up after `prepare` and has the snapshot before; or it died and its successor gets the new one.
          await this.#update(member, target()).catch(() => member.handle.kill());
        }
      }),
    );
  }

  /** Grows or shrinks to `count` workers. Resolves when the new ones are ready or have failed once. */
  async resize(count: number): Promise<void> {
    const surplus = this.#members.splice(count).filter((member) => member !== null);
    for (const member of surplus) if (!member.ready) member.handle.kill();
    const served = surplus.filter((member) => member.ready);
    for (const member of served) this.#draining.add(member);
    const fresh: Promise<unknown>[] = [];
    while (this.#members.length < count) {
      this.#members.push(null);
      fresh.push(this.#launchAgain(this.#members.length - 1));
    }
    await Promise.all(fresh);
    await this.assign();
    await this.#dismiss(served);
  }

  /** Gives every socket of every listener to a ready worker. Resolves with what went wrong, in words. */
  assign(): Promise<string[]> {
    if (!this.#started) return Promise.resolve([]);
    this.#assigning = this.#assigning.then(() => this.#assignNow());
    return this.#assigning;
  }

  async #assignNow(): Promise<string[]> {
    const ready = this.#ready;
    const wanted = new Map(
      ready.map((member) => [member, new Map<string, { listener: HeldListener; slot: number }>()]),
    );
    for (const listener of this.#options.target().listeners) {
      for (let slot = 0; slot < listener.sockets.length; slot++) {
        const preferred = this.#members[slot % Math.max(1, this.#members.length)];
        const owner = preferred?.ready === true ? preferred : ready[slot % Math.max(1, ready.length)];
        if (owner !== undefined) wanted.get(owner)?.set(`${slot} ${listener.key}`, { listener, slot });
      }
    }
    const errors = await Promise.all([...wanted].map(([member, slots]) => member.open(slots)));
    // Only now: a socket is never without a worker that accepts on it.
    await Promise.all([...wanted].map(([member, slots]) => member.closeOthers((id) => slots.has(id))));
    return errors.flat();
  }

  /** Stops to accept on these addresses in every worker, draining ones included. */
  async closeListeners(listeners: readonly HeldListener[]): Promise<void> {
    const keys = new Set(listeners.map(({ key }) => key));
    const members = [...this.#ready, ...this.#draining];
    await Promise.all(members.map((member) => member.closeOthers((_, key) => !keys.has(key))));
  }

  /** What workers count in, by the pid of each. */
  regions(): { pid: number; regions: WorkerRegions }[] {
    const members = [...this.#members.filter((member) => member !== null), ...this.#draining];
    return members.flatMap(({ handle, regions }) => (regions === null ? [] : [{ pid: handle.pid, regions }]));
  }

  async openLog(log: LogFile): Promise<void> {
    const members = [...this.#ready, ...this.#draining];
    await Promise.all(members.map((member) => member.handle.openLog(log.name, log.fd).catch(() => {})));
  }

  share(name: string, memory: SharedBytes): void {
    for (const member of [...this.#members, ...this.#draining]) member?.share(name, memory);
  }

  unshare(name: string): void {
    for (const member of [...this.#members, ...this.#draining]) member?.unshare(name);
  }

  delta(delta: SnapshotDelta): void {
    for (const member of [...this.#members, ...this.#draining]) member?.delta(delta);
  }

  /** Tells every worker to drain; `relieved` = another process serves from now on. Resolves when all are gone; those left at the deadline for tunnels are killed. */
  async drain(graceMs: number, relieved: boolean): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#retries) clearTimeout(timer);
    const deadlines = this.#deadlines(relieved ? RELIEVED_IDLE_MS : ENDING_IDLE_MS);
    const members = [...this.#members.filter((member) => member !== null), ...this.#draining];
    const limit = Math.max(deadlines.requestsMs, deadlines.tunnelsMs) + graceMs;
    const timer = setTimeout(() => this.kill(), limit);
    await Promise.all(
      members.map(async (member) => {
        if (!member.ready) member.handle.kill();
        await member.handle.drain(deadlines).catch(() => {});
        await member.handle.exited;
        member.gone();
      }),
    );
    clearTimeout(timer);
  }

  /** Ends every worker at once. */
  kill(): void {
    this.#stopping = true;
    for (const member of [...this.#members, ...this.#draining]) member?.handle.kill();
  }

  /** Ends every worker at once and resolves when all are gone. */
  async end(): Promise<void> {
    this.kill();
    const members = [...this.#members.filter((member) => member !== null), ...this.#draining];
    await Promise.all(members.map((member) => member.handle.exited));
    for (const member of members) member.gone();
  }

  get #living(): WorkerMember[] {
    return [...new Set([...this.#members.filter((member) => member !== null), ...this.#draining])];
  }

  #vitalsOf(member: WorkerMember): WorkerVitals {
    const { handle, ready, generation } = member;
    const { index, pid } = handle;
    return { index, pid, ready, generation, draining: this.#draining.has(member) };
  }

  vitals(): WorkerVitals[] {
    return this.#living.map((member) => this.#vitalsOf(member));
  }

  /** What all workers answer that serve or finish what they have; those that do not answer in time are left out. */
  async ask(part: string, question: unknown): Promise<unknown[]> {
    const asked = this.#living.filter(({ ready }) => ready);
    const answers = await Promise.all(asked.map(({ handle }) => orNull(handle.ask(part, question))));
    return answers.filter((answer) => answer !== null);
  }

  async status(): Promise<WorkerStatus[]> {
    return Promise.all(
      this.#living.map(async (member) => ({
        ...this.#vitalsOf(member),
        stats: member.ready ? await orNull(member.handle.stats()) : null,
      })),
    );
  }
}

function orNull<Answer>(answer: Promise<Answer>): Promise<Answer | null> {
  const { promise, resolve } = Promise.withResolvers<Answer | null>();
  const timer = setTimeout(() => resolve(null), ANSWER_LIMIT_MS);
  answer.then(resolve, () => resolve(null)).finally(() => clearTimeout(timer));
  return promise;
}
