/**
 * The worker process: takes orders from its supervisor and keeps serving when the supervisor is gone. The composition
 * root calls `runWorker` for the command `worker`; signal handlers are installed before.
 */
import { messageOf } from "../core/text/message_of.ts";
import { VERSION } from "../core/version.ts";
import {
  ENDING_IDLE_MS,
  RELIEVED_IDLE_MS,
  type CreateProgram,
  type DrainDeadlines,
} from "../core/worker_program.ts";
import { ProcessLog, type LogFormat } from "../observe/log.ts";
import { receiveDescriptors } from "../platform/fd_passing.ts";
import { dropPrivileges, raiseOpenFileLimit, takeNameOfParent } from "../platform/processes.ts";
import { mapBytes, mapRegion } from "../platform/shared_memory.ts";
import { onSignals } from "../platform/signals.ts";
import { closeDescriptor } from "../platform/sockets.ts";
import { serveControl, type ControlPeer, type ControlRequest, type ControlServer } from "./control_socket.ts";
import { HAND_OVER, REFUSE, RELIEVE, type HandedOver, type HandOverRequest } from "./hand_over.ts";
import { HeapTidier } from "./heap_tidier.ts";
import {
  DESCRIPTOR_CHANNEL,
  type Order,
  type RegionSizes,
  type ToSupervisor,
  type ToWorker,
} from "./messages.ts";
import { SnapshotAssembler, type SnapshotPart } from "./snapshot_parts.ts";
import { WorkerHost } from "./worker_host.ts";
import { WorkerWarnings } from "./worker_warnings.ts";

/** Shared memory in which workers count against limits. */
interface HeldLimits {
  readonly fd: number;
  readonly rows: number;
  /** Its size. */
  readonly numbers: number;
}

class WorkerProcess {
  readonly #create: CreateProgram;
  readonly #format: LogFormat;
  readonly #warnings = new WorkerWarnings((text) => this.#warn(text));
  /** Where warnings go when the supervisor is gone. */
  #log: ProcessLog | null = null;
  readonly #assembler = new SnapshotAssembler();
  #host: WorkerHost | null = null;
  /** Answers a supervisor that comes after ours. */
  #successors: ControlServer | null = null;
  /** Descriptor of the region of counters that acts, -1 = none: for a supervisor that comes after ours. */
  #counters = -1;
  #preparedCounters = -1;
  /** The same for limits. */
  #limits: HeldLimits | null = null;
  #preparedLimits: HeldLimits | null = null;
  /** Of the snapshot that was prepared last. */
  #generation = 0;
  #deadlines: DrainDeadlines = { requestsMs: 0, tunnelsMs: 0, idleMs: 0 };
  #preparedDeadlines: DrainDeadlines = this.#deadlines;
  /** Orders are carried out one after the other, in the order in which they came. */
  #last: Promise<void> = Promise.resolve();

  constructor(create: CreateProgram, format: LogFormat) {
    this.#create = create;
    this.#format = format;
  }

  receive(message: ToWorker): void {
    if (message.type === "part") return this.#assembler.add(JSON.parse(message.part) as SnapshotPart);
    if (message.type === "delta") {
      const { delta } = message;
      this.#last = this.#last.then(() => this.#host?.delta(delta));
      return;
    }
    const { id, descriptors, ...order } = message;
    const received = descriptors > 0 ? this.#descriptors(id) : [];
    if (order.type === "drain") {
      // Takes up to the drain deadline: listeners must be closed meanwhile.
      void this.#reply(id, () => this.#drain(order.deadlines)).then(() => process.exit(0));
      return;
    }
    this.#last = this.#last.then(() => this.#reply(id, () => this.#carryOut(order, received)));
  }

  /** Ends by itself when asked: with a supervisor it is replaced first, without one it retires its own sockets. */
  terminate(): void {
    if (process.connected) send({ type: "leaving" });
    else void this.#retire(new Set(), ENDING_IDLE_MS);
  }

