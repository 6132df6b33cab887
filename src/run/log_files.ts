/**
 * Log files are opened by the supervisor, which may have rights that workers have given up, and passed on as
 * descriptors in append mode: lines of several workers do not overwrite each other. Nobody waits for who reads them.
 */
import { existsSync, rmSync } from "node:fs";
import type { Plan } from "../core/plan.ts";
import { closeLogFile, openLogFile } from "../observe/log_file.ts";

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

function closeAll(logs: Iterable<LogFile>): void {
  for (const { fd } of logs) closeLogFile(fd);
}

/** New log files beside those in use: `commit` or `abandon` them. */
export interface LogChange {
  /** Those that workers do not have yet. */
  readonly opened: readonly LogFile[];
  commit(): void;
  /** Closes what was opened, and removes the files that were made for it. */
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
    const made: string[] = [];
    const abandon = () => {
      closeAll(opened);
      for (const path of made) rmSync(path, { force: true });
    };
    try {
      for (const [name, path] of wantedLogs(plan)) {
        const kept = again ? undefined : before.find((log) => log.name === name && log.path === path);
        if (kept === undefined && path !== "-" && !existsSync(path)) made.push(path);
        const log = kept ?? { name, path, fd: openLogFile(path) };
        if (kept === undefined) opened.push(log);
        next.push(log);
      }
    } catch (error) {
      abandon();
      throw error;
    }
    return {
      opened,
      commit: () => {
        this.#logs = next;
        closeAll(before.filter((log) => !next.includes(log)));
      },
      abandon,
    };
  }

  close(): void {
    closeAll(this.#logs);
    this.#logs = [];
  }
}
