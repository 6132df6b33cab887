/** The supervisor process: signals, runtime directory and control socket around a supervisor. */
import { messageOf } from "../core/text/message_of.ts";
import type { Plan } from "../core/plan.ts";
import { VERSION } from "../core/version.ts";
import { closeDescriptor } from "../platform/sockets.ts";
import { onSignals, type SignalName } from "../platform/signals.ts";
import { raiseOpenFileLimit } from "../platform/processes.ts";
import type { CounterKeeper } from "../core/worker_program.ts";
import type { ChildWorker } from "./child_worker.ts";
import type { Claim } from "./claim.ts";
import { serveControl, type ControlPeer, type ControlRequest, type ControlServer } from "./control_socket.ts";
import type { Report, RunEvent } from "./events.ts";
import { HAND_OVER, REFUSE, RELIEVE, type HandedOver, type HandOverRequest } from "./hand_over.ts";
import { InProcessWorker } from "./in_process_worker.ts";
import type { RunParts } from "./parts.ts";
import { Predecessors } from "./predecessors.ts";
import { RuntimeDirectory } from "./runtime_directory.ts";
import { ServiceManager, type ServiceEnvironment } from "./service_manager.ts";
import { loopTurn } from "../platform/slices.ts";
import type { SpareWorkers } from "./spare_workers.ts";
import { StateLock } from "./state_lock.ts";
import { StartError } from "./start_error.ts";
import { Supervisor } from "./supervisor.ts";
import { Upgrade, type UpgradeResult } from "./upgrade.ts";
import type { WorkerHandle } from "./worker_handle.ts";

/** A terminal and a launcher may both pass on one Ctrl-C: a second signal within this time is the same wish. */
const SAME_SIGNAL_MS = 1_000;
/** How often it is looked whether the runtime directory is whole. */
const LOOK_MS = 1_000;
/** Totals of counters are written at most so often, save when a worker ends. */
const SAVE_MS = 100;
/** Rest after a reload before its memory is given back. */
const TIDY_MS = 1_000;

export interface RunProcessOptions {
  readonly parts: RunParts;
  /** Launches workers; some may have been launched already. */
  readonly workers: SpareWorkers;
  readonly report: Report;
  /** A supervisor runs already, and this one takes its place. */
  readonly takeOver: boolean;
  /** Program and arguments that start this program anew, to take over. */
  readonly command: readonly string[];
}

class RunProcess {
  readonly #options: RunProcessOptions;
  readonly #supervisor: Supervisor;
  /** The keeper of all counters; what it keeps also goes to the runtime directory. */
  readonly #counters: CounterKeeper;
  readonly #manager: ServiceManager;
  #stateLock: StateLock | null = null;
  #directory: RuntimeDirectory | null = null;
  /** Workers that the directory names, by pid. */
  readonly #named = new Map<number, ChildWorker>();
  #looking: Timer | null = null;
  #control: ControlServer | null = null;
  #stoppingSince = 0;
  #killed = false;
  #tidying: Timer | null = null;
  #saving: Timer | null = null;
  #predecessors: Predecessors | null = null;
  #upgrading: Upgrade | null = null;
  /** The upgrade that was begun last. */
  #upgraded: Promise<UpgradeResult> | null = null;
  /** Pid of the one that has relieved this one, 0 = none. */
  #successor = 0;
  readonly #ended = Promise.withResolvers<number>();

