/**
 * `runtime_dir`: where a running supervisor can be found and what the next one must know. It may be lost at boot.
 *
 * `control.sock` belongs to the living supervisor and is the lock of the directory; `pid` and `generation` hold a number
 * each; `workers/<pid>` names a worker with its start time, so that a supervisor that comes after a dead one finds those that
 * still serve, and `worker-<pid>.sock` is where it asks them for what they have.
 */
import { CONTROL_SOCKET } from "../core/defaults.ts";
import { messageOf } from "../core/text/message_of.ts";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { identify, isAlive, type ProcessIdentity } from "../platform/processes.ts";
import { checkOwnDirectory } from "./own_directory.ts";
import { ListenError, openListeningSocket } from "../platform/sockets.ts";

const CONTROL_BACKLOG = 16;
const TOTALS = "counters.json";
/** After this, files that could not be written are tried again. */
const RETRY_MS = 1_000;

/** Path of the control socket in a runtime directory. */
export function controlSocketPath(directory: string): string {
  return join(directory, CONTROL_SOCKET);
}

/** Path of the socket by which a worker whose supervisor has died is found. */
export function workerSocketPath(directory: string, pid: number): string {
  return join(directory, `worker-${pid}.sock`);
}

/** A number that a file of the directory holds, 0 when there is none. */
function readNumber(path: string): number {
  try {
    const value = Number(readFileSync(path, "utf8"));
    return Number.isSafeInteger(value) && value > 0 ? value : 0;
  } catch {
    return 0;
  }
}

/** Pid that a runtime directory names, 0 when it names none. Says nothing of whether it lives. */
export function recordedPid(directory: string): number {
  return readNumber(join(directory, "pid"));
}

/** Workers that the directory names and that live, whoever supervises them. */
export function livingWorkers(directory: string): ProcessIdentity[] {
  let names: string[];
  try {
    names = readdirSync(join(directory, "workers"));
  } catch {
    return [];
  }
  return names
    .map((name) => ({ pid: Number(name), start_time: readNumber(join(directory, "workers", name)) }))
    .filter((identity) => Number.isSafeInteger(identity.pid) && isAlive(identity));
}

/** Sockets that stand in the place of others that were removed: they belong to the caller. */
export interface RestoredSockets {
  /** -1 = the control socket is there still. */
  readonly control: number;
  /** By the pid of the worker that is to be found by it. */
  readonly workers: ReadonlyMap<number, number>;
}

export class RuntimeDirectory {
  readonly path: string;
  /** Generation of the supervisor before us, 0 = none. */
  readonly lastGeneration: number;

  readonly #warn: (text: string) => void;
  /** What the files hold or are to hold, by name. */
  readonly #values = new Map<string, string>();
  #retry: Timer | null = null;
  /** False while another supervisor owns the directory: before we take possession, and after a successor has. */
  #ours = false;

  /**
   * Throws Error in words for the operator when the directory cannot be made. Nothing throws later but `claim`: a program
   * that serves must not end because of its notes. `warn` is told once when they cannot be written; they are tried again
   * until they can.
   */
  constructor(path: string, warn: (text: string) => void) {
    this.path = path;
    this.#warn = warn;
    this.#make(path);
    checkOwnDirectory("runtime_dir", path);
    this.#make(join(path, "workers"));
    this.lastGeneration = readNumber(join(path, "generation"));
  }

