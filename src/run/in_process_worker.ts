/** A worker inside the supervisor's own process (`workers: 0`): the same orders without messages. */
import type { AskedRequest, PlaneExplanation } from "../core/explain/answer.ts";
import type { ListenerPlan } from "../core/plan.ts";
import type { Snapshot, SnapshotDelta } from "../core/snapshot.ts";
import type { CreateProgram, DrainDeadlines, TellPart, WorkerProgram } from "../core/worker_program.ts";
import { workerLogDescriptor } from "../observe/log_file.ts";
import { dropPrivileges } from "../platform/processes.ts";
import type { SharedBytes } from "../platform/shared_memory.ts";
import { duplicateSocket } from "../platform/sockets.ts";
import { programRegions, type WorkerRegions } from "./counter_regions.ts";
import type { ExitText, WorkerHandle } from "./worker_handle.ts";
import { WorkerHost } from "./worker_host.ts";
import { WorkerWarnings } from "./worker_warnings.ts";

export class InProcessWorker implements WorkerHandle {
  readonly index = 0;
  readonly pid = process.pid;
  readonly exited: Promise<ExitText>;
  onLeaving: (() => void) | null = null;
  onWarning: ((text: string) => void) | null = null;
  onTold: TellPart | null = null;

  readonly #create: CreateProgram;
  readonly #exit = Promise.withResolvers<ExitText>();
  readonly #warnings = new WorkerWarnings((text) => this.onWarning?.(text));
  #host: WorkerHost | null = null;

  constructor(create: CreateProgram) {
    this.#create = create;
    this.exited = this.#exit.promise;
  }

  /** The program that runs, for tests and the admin part. Null before `start`. */
  program: WorkerProgram | null = null;

  get #started(): WorkerHost {
    if (this.#host === null) throw new Error("worker has not started");
    return this.#host;
  }

  async start(user: string | null, group: string | null): Promise<void> {
    this.program = await this.#create({ index: 0, inProcess: true }, this.#warnings.warn, (part, message) =>
      this.onTold?.(part, message),
    );
    this.#host = new WorkerHost(this.program);
    dropPrivileges(user, group);
  }

  prepare(snapshot: Snapshot, regions: WorkerRegions | null): Promise<void> {
    return this.#started.prepare(snapshot, regions === null ? null : programRegions(regions));
  }

  async apply(): Promise<void> {
    this.#started.apply();
  }

  async discard(): Promise<void> {
    this.#started.discard();
  }

  async openListener(key: string, listener: ListenerPlan, slot: number, fd: number): Promise<void> {
    this.#started.openListener(key, listener, slot, duplicateSocket(fd));
  }

  async closeListener(key: string, slot: number): Promise<void> {
    this.#started.closeListener(key, slot);
  }

  async openLog(name: string, fd: number): Promise<void> {
    this.#started.openLog(name, workerLogDescriptor(fd));
  }

  async share(name: string, { bytes }: SharedBytes): Promise<void> {
    this.#started.shared(name, bytes);
  }

  async unshare(name: string): Promise<void> {
    this.#started.shared(name, null);
  }

  delta(delta: SnapshotDelta): void {
    this.#started.delta(delta);
  }

  async drain(deadlines: DrainDeadlines): Promise<void> {
    await this.#started.drain(deadlines);
    this.#exit.resolve("drained");
  }

  explain(request: AskedRequest): Promise<PlaneExplanation> {
    return this.#started.explain(request);
  }

  async ask(part: string, question: unknown): Promise<unknown> {
    return this.#started.ask(part, question);
  }

  async stats(): Promise<Readonly<Record<string, number>>> {
    return this.#started.stats();
  }

  kill(): void {
    const host = this.#host;
    if (host === null) return this.#exit.resolve("killed");
    host.closeAllListeners();
    void host.drain({ requestsMs: 0, tunnelsMs: 0, idleMs: 0 }).finally(() => this.#exit.resolve("killed"));
  }
}