  /** Ends without a supervisor; another process accepts on the addresses of `held`. */
  async #retire(held: ReadonlySet<string>, idleMs = RELIEVED_IDLE_MS): Promise<void> {
    await this.#host?.retire({ ...this.#deadlines, idleMs }, held);
    process.exit(0);
  }

  /** Answers a supervisor that comes after ours. */
  #answerSuccessor(request: ControlRequest, peer: ControlPeer): object {
    if (process.connected && request.command !== HAND_OVER)
      throw new Error("this worker has a supervisor, which is to be asked");
    const host = this.#host;
    if (host === null) throw new Error("this worker has not started");
    const order = request as HandOverRequest;
    switch (order.command) {
      case HAND_OVER:
        return this.#handOver(host, peer);
      case RELIEVE:
        void this.#retire(new Set(order.held));
        return { ok: true };
      case REFUSE:
        return { ok: true };
      default:
        order satisfies never;
        throw new Error(
          `unknown command ${JSON.stringify(request.command)}; known: ${HAND_OVER}, ${RELIEVE}`,
        );
    }
  }

  #handOver(host: WorkerHost, peer: ControlPeer): HandedOver {
    const { pid } = process;
    const supervised = process.connected;
    const slots = supervised ? [] : host.openSlots();
    const layout = host.layout();
    const regions = this.#counters < 0 ? [] : [{ pid, layout }];
    const held = this.#limits === null ? [] : [this.#limits];
    peer.sendDescriptors([
      ...slots.map(({ fd }) => fd),
      ...regions.map(() => this.#counters),
      ...held.map(({ fd }) => fd),
    ]);
    const sockets = slots.map(({ key }) => ({ key }));
    const limits = held.map(({ rows, numbers }) => ({ key: layout.key, rows, numbers }));
    const generation = this.#generation;
    return { ok: true, version: VERSION, pid, supervised, generation, sockets, regions, limits };
  }

  /** The supervisor died. A worker that serves goes on; one that does not yet is of no use. */
  orphaned(): void {
    if (this.#host?.serving !== true) process.exit(1);
  }

  #warn(text: string): void {
    if (process.connected) return send({ type: "warning", text });
    this.#log ??= new ProcessLog({ format: this.#format });
    const { pid } = process;
    const said = `worker (pid ${pid}) without a supervisor: ${text}`;
    this.#log.write({ event: "worker_warning", level: "warning", text: said, fields: { pid } });
  }

  #descriptors(id: number): readonly number[] {
    const message = receiveDescriptors(DESCRIPTOR_CHANNEL);
    if (message?.value !== id) throw new Error(`descriptors of order ${id} are missing`);
    return message.descriptors;
  }

  async #reply(id: number, carryOut: () => unknown): Promise<void> {
    try {
      const value = await carryOut();
      send({ type: "reply", id, error: null, value });
    } catch (error) {
      send({ type: "reply", id, error: messageOf(error) });
    }
  }

  async #carryOut(
    order: Exclude<Order, { type: "drain" }>,
    descriptors: readonly number[],
  ): Promise<unknown> {
    const [fd = -1, second = -1] = descriptors;
    if (order.type === "start") return this.#start(order.index, order.user, order.group, fd);
    const host = this.#host;
    if (host === null) throw new Error("order before start");
    switch (order.type) {
      case "prepare":
        return this.#prepare(host, order.regions, fd, second);
      case "apply":
        this.#deadlines = this.#preparedDeadlines;
        this.#keepCounters();
        return host.apply();
      case "discard":
        this.#forgetPrepared();
        return host.discard();
      case "open_listener":
        return host.openListener(order.key, order.listener, order.slot, fd);
      case "close_listener":
        return host.closeListener(order.key, order.slot);
      case "share":
        return this.#share(host, order.name, fd);
      case "unshare":
        return host.shared(order.name, null);
      case "open_log":
        return host.openLog(order.name, fd);
      case "meet_successors":
        return this.#meetSuccessors(fd);
      case "explain":
        return host.explain(order.request);
      case "ask":
        return host.ask(order.part, order.question);
      case "stats":
        return host.stats();
      default:
        return order satisfies never;
    }
  }

  /** `successors`: the listening socket by which a later supervisor finds this worker. */
  async #start(index: number, user: string | null, group: string | null, successors: number): Promise<void> {
    raiseOpenFileLimit();
    this.#host = new WorkerHost(await this.#create({ index, inProcess: false }, this.#warnings.warn, tell));
    dropPrivileges(user, group);
    if (successors >= 0) this.#meetSuccessors(successors);
  }

  #share(host: WorkerHost, name: string, fd: number): void {
    try {
      host.shared(name, mapBytes(fd));
    } finally {
      closeDescriptor(fd);
    }
  }

  #meetSuccessors(socket: number): void {
    this.#successors?.stop();
    this.#successors = serveControl(socket, async (request, peer) => this.#answerSuccessor(request, peer));
  }

  #keepCounters(): void {
    if (this.#preparedCounters < 0) return;
    if (this.#counters >= 0) closeDescriptor(this.#counters);
    if (this.#limits !== null) closeDescriptor(this.#limits.fd);
    this.#counters = this.#preparedCounters;
    this.#limits = this.#preparedLimits;
    this.#preparedCounters = -1;
    this.#preparedLimits = null;
  }

  #forgetPrepared(): void {
    if (this.#preparedCounters >= 0) closeDescriptor(this.#preparedCounters);
    if (this.#preparedLimits !== null) closeDescriptor(this.#preparedLimits.fd);
    this.#preparedCounters = -1;
    this.#preparedLimits = null;
  }

  async #prepare(
    host: WorkerHost,
    sizes: RegionSizes | null,
    counters: number,
    limits: number,
  ): Promise<void> {
    const snapshot = this.#assembler.finish();
    this.#generation = snapshot.generation;
    const { drain, drain_tunnels } = snapshot.plan.timeouts;
    this.#preparedDeadlines = { requestsMs: drain, tunnelsMs: drain_tunnels, idleMs: RELIEVED_IDLE_MS };
    if (sizes === null) return host.prepare(snapshot, null);
    const { limitRow, limitRows } = sizes;
    const regions = {
      counters: mapRegion(counters, sizes.counters),
      limits: mapRegion(limits, sizes.limits),
      limitRow,
      limitRows,
    };
    this.#forgetPrepared();
    this.#preparedCounters = counters;
    this.#preparedLimits = { fd: limits, rows: limitRows, numbers: sizes.limits };
    return host.prepare(snapshot, regions);
  }

  async #drain(deadlines: DrainDeadlines): Promise<void> {
    await this.#last;
    await this.#host?.drain(deadlines);
  }
}

function tell(part: string, message: unknown): void {
  send({ type: "told", part, message });
}

function send(message: ToSupervisor): void {
  if (process.connected) process.send?.(message);
}

/**
 * Serves orders until the worker has drained. The process must have been started by a supervisor. `format`: how it writes
 * to standard error when that is gone.
 */
export function runWorker(create: CreateProgram, format: LogFormat): void {
  if (process.send === undefined) throw new Error("a worker is started by its supervisor, not by hand");
  takeNameOfParent();
  const worker = new WorkerProcess(create, format);
  process.on("message", (message) => worker.receive(message as ToWorker));
  new HeapTidier().start();
  process.on("disconnect", () => worker.orphaned());
  // SIGINT comes to the whole group from a terminal: the supervisor decides.
  onSignals((name) => {
    if (name === "SIGTERM") worker.terminate();
  });
  send({ type: "up", version: VERSION });
}
