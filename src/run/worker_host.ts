/** The worker's side of every order, around a program: the same in a process of its own and in the supervisor's. */
import type { AskedRequest, PlaneExplanation } from "../core/explain/answer.ts";
import type { ListenerPlan } from "../core/plan.ts";
import type { Snapshot, SnapshotDelta } from "../core/snapshot.ts";
import type { CounterLayout, CounterRegions, DrainDeadlines, WorkerProgram } from "../core/worker_program.ts";
import {
  closeDescriptor,
  duplicateSocket,
  openHandshakes,
  queuedConnections,
  refuseNewConnections,
} from "../platform/sockets.ts";
import { runInSlices } from "../platform/slices.ts";
import { queuesEmpty } from "./empty_queues.ts";

export interface OpenSlot {
  readonly key: string;
  readonly slot: number;
  /** The host's own: the program may change the one that it accepts on. */
  readonly fd: number;
}

export class WorkerHost {
  readonly #program: WorkerProgram;
  readonly #open = new Map<string, OpenSlot>();
  #regions: CounterRegions | null = null;
  #preparedRegions: CounterRegions | null = null;
  #prepared = false;

  constructor(program: WorkerProgram) {
    this.#program = program;
  }

  /** True once a snapshot acts. */
  get serving(): boolean {
    return this.#regions !== null;
  }

  /** Builds `snapshot`; `regions` null = those in use go on. Throws what the program throws. */
  async prepare(snapshot: Snapshot, regions: CounterRegions | null): Promise<void> {
    if (this.#prepared) this.discard();
    this.#preparedRegions = regions ?? this.#regions;
    if (this.#preparedRegions === null) throw new Error("the first snapshot needs counter regions");
    try {
      const work = this.#program.prepare(snapshot, this.#preparedRegions);
      if (work !== undefined) await ("then" in work ? work : runInSlices(work));
      this.#prepared = true;
    } catch (error) {
      this.#program.discard();
      throw error;
    }
  }

  apply(): void {
    if (!this.#prepared) throw new Error("nothing is prepared");
    this.#prepared = false;
    this.#regions = this.#preparedRegions;
    this.#program.apply();
  }

  discard(): void {
    this.#prepared = false;
    this.#preparedRegions = null;
    this.#program.discard();
  }

  /** Takes over `fd`. A slot that is open already stays as it is. */
  openListener(key: string, listener: ListenerPlan, slot: number, fd: number): void {
    const id = `${slot} ${key}`;
    if (this.#open.has(id)) return closeDescriptor(fd);
    const own = duplicateSocket(fd);
    try {
      this.#program.openListener(key, listener, slot, fd);
    } catch (error) {
      closeDescriptor(own);
      throw error;
    }
    this.#open.set(id, { key, slot, fd: own });
  }

  closeListener(key: string, slot: number): void {
    const id = `${slot} ${key}`;
    const open = this.#open.get(id);
    if (open === undefined) return;
    this.#open.delete(id);
    this.#program.closeListener(key, slot);
    closeDescriptor(open.fd);
  }

  closeAllListeners(): void {
    for (const { key, slot } of this.#open.values()) this.closeListener(key, slot);
  }

  openLog(name: string, fd: number): void {
    this.#program.openLog(name, fd);
  }

  shared(name: string, bytes: Uint8Array<ArrayBuffer> | null): void {
    this.#program.shared?.(name, bytes);
  }

  delta(delta: SnapshotDelta): void {
    this.#program.delta(delta);
  }

  /** Drains the program; a second call may bring the deadlines forward. */
  drain(deadlines: DrainDeadlines): Promise<void> {
    return this.#program.drain(deadlines);
  }

  /** Its sockets. */
  openSlots(): readonly OpenSlot[] {
    return [...this.#open.values()];
  }

  layout(): CounterLayout {
    return this.#program.layout();
  }

  /**
   * Ends a worker that has no supervisor any more. Addresses of `held` go on without it: another process accepts on the
   * same sockets. Those that nobody else holds are retired here. Resolves when no connection is left.
   */
  async retire(deadlines: DrainDeadlines, held: ReadonlySet<string>): Promise<void> {
    const drained = this.drain(deadlines);
    for (const { key, slot } of this.openSlots()) if (held.has(key)) this.closeListener(key, slot);
    const sockets = [...this.#open.values()].map(({ fd }) => fd);
    for (const fd of sockets) refuseNewConnections(fd);
    await queuesEmpty(sockets, { queued: queuedConnections, handshakes: openHandshakes });
    this.closeAllListeners();
    await drained;
  }

  /** Rejects with what the program throws. */
  async explain(request: AskedRequest): Promise<PlaneExplanation> {
    return runInSlices(this.#program.explain(request));
  }

  /** Plain JSON; null where the program has no such part. */
  ask(part: string, question: unknown): unknown {
    return this.#program.answer?.(part, question) ?? null;
  }

  stats(): Readonly<Record<string, number>> {
    return this.#program.stats();
  }
}
