/**
 * `runtime_dir`: where a running supervisor can be found and what the next one must know. It may be lost at boot.
 *
 * `control.sock` belongs to the living supervisor and is the lock of the directory; `pid` and `generation` hold a number
 * each; `workers/<pid>` names a worker with its start time, so that a supervisor that comes after a dead one finds those
 * that still serve.
 */
import { CONTROL_SOCKET } from "../core/defaults.ts";
import { messageOf } from "../core/text/message_of.ts";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { identify, isAlive, type ProcessIdentity } from "../platform/processes.ts";
import { ListenError, openListeningSocket } from "../platform/sockets.ts";

const CONTROL_BACKLOG = 16;
/** After this, files that could not be written are tried again. */
const RETRY_MS = 1_000;

/** Path of the control socket in a runtime directory. */
export function controlSocketPath(directory: string): string {
  return join(directory, CONTROL_SOCKET);
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

export class RuntimeDirectory {
  readonly path: string;
  /** Listening control socket; whoever serves it takes it over. */
  readonly controlSocket: number;
  /** Generation of the supervisor before us, 0 = none. */
  readonly lastGeneration: number;
  /** Workers of the supervisor before us that still serve. */
  readonly orphans: readonly ProcessIdentity[];

  readonly #warn: (text: string) => void;
  /** What the files hold or are to hold, by name. */
  readonly #values = new Map<string, number>();
  #retry: Timer | null = null;

  /**
   * Takes possession. Throws Error in words for the operator when another supervisor lives there, or it cannot be made.
   * Nothing throws later: a program that serves must not end because of its notes. `warn` is told once when they cannot
   * be written; they are tried again until they can.
   */
  constructor(path: string, warn: (text: string) => void) {
    this.path = path;
    this.#warn = warn;
    try {
      mkdirSync(join(path, "workers"), { recursive: true, mode: 0o755 });
    } catch (error) {
      throw new Error(`cannot use runtime_dir ${path}: ${messageOf(error)}`, { cause: error });
    }
    this.controlSocket = openControlSocket(path);
    this.lastGeneration = readNumber(join(path, "generation"));
    this.orphans = livingWorkers(path);
    this.#record("pid", process.pid);
  }

  #record(name: string, value: number): void {
    this.#values.set(name, value);
    // Whatever is missing is written together.
    if (this.#retry !== null) return;
    try {
      this.#write(name, value);
    } catch {
      this.#writeAll();
    }
  }

  /** Makes the directory anew and writes every file, now or as soon as that can be done. */
  #writeAll(): void {
    try {
      mkdirSync(join(this.path, "workers"), { recursive: true, mode: 0o755 });
      for (const [name, value] of this.#values) this.#write(name, value);
      if (this.#retry !== null) clearInterval(this.#retry);
      this.#retry = null;
    } catch (error) {
      if (this.#retry !== null) return;
      this.#warn(`cannot write to runtime_dir ${this.path}, which is tried again: ${messageOf(error)}`);
      this.#retry = setInterval(() => this.#writeAll(), RETRY_MS).unref();
    }
  }

  /** Replaces a file as a whole, so that no reader sees half. */
  #write(name: string, value: number): void {
    const target = join(this.path, name);
    writeFileSync(`${target}.new`, `${value}\n`, { mode: 0o644 });
    renameSync(`${target}.new`, target);
  }

  recordGeneration(generation: number): void {
    this.#record("generation", generation);
  }

  /** A worker that has gone already is not recorded. */
  addWorker(pid: number): void {
    const identity = identify(pid);
    if (identity !== null) this.#record(join("workers", String(pid)), identity.start_time);
  }

  removeWorker(pid: number): void {
    const name = join("workers", String(pid));
    this.#values.delete(name);
    this.#remove(name);
  }

  /** Leaves the directory to the next supervisor; the generation stays. */
  release(): void {
    if (this.#retry !== null) clearInterval(this.#retry);
    this.#remove(CONTROL_SOCKET);
    this.#remove("pid");
  }

  #remove(name: string): void {
    try {
      rmSync(join(this.path, name), { force: true });
    } catch {
      // A file that stays names a process that is gone: whoever reads it sees that.
    }
  }
}

function openControlSocket(directory: string): number {
  const path = controlSocketPath(directory);
  const address = { kind: "unix", path, mode: 0o600, user: null, group: null } as const;
  try {
    return openListeningSocket(address, { backlog: CONTROL_BACKLOG, reusePort: false, exclusive: false }).fd;
  } catch (error) {
    if (!(error instanceof ListenError) || !error.message.endsWith("a living process listens there"))
      throw error;
    const pid = recordedPid(directory);
    const who = pid === 0 ? "another process" : `pid ${pid}`;
    throw new Error(`already running as ${who} with runtime_dir ${directory}`, { cause: error });
  }
}
