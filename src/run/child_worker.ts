/** A worker in a process of its own: orders over IPC, descriptors over a socketpair. */
import type { AskedRequest, PlaneExplanation } from "../core/explain/answer.ts";
import type { ListenerPlan } from "../core/plan.ts";
import type { Snapshot, SnapshotDelta } from "../core/snapshot.ts";
import type { DrainDeadlines, TellPart } from "../core/worker_program.ts";
import { workerLogDescriptor } from "../observe/log_file.ts";
import { descriptorChannel, sendDescriptors } from "../platform/fd_passing.ts";
import type { SharedBytes } from "../platform/shared_memory.ts";
import { closeDescriptor } from "../platform/sockets.ts";
import type { WorkerRegions } from "./counter_regions.ts";
import { VERSION } from "../core/version.ts";
import type { Notice, Order, ToSupervisor } from "./messages.ts";
import { forgetParts, sharedParts } from "./snapshot_parts.ts";
import type { ExitText, WorkerHandle } from "./worker_handle.ts";

/** A worker that has not answered an order for so long is stuck and is killed. */
const ORDER_LIMIT_MS = 60_000;

/** How a process ended, in words. */
function exitText(code: number | null, signal: string | number | null): ExitText {
  return signal === null ? `exit code ${code ?? "unknown"}` : `signal ${signal}`;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
  readonly timer: Timer | null;
}

export class ChildWorker implements WorkerHandle {
  readonly index: number;
  readonly pid: number;
  readonly exited: Promise<ExitText>;
  onLeaving: (() => void) | null = null;
  onWarning: ((text: string) => void) | null = null;
  onTold: TellPart | null = null;
  /** Listening socket by which a later supervisor finds the worker, -1 = none; passed on at the start. */
  successors = -1;

  readonly #child: Bun.Subprocess;
  readonly #channel: number;
  readonly #up = Promise.withResolvers<void>();
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  /** What the worker has put together last, null = nothing or not known. */
  #base: Snapshot | null = null;
  #gone = false;

