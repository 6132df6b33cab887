/** The supervisor process: signals, runtime directory and control socket around a supervisor. */
import { messageOf } from "../core/text/message_of.ts";
import { onSignals, type SignalName } from "../platform/signals.ts";
import { isAlive, raiseOpenFileLimit } from "../platform/processes.ts";
import type { ChildWorker } from "./child_worker.ts";
import { serveControl, type ControlServer } from "./control_socket.ts";
import type { Report } from "./events.ts";
import { InProcessWorker } from "./in_process_worker.ts";
import type { RunParts } from "./parts.ts";
import { reloadEvent } from "./reload_text.ts";
import { RuntimeDirectory } from "./runtime_directory.ts";
import { loopTurn } from "./slices.ts";
import type { SpareWorkers } from "./spare_workers.ts";
import { StartError, Supervisor, type Claim } from "./supervisor.ts";
import type { WorkerHandle } from "./worker_handle.ts";

/** A terminal and a launcher may both pass on one Ctrl-C: a second signal within this time is the same wish. */
const SAME_SIGNAL_MS = 1_000;

export interface RunProcessOptions {
  readonly parts: RunParts;
  /** Launches workers; some may have been launched already. */
  readonly workers: SpareWorkers;
  readonly report: Report;
}

class RunProcess {
  readonly #options: RunProcessOptions;
  readonly #supervisor: Supervisor;
  #directory: RuntimeDirectory | null = null;
  #control: ControlServer | null = null;
  #stoppingSince = 0;
  #killed = false;
  readonly #ended = Promise.withResolvers<number>();

  constructor(options: RunProcessOptions) {
    this.#options = options;
    const { parts, report, workers } = options;
    this.#supervisor = new Supervisor({
      parts,
      report,
      launch: (index) => this.#recorded(workers.take(index)),
      launchInProcess: () => new InProcessWorker(parts.createProgram),
      claim: (plan) => this.#claim(plan.runtime_dir),
      acts: (generation) => this.#directory?.recordGeneration(generation),
    });
  }

  async run(): Promise<number> {
    onSignals((name) => this.#signal(name));
    raiseOpenFileLimit();
    try {
      await this.#supervisor.start();
    } catch (error) {
      const problems = error instanceof StartError ? error.message.split("\n") : [messageOf(error)];
      for (const text of problems) this.#options.report({ event: "start_refused", level: "error", text });
      this.#release();
      return 1;
    } finally {
      this.#options.workers.end();
    }
    this.#reportReady();
    this.#dismissOrphans();
    return this.#ended.promise;
  }

  #claim(path: string): Claim {
    const { report } = this.#options;
    const directory = new RuntimeDirectory(path, (text) =>
      report({ event: "runtime_dir_failed", level: "warning", text, fields: { path } }),
    );
    this.#directory = directory;
    this.#control = serveControl(directory.controlSocket, ({ command }) => this.#order(command));
    return { generation: directory.lastGeneration + 1, orphansLive: directory.orphans.length > 0 };
  }

  #recorded(worker: ChildWorker): WorkerHandle {
    this.#directory?.addWorker(worker.pid);
    void worker.exited.then(() => this.#directory?.removeWorker(worker.pid));
    return worker;
  }

  #reportReady(): void {
    const { report } = this.#options;
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
    const text = `ready (pid ${process.pid}${admin === null ? "" : `, admin on ${admin}`})`;
    report({ event: "ready", level: "info", text, fields: { pid: process.pid, listeners, admin } });
  }

  /** Workers of a supervisor that died serve an old plan: ours have taken over, so they drain. */
  #dismissOrphans(): void {
    for (const identity of this.#directory?.orphans ?? []) {
      if (!isAlive(identity)) continue;
      const text = `worker pid ${identity.pid} of the supervisor before is drained`;
      this.#options.report({
        event: "orphan_drained",
        level: "warning",
        text,
        fields: { pid: identity.pid },
      });
      process.kill(identity.pid, "SIGTERM");
    }
  }

  #signal(name: SignalName): void {
    const { report } = this.#options;
    if (name === "SIGHUP") void this.#reload();
    else if (name === "SIGUSR1") void this.#supervisor.reopenLogs();
    else if (name === "SIGUSR2")
      report({
        event: "upgrade_refused",
        level: "warning",
        text: "upgrade is not available in this version",
      });
    else this.#terminate(name);
  }

  #terminate(name: SignalName): void {
    const now = performance.now();
    if (this.#stoppingSince === 0) {
      this.#stoppingSince = now;
      this.#options.report({
        event: "stopping",
        level: "info",
        text: `${name}: draining, once more ends at once`,
      });
      void this.#stop();
    } else if (now - this.#stoppingSince > SAME_SIGNAL_MS) {
      this.#killed = true;
      this.#supervisor.kill();
    }
  }

  async #reload() {
    const result = await this.#supervisor.reload();
    this.#options.report(reloadEvent(result));
    return result;
  }

  async #stop(): Promise<void> {
    await this.#supervisor.stop();
    // Whoever asked for it by the control socket gets the answer first.
    await loopTurn();
    this.#options.report({
      event: "stopped",
      level: "info",
      text: this.#killed ? "ended at once" : "stopped",
    });
    this.#release();
    this.#ended.resolve(this.#killed ? 1 : 0);
  }

  #release(): void {
    this.#control?.stop();
    this.#directory?.release();
  }

  async #order(command: string): Promise<object> {
    switch (command) {
      case "reload":
        return this.#reload();
      case "status":
        return { ok: true, ...(await this.#supervisor.status()) };
      case "stop":
        if (this.#stoppingSince === 0) this.#terminate("SIGTERM");
        await this.#supervisor.stop();
        return { ok: true, pid: process.pid };
      default:
        throw new Error(`unknown command ${JSON.stringify(command)}; known: reload, status, stop`);
    }
  }
}

/** Runs until the program has been told to end. Resolves with the exit code. */
export function runProcess(options: RunProcessOptions): Promise<number> {
  return new RunProcess(options).run();
}
