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

  /** Takes possession. Throws Error in words for the operator when another supervisor lives there, or it cannot be made. */
  constructor(path: string) {
    this.path = path;
    try {
      mkdirSync(join(path, "workers"), { recursive: true, mode: 0o755 });
    } catch (error) {
      throw new Error(`cannot use runtime_dir ${path}: ${messageOf(error)}`, { cause: error });
    }
    this.controlSocket = openControlSocket(path);
    this.lastGeneration = readNumber(join(path, "generation"));
    this.orphans = livingWorkers(path);
    this.#write("pid", process.pid);
  }

  /** Replaces a file as a whole, so that no reader sees half. */
  #write(name: string, value: number): void {
    const target = join(this.path, name);
    writeFileSync(`${target}.new`, `${value}\n`, { mode: 0o644 });
    renameSync(`${target}.new`, target);
  }

  recordGeneration(generation: number): void {
    this.#write("generation", generation);
  }

  /** A worker that has gone already is not recorded. */
  addWorker(pid: number): void {
    const identity = identify(pid);
    if (identity !== null) this.#write(join("workers", String(pid)), identity.start_time);
  }

  removeWorker(pid: number): void {
    rmSync(join(this.path, "workers", String(pid)), { force: true });
  }

  /** Leaves the directory to the next supervisor; the generation stays. */
  release(): void {
    rmSync(controlSocketPath(this.path), { force: true });
    rmSync(join(this.path, "pid"), { force: true });
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