  /** Starts `command` with the worker's end of the descriptor channel as descriptor 3. Throws when it cannot. */
  constructor(index: number, command: readonly string[]) {
    this.index = index;
    const [ours, theirs] = descriptorChannel();
    this.#channel = ours;
    const ended = Promise.withResolvers<ExitText>();
    this.exited = ended.promise;
    this.#up.promise.catch(() => {});
    try {
      this.#child = Bun.spawn([...command], {
        // What lists of processes show.
        argv0: process.execPath,
        stdio: ["ignore", "inherit", "inherit", theirs],
        serialization: "json",
        ipc: (message) => this.#receive(message as ToSupervisor),
        onExit: (_, code, signal) => {
          const text = exitText(code, this.#child.signalCode ?? signal);
          this.#end(text);
          ended.resolve(text);
        },
      });
    } catch (error) {
      closeDescriptor(ours);
      throw error;
    } finally {
      closeDescriptor(theirs);
    }
    this.pid = this.#child.pid;
  }

  async start(user: string | null, group: string | null): Promise<void> {
    await this.#up.promise;
    const { successors } = this;
    this.successors = -1;
    try {
      await this.#order(
        { type: "start", index: this.index, user, group },
        successors < 0 ? [] : [successors],
      );
    } finally {
      if (successors >= 0) closeDescriptor(successors);
    }
  }

  async prepare(snapshot: Snapshot, regions: WorkerRegions | null): Promise<void> {
    const base = this.#base;
    // Until the worker has said that it has it, nothing is known of what it has.
    this.#base = null;
    for (const part of sharedParts(snapshot, base)) this.#tell({ type: "part", part });
    if (regions === null) await this.#order({ type: "prepare", regions: null });
    else {
      const { counters, limits, limitRow, limitRows } = regions;
      const sizes = { counters: counters.numbers.length, limits: limits.numbers.length, limitRow, limitRows };
      await this.#order({ type: "prepare", regions: sizes }, [counters.fd, limits.fd]);
    }
    this.#base = snapshot;
    forgetParts(snapshot);
  }

  async apply(): Promise<void> {
    await this.#order({ type: "apply" });
  }

  async discard(): Promise<void> {
    await this.#order({ type: "discard" });
  }

  async openListener(key: string, listener: ListenerPlan, slot: number, fd: number): Promise<void> {
    await this.#order({ type: "open_listener", key, listener, slot }, [fd]);
  }

  async closeListener(key: string, slot: number): Promise<void> {
    await this.#order({ type: "close_listener", key, slot });
  }

  async openLog(name: string, fd: number): Promise<void> {
    const own = workerLogDescriptor(fd);
    try {
      await this.#order({ type: "open_log", name }, [own]);
    } finally {
      closeDescriptor(own);
    }
  }

  /** From now on a later supervisor finds the worker by `fd`, of which it gets its own copy. */
  async meetSuccessors(fd: number): Promise<void> {
    await this.#order({ type: "meet_successors" }, [fd]);
  }

  async share(name: string, { fd }: SharedBytes): Promise<void> {
    await this.#order({ type: "share", name }, [fd]);
  }

  async unshare(name: string): Promise<void> {
    await this.#order({ type: "unshare", name });
  }

  delta(delta: SnapshotDelta): void {
    this.#tell({ type: "delta", delta });
  }

  async drain(deadlines: DrainDeadlines): Promise<void> {
    await this.#order({ type: "drain", deadlines }, [], 0);
  }

  async explain(request: AskedRequest): Promise<PlaneExplanation> {
    return (await this.#order({ type: "explain", request })) as PlaneExplanation;
  }

  ask(part: string, question: unknown): Promise<unknown> {
    return this.#order({ type: "ask", part, question });
  }

  async stats(): Promise<Readonly<Record<string, number>>> {
    return (await this.#order({ type: "stats" })) as Readonly<Record<string, number>>;
  }

  kill(): void {
    if (!this.#gone) this.#child.kill("SIGKILL");
  }

  #tell(notice: Notice): void {
    if (this.#gone) return;
    try {
      this.#child.send(notice);
    } catch {
      // The channel of a process that ends is closed before its end is told: the notice has no receiver.
    }
  }

  /** Sends an order and waits for its reply. `limitMs` 0 = as long as it takes. */
  #order(order: Order, descriptors: readonly number[] = [], limitMs = ORDER_LIMIT_MS): Promise<unknown> {
    if (this.#gone) return Promise.reject(new Error(`worker ${this.index} is gone`));
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const timer = limitMs === 0 ? null : setTimeout(() => this.kill(), limitMs);
    timer?.unref();
    this.#waiting.set(id, { resolve, reject, timer });
    try {
      if (descriptors.length > 0) sendDescriptors(this.#channel, id, descriptors);
      this.#child.send({ ...order, id, descriptors: descriptors.length });
    } catch (error) {
      this.#settle(id, error instanceof Error ? error : new Error(String(error)), undefined);
    }
    return promise;
  }

  #settle(id: number, error: Error | null, value: unknown): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    if (waiting.timer !== null) clearTimeout(waiting.timer);
    if (error === null) waiting.resolve(value);
    else waiting.reject(error);
  }

  #receive(message: ToSupervisor): void {
    switch (message.type) {
      case "up":
        return this.#greeted(message.version);
      case "leaving":
        return this.onLeaving?.();
      case "told":
        return this.onTold?.(message.part, message.message);
      case "warning":
        return this.onWarning?.(message.text);
      case "reply":
        return this.#settle(
          message.id,
          message.error === null ? null : new Error(message.error),
          message.value,
        );
      default:
        message satisfies never;
    }
  }

  #greeted(version: string): void {
    if (version === VERSION) return this.#up.resolve();
    const said = `it is of version ${version} and its supervisor of ${VERSION}; start the program anew`;
    this.#up.reject(new Error(said));
  }

  #end(text: ExitText): void {
    this.#gone = true;
    closeDescriptor(this.#channel);
    const error = new Error(`worker ${this.index} (pid ${this.pid}) ended: ${text}`);
    this.#up.reject(error);
    for (const id of this.#waiting.keys()) this.#settle(id, error, undefined);
  }
}