  constructor(options: RunProcessOptions) {
    this.#options = options;
    const { parts, workers } = options;
    const { counters } = parts;
    this.#manager = new ServiceManager(process.env as ServiceEnvironment, (text) =>
      this.#report({ event: "service_manager_failed", level: "warning", text }),
    );
    this.#counters = {
      layout: (plan) => counters.layout(plan),
      retire: (layout, values) => {
        counters.retire(layout, values);
        this.#saveTotals();
      },
      totals: () => counters.totals(),
      adopt: (totals) => counters.adopt(totals),
    };
    this.#supervisor = new Supervisor({
      parts: { ...parts, counters: this.#counters },
      report: (event) => this.#report(event),
      launch: (index) => this.#recorded(workers.take(index)),
      launchInProcess: () => new InProcessWorker(parts.createProgram),
      claim: (plan) => this.#claim(plan),
      acts: (generation) => {
        this.#directory?.recordGeneration(generation);
        this.#tidySoon();
      },
    });
  }

  #report(event: RunEvent): void {
    this.#options.report(event);
    // What the supervisor counts, it also tells.
    if (event.event === "worker_ended") this.#saveTotals();
    else this.#saveSoon();
  }

  async run(): Promise<number> {
    onSignals((name) => this.#signal(name));
    raiseOpenFileLimit();
    try {
      await this.#supervisor.start();
    } catch (error) {
      const problems = error instanceof StartError ? error.message.split("\n") : [messageOf(error)];
      for (const text of problems) this.#report({ event: "start_refused", level: "error", text });
      this.#release();
      return 1;
    } finally {
      this.#options.workers.end();
    }
    this.#looking = setInterval(() => this.#restoreDirectory(), LOOK_MS).unref();
    this.#reportReady();
    return this.#ended.promise;
  }

  async #claim({ runtime_dir: path, state_dir }: Plan): Promise<Claim> {
    const directory = new RuntimeDirectory(path, (text) =>
      this.#report({ event: "runtime_dir_failed", level: "warning", text, fields: { path } }),
    );
    this.#directory = directory;
    const predecessors = new Predecessors(this.#counters, {
      relieving: () => this.#relieving(),
      gone: (pid) => {
        directory.removeWorker(pid);
        this.#supervisor.predecessorGone();
      },
      silent: (pid, why) => {
        const text = `worker pid ${pid} of the supervisor before hands nothing over: ${why}`;
        this.#report({ event: "predecessor_silent", level: "warning", text, fields: { pid } });
      },
    });
    this.#predecessors = predecessors;
    if (this.#options.takeOver) {
      this.#lockState(state_dir);
      const { generation, sockets, limits } = await predecessors.adoptSupervisor(path);
      await predecessors.countRelieved(path, directory.orphans());
      this.#adoptTotals(directory.readTotals());
      return {
        generation: Math.max(generation, directory.lastGeneration) + 1,
        predecessors,
        sockets,
        limits,
      };
    }
    this.#serveControl(directory.claim());
    this.#lockState(state_dir);
    this.#adoptTotals(directory.readTotals());
    const { sockets, limits } = await predecessors.adoptWorkers(path, directory.orphans());
    const generation = directory.lastGeneration + 1;
    return {
      generation,
      predecessors: predecessors.pids.length === 0 ? null : predecessors,
      sockets,
      limits,
    };
  }

  /** Throws Error in words for the operator when another program keeps its state there. */
  #lockState(path: string): void {
    const warn = (text: string) =>
      this.#report({ event: "state_failed", level: "warning", text, fields: { path } });
    this.#stateLock = new StateLock(path, { succeeds: this.#options.takeOver, warn });
  }

  /** Workers that a successor has left behind, which ended before it served: they may accept on our own sockets. */
  async #dismissStrangers(): Promise<void> {
    const directory = this.#directory;
    const strangers = directory?.orphans() ?? [];
    if (directory === null || strangers.length === 0) return;
    const left = new Predecessors(this.#counters, {
      relieving() {},
      gone: (pid) => directory.removeWorker(pid),
      // Not by SIGTERM: a worker without a supervisor then turns new connections away, on sockets that are ours.
      silent: (pid) => process.kill(pid, "SIGKILL"),
    });
    const { sockets, limits } = await left.adoptWorkers(directory.path, strangers);
    for (const { fd } of sockets) closeDescriptor(fd);
    if (limits !== null) closeDescriptor(limits.region.fd);
    left.relieve(this.#supervisor.possessions().sockets.map(({ key }) => key));
  }

  #serveControl(socket: number): void {
    this.#control = serveControl(socket, (request, peer) => this.#order(request, peer));
  }

  /** Our workers accept: who was there before is told to go, and the directory is ours. */
  #relieving(): void {
    for (const pid of this.#predecessors?.pids ?? []) {
      const text = `pid ${pid}, which served before, is relieved`;
      this.#report({ event: "predecessor_relieved", level: "info", text, fields: { pid } });
    }
    if (!this.#options.takeOver || this.#directory === null) return;
    this.#serveControl(this.#directory.succeed());
    this.#directory.recordGeneration(this.#supervisor.snapshot().generation);
  }

  #adoptTotals(totals: object | null): void {
    if (totals === null) return;
    try {
      this.#counters.adopt(totals);
    } catch (error) {
      const text = `the counters of the supervisor before are lost: ${messageOf(error)}`;
      this.#report({ event: "counters_lost", level: "warning", text });
    }
  }

  /** Counters that nobody writes to any more must outlive this process. */
  #saveTotals(): void {
    if (this.#saving !== null) clearTimeout(this.#saving);
    this.#saving = null;
    this.#directory?.recordTotals(this.#counters.totals());
  }

  /**
   * Gives the memory of what was loaded back, when no other reload has followed at once: the runtime lets its heap grow to
   * more than twice the size first. It takes some ten milliseconds, so not where requests are served too.
   */
  #tidySoon(): void {
    if (this.#tidying !== null) clearTimeout(this.#tidying);
    this.#tidying = setTimeout(() => {
      this.#tidying = null;
      if (this.#supervisor.snapshot().plan.workers > 0) Bun.gc(true);
    }, TIDY_MS).unref();
  }

  #saveSoon(): void {
    this.#saving ??= setTimeout(() => this.#saveTotals(), SAVE_MS).unref();
  }

  #recorded(worker: ChildWorker): WorkerHandle {
    const { pid } = worker;
    worker.successors = this.#directory?.addWorker(pid) ?? -1;
    this.#named.set(pid, worker);
    void worker.exited.then(() => {
      this.#named.delete(pid);
      this.#directory?.removeWorker(pid);
    });
    return worker;
  }

  /** What makes this program and its workers be found must not be lost while it runs. */
  #restoreDirectory(): void {
    const restored = this.#directory?.restore() ?? null;
    if (restored === null) return;
    const { control, workers } = restored;
    if (control >= 0) {
      this.#control?.stop();
      this.#serveControl(control);
    }
    for (const [pid, socket] of workers) {
      const worker = this.#named.get(pid);
      // One that has not started yet has no use for it: it is looked for again.
      const met = worker?.meetSuccessors(socket) ?? Promise.reject(new Error("the worker is gone"));
      void met.catch(() => this.#directory?.removeSocket(pid)).finally(() => closeDescriptor(socket));
    }
    const path = this.#directory?.path;
    const text = `runtime_dir ${path} has lost files and is made anew`;
    this.#report({ event: "runtime_dir_restored", level: "warning", text, fields: { path } });
  }

  #reportReady(): void {
    const report = (event: RunEvent) => this.#report(event);
    const listeners = this.#supervisor.listeners();
    const [admin = null] = this.#supervisor.partAddresses;
    for (const { name, address, port } of listeners) {
      const host = address.includes(":") && port !== 0 ? `[${address}]` : address;
      const where = port === 0 ? address : `${host}:${port}`;
      report({
        event: "listening",
        level: "info",
        text: `listener ${name} on ${where}`,
        fields: { name, address, port },
      });
    }
    const served = listeners.map(({ name }) => name).join(", ");
    this.#manager.ready(`serving on ${served}`, !this.#options.takeOver);
    const text = `ready (pid ${process.pid}${admin === null ? "" : `, admin on ${admin}`})`;
    report({ event: "ready", level: "info", text, fields: { pid: process.pid, listeners, admin } });
  }

  #signal(name: SignalName): void {
    if (name === "SIGHUP") void this.#reloadOrPassOn();
    else if (name === "SIGUSR1") this.#reopenLogs();
    else if (name === "SIGUSR2") void this.#upgrade();
    else this.#terminate(name);
  }

  /** Starts the program anew beside this one, which ends when the new one serves. Never rejects. */
  #upgrade(): Promise<UpgradeResult> {
    if (this.#upgrading !== null)
      return Promise.resolve({ ok: false, problems: ["an upgrade is under way already"] });
    return (this.#upgraded = this.#runUpgrade());
  }

  async #runUpgrade(): Promise<UpgradeResult> {
    const upgrade = new Upgrade(this.#options.command);
    this.#upgrading = upgrade;
    try {
      this.#saveTotals();
      await this.#supervisor.handOver(() => upgrade.run());
    } catch (error) {
      this.#upgrading = null;
      const problems = messageOf(error).split("\n");
      for (const text of problems) this.#report({ event: "upgrade_refused", level: "error", text });
      await this.#dismissStrangers();
      return { ok: false, problems };
    }
    const { pid } = upgrade;
    this.#successor = pid;
    const text = `pid ${pid} has taken over: what is under way here is finished`;
    this.#report({ event: "relieved", level: "info", text, fields: { pid } });
    this.#manager.succeededBy(pid);
    this.#stoppingSince = performance.now();
    this.#directory?.leave();
    this.#stateLock?.release();
    this.#control?.stop();
    this.#control = null;
    void this.#stop();
    return { ok: true, pid };
  }

  #terminate(name: SignalName): void {
    const now = performance.now();
    if (this.#stoppingSince === 0) {
      this.#stoppingSince = now;
      this.#report({
        event: "stopping",
        level: "info",
        text: `${name}: draining, once more ends at once`,
      });
      this.#upgrading?.refused([`given up: ${name}`]);
      this.#manager.stopping();
      void this.#stop();
    } else if (now - this.#stoppingSince > SAME_SIGNAL_MS) {
      this.#killed = true;
      this.#supervisor.kill();
    }
  }

  /** A signal that came too late for this program is its successor's. */
  async #reloadOrPassOn(): Promise<void> {
    await this.#upgraded;
    if (this.#successor === 0) await this.#supervisor.reload({ by: "SIGHUP" });
    else passOn(this.#successor, "SIGHUP");
  }

  /** Workers of the supervisor before may drain still, and write to the same files. */
  #reopenLogs(): void {
    void this.#supervisor.reopenLogs();
    const predecessor = this.#predecessors?.supervisor ?? 0;
    if (predecessor !== 0) passOn(predecessor, "SIGUSR1");
  }

  async #stop(): Promise<void> {
    await this.#supervisor.stop();
    // Whoever asked for it by the control socket gets the answer first.
    await loopTurn();
    this.#report({
      event: "stopped",
      level: "info",
      text: this.#killed ? "ended at once" : "stopped",
    });
    this.#directory?.forgetTotals();
    this.#release();
    this.#ended.resolve(this.#killed ? 1 : 0);
  }

  #release(): void {
    if (this.#looking !== null) clearInterval(this.#looking);
    if (this.#saving !== null) clearTimeout(this.#saving);
    this.#saving = null;
    this.#manager.close();
    this.#stateLock?.release();
    this.#control?.stop();
    this.#directory?.release();
  }

  async #order(request: ControlRequest, peer: ControlPeer): Promise<object> {
    const { command } = request;
    switch (command) {
      case "reload":
        return this.#supervisor.reload({ by: peer.name });
      // Not a field of the other: a program that does not know it must not reload.
      case "reload_dry_run":
        return this.#supervisor.dryRun();
      case "status":
        return { ok: true, ...(await this.#supervisor.status()) };
      case "stop":
        if (this.#stoppingSince === 0) this.#terminate("SIGTERM");
        await this.#supervisor.stop();
        return { ok: true, pid: process.pid };
      case "upgrade":
        return this.#upgrade();
      case HAND_OVER:
      case RELIEVE:
      case REFUSE:
        return this.#answerSuccessor(request as HandOverRequest, peer);
      default: {
        const handler = this.#supervisor.command(command);
        if (handler !== null) return handler(request, peer);
        throw new Error(`unknown command ${JSON.stringify(command)}; known: reload, status, stop, upgrade`);
      }
    }
  }

  #answerSuccessor(request: HandOverRequest, peer: ControlPeer): object {
    const upgrade = this.#upgrading;
    if (upgrade === null) throw new Error("no upgrade is under way");
    switch (request.command) {
      case HAND_OVER:
        return this.#handOver(peer);
      case RELIEVE:
        upgrade.relieved(request.held);
        return { ok: true };
      case REFUSE:
        upgrade.refused(request.problems);
        return { ok: true };
    }
  }

  #handOver(peer: ControlPeer): HandedOver {
    const { generation, sockets, regions, limits } = this.#supervisor.possessions();
    peer.sendDescriptors([...sockets, ...regions, limits.region].map(({ fd }) => fd));
    return {
      ok: true,
      version: VERSION,
      pid: process.pid,
      supervised: false,
      generation,
      sockets: sockets.map(({ key }) => ({ key })),
      regions: regions.map(({ pid, layout }) => ({ pid, layout })),
      limits: [{ key: limits.key, rows: limits.rows, numbers: limits.region.numbers.length }],
    };
  }
}

function passOn(pid: number, signal: SignalName): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended.
  }
}

/** Runs until the program has been told to end. Resolves with the exit code. */
export function runProcess(options: RunProcessOptions): Promise<number> {
  return new RunProcess(options).run();
}
