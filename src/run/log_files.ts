/**
 * Log files are opened by the supervisor, which may have rights that workers have given up, and passed on as
 * descriptors in append mode: lines of several workers do not overwrite each other.
 */
import { closeSync, constants, openSync } from "node:fs";
import type { Plan } from "../core/plan.ts";
import { duplicateSocket } from "../platform/sockets.ts";
import { messageOf } from "./events.ts";

const STANDARD_OUTPUT = 1;
const MODE = 0o640;

export interface LogFile {
  /** What the program knows it by: `access`. */
  readonly name: string;
  readonly path: string;
  readonly fd: number;
}

/** Paths of the logs that a plan asks for, by name. */
function wantedLogs(plan: Plan): Map<string, string> {
  const { access_log } = plan.observability;
  return new Map(access_log === null ? [] : [["access", access_log.path]]);
}

function open(name: string, path: string): LogFile {
  if (path === "-") return { name, path, fd: duplicateSocket(STANDARD_OUTPUT) };
  try {
    return {
      name,
      path,
      fd: openSync(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT, MODE),
    };
  } catch (error) {
    throw new Error(`cannot open the ${name} log ${path}: ${messageOf(error)}`, { cause: error });
  }
}

function closeAll(logs: Iterable<LogFile>): void {
  for (const { fd } of logs) closeSync(fd);
}

/** New log files beside those in use: `commit` or `abandon` them. */
export interface LogChange {
  /** Those that workers do not have yet. */
  readonly opened: readonly LogFile[];
  commit(): void;
  abandon(): void;
}

export class LogFiles {
  #logs: readonly LogFile[] = [];

  get files(): readonly LogFile[] {
    return this.#logs;
  }

  /** Opens what `plan` needs; with `again` also what is open (after rotation). Throws Error that names the file. */
  change(plan: Plan, again = false): LogChange {
    const before = this.#logs;
    const opened: LogFile[] = [];
    const next: LogFile[] = [];
    try {
      for (const [name, path] of wantedLogs(plan)) {
        const kept = again ? undefined : before.find((log) => log.name === name && log.path === path);
        const log = kept ?? open(name, path);
        if (kept === undefined) opened.push(log);
        next.push(log);
      }
    } catch (error) {
      closeAll(opened);
      throw error;
    }
    return {
      opened,
      commit: () => {
        this.#logs = next;
        closeAll(before.filter((log) => !next.includes(log)));
      },
      abandon: () => closeAll(opened),
    };
  }

  close(): void {
    closeAll(this.#logs);
    this.#logs = [];
  }
}