  #make(folder: string): void {
    try {
      mkdirSync(folder, { recursive: true, mode: 0o755 });
    } catch (error) {
      throw new Error(`cannot use runtime_dir ${this.path}: ${messageOf(error)}`, { cause: error });
    }
  }

  /**
   * Takes possession of a directory that no living supervisor owns. Gives back the listening control socket, which then
   * belongs to the caller. Throws Error in words for the operator when another supervisor lives there.
   */
  claim(): number {
    const socket = openControlSocket(this.path);
    this.#removeDead();
    this.#own();
    return socket;
  }

  /** Takes possession from a living supervisor. Gives back the control socket that stands in the place of its own. */
  succeed(): number {
    const path = controlSocketPath(this.path);
    const socket = privateSocket(`${path}.new`);
    renameSync(`${path}.new`, path);
    this.#own();
    return socket;
  }

  #own(): void {
    this.#ours = true;
    this.#record("pid", process.pid);
  }

  /** Living workers that are not ours: of the supervisor before us, or of a successor that ended before it served. */
  orphans(): ProcessIdentity[] {
    return livingWorkers(this.path).filter(({ pid }) => !this.#values.has(join("workers", String(pid))));
  }

  /** What names workers that are gone. */
  #removeDead(): void {
    const living = new Set(livingWorkers(this.path).map(({ pid }) => String(pid)));
    for (const name of readdirSync(join(this.path, "workers")))
      if (!living.has(name)) this.#remove(join("workers", name));
    for (const name of readdirSync(this.path)) {
      const pid = /^worker-(\d+)\.sock$/.exec(name)?.[1];
      if (pid !== undefined && !living.has(pid)) this.#remove(name);
    }
  }

  #record(name: string, value: string | number): void {
    if (!this.#ours && !name.startsWith("workers/")) return;
    const text = `${value}\n`;
    this.#values.set(name, text);
    // Whatever is missing is written together.
    if (this.#retry !== null) return;
    try {
      this.#write(name, text);
    } catch {
      this.#writeAll();
    }
  }

  /** Makes the directory anew and writes every file, now or as soon as that can be done. */
  #writeAll(): void {
    try {
      mkdirSync(join(this.path, "workers"), { recursive: true, mode: 0o755 });
      for (const [name, text] of this.#values) this.#write(name, text);
      if (this.#retry !== null) clearInterval(this.#retry);
      this.#retry = null;
      this.#removeDead();
    } catch (error) {
      if (this.#retry !== null) return;
      this.#warn(`cannot write to runtime_dir ${this.path}, which is tried again: ${messageOf(error)}`);
      this.#retry = setInterval(() => this.#writeAll(), RETRY_MS).unref();
    }
  }

  /** Replaces a file as a whole, so that no reader sees half. */
  #write(name: string, text: string): void {
    const target = join(this.path, name);
    writeFileSync(`${target}.new`, text, { mode: 0o644 });
    renameSync(`${target}.new`, target);
  }

  recordGeneration(generation: number): void {
    this.#record("generation", generation);
  }

  /** Keeps the totals of counters for a supervisor that comes after ours. */
  recordTotals(totals: object): void {
    this.#record(TOTALS, JSON.stringify(totals));
  }

  /** The totals that the supervisor before us has left, or null when there are none that can be read. */
  readTotals(): object | null {
    try {
      const totals: unknown = JSON.parse(readFileSync(join(this.path, TOTALS), "utf8"));
      return typeof totals === "object" ? totals : null;
    } catch {
      return null;
    }
  }

  /**
   * Gives back the listening socket of the worker, which belongs to the caller, or -1 when it cannot be made. A worker that
   * has gone already is not recorded.
   */
  addWorker(pid: number): number {
    const identity = identify(pid);
    if (identity === null) return -1;
    this.#record(join("workers", String(pid)), identity.start_time);
    try {
      return privateSocket(workerSocketPath(this.path, pid));
    } catch (error) {
      // Told already where the directory as a whole is the matter.
      if (this.#retry === null)
        this.#warn(`worker pid ${pid} cannot be found by a later supervisor: ${messageOf(error)}`);
      return -1;
    }
  }

  /**
   * Makes anew what others have removed (a cleaner of temporary files, an operator): files, and the sockets by which we and
   * our workers are found. Null when nothing is missing or nothing can be made; that is told as for every other file.
   */
  restore(): RestoredSockets | null {
    if (!this.#ours) return null;
    const names = new Set(this.#names());
    const pids = [...this.#values.keys()].flatMap((name) => /^workers\/(\d+)$/.exec(name)?.[1] ?? []);
    const lost = pids.filter((pid) => !names.has(`worker-${pid}.sock`)).map(Number);
    if (names.has(CONTROL_SOCKET) && names.has("pid") && lost.length === 0) return null;
    this.#writeAll();
    if (this.#retry !== null) return null;
    const control = names.has(CONTROL_SOCKET) ? -1 : this.#socket(controlSocketPath(this.path));
    const workers = lost.map((pid) => [pid, this.#socket(workerSocketPath(this.path, pid))] as const);
    return { control, workers: new Map(workers.filter(([, fd]) => fd >= 0)) };
  }

  #names(): string[] {
    try {
      return readdirSync(this.path);
    } catch {
      return [];
    }
  }

  /** A listening socket, or -1 when it cannot be made: it is tried again. */
  #socket(path: string): number {
    try {
      return privateSocket(path);
    } catch {
      return -1;
    }
  }

  removeWorker(pid: number): void {
    const name = join("workers", String(pid));
    this.#values.delete(name);
    this.#remove(name);
    this.removeSocket(pid);
  }

  /** The worker does not listen there. */
  removeSocket(pid: number): void {
    this.#remove(`worker-${pid}.sock`);
  }

  /** A successor owns the directory from now on. */
  leave(): void {
    this.#ours = false;
    for (const name of this.#values.keys()) if (!name.startsWith("workers/")) this.#values.delete(name);
  }

  /** Leaves the directory to the next supervisor; the generation stays. */
  release(): void {
    if (this.#retry !== null) clearInterval(this.#retry);
    this.#retry = null;
    if (!this.#ours) return;
    this.#remove(CONTROL_SOCKET);
    this.#remove("pid");
  }

  /** All has ended in order: the next supervisor counts from zero. */
  forgetTotals(): void {
    if (!this.#ours) return;
    this.#values.delete(TOTALS);
    this.#remove(TOTALS);
  }

  #remove(name: string): void {
    try {
      rmSync(join(this.path, name), { force: true });
    } catch {
      // A file that stays names a process that is gone: whoever reads it sees that.
    }
  }
}

/** A listening socket that only its owner and root can connect to. Throws ListenError. */
function privateSocket(path: string): number {
  const address = { kind: "unix", path, mode: 0o600, user: null, group: null } as const;
  return openListeningSocket(address, { backlog: CONTROL_BACKLOG, reusePort: false, exclusive: false }).fd;
}

function openControlSocket(directory: string): number {
  try {
    return privateSocket(controlSocketPath(directory));
  } catch (error) {
    if (!(error instanceof ListenError) || !error.message.endsWith("a living process listens there"))
      throw error;
    const pid = recordedPid(directory);
    const who = pid === 0 ? "another process" : `pid ${pid}`;
    throw new Error(`already running as ${who} with runtime_dir ${directory}`, { cause: error });
  }
}
