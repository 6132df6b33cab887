/** What the original's main file says beside the names: the log that is written to, and the pid file. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { messageOf } from "../../core/text/message_of.ts";
import { PythonLog } from "../../observe/python_log.ts";
import type { Report, RunEvent } from "../../run/events.ts";
import type { LoadedHosts } from "./hosts_plan.ts";

type Settings = NonNullable<LoadedHosts["original"]>;

/** Events that an operator looks for on standard error, although these files name a log. */
const ALSO_ON_STANDARD_ERROR: ReadonlySet<string> = new Set([
  "start_refused",
  "config_problem",
  "pid_file_failed",
]);

export class OriginalSettings {
  #acting: Settings;
  /** Those of the configuration that was loaded last; a reload may still refuse it. */
  #coming: Settings;
  readonly #onTerminal: Report;
  #log: PythonLog;
  /** Not before `ready`: a start that is refused must leave the pid file of the one that runs alone. */
  #hasPidFile = false;

  /** Opens the log. `onTerminal` hears of what is wrong with the start, the log or the pid file. */
  constructor(settings: Settings, onTerminal: Report) {
    this.#acting = this.#coming = settings;
    this.#onTerminal = onTerminal;
    this.#log = this.#open(settings.log);
  }

  loaded(settings: Settings): void {
    this.#coming = settings;
  }

  /** Logs an event. With the one that a configuration acts, its log and pid file do. */
  readonly report = (event: RunEvent): void => {
    if (event.event === "reloaded") this.#follow();
    this.#log.write(event);
    if (ALSO_ON_STANDARD_ERROR.has(event.event)) this.#onTerminal(event);
    if (event.event === "ready") this.#writePidFile();
  };

  #follow(): void {
    const before = this.#acting;
    const { log, pidFile } = (this.#acting = this.#coming);
    if (JSON.stringify(log) !== JSON.stringify(before.log)) {
      this.#log.close();
      this.#log = this.#open(log);
    }
    if (pidFile === before.pidFile || !this.#hasPidFile) return;
    removePidFile(before.pidFile);
    this.#writePidFile();
  }

  #open(log: Settings["log"]): PythonLog {
    return new PythonLog({
      ...log,
      problem: (text) => this.#onTerminal({ event: "log_failed", level: "error", text }),
      recovered: (lost) => {
        const text = `the log ${log.path} is written again; ${lost} lines of it are lost`;
        this.#onTerminal({ event: "log_recovered", level: "info", text });
      },
    });
  }

  #writePidFile(): void {
    this.#hasPidFile = true;
    const { pidFile } = this.#acting;
    if (pidFile === null) return;
    try {
      writeFileSync(pidFile, `${process.pid}\n`);
    } catch (error) {
      const text = `pid_file ${pidFile} cannot be written: ${messageOf(error)}`;
      this.report({ event: "pid_file_failed", level: "error", text });
    }
  }

  close(): void {
    removePidFile(this.#acting.pidFile);
    this.#log.close();
  }
}

/** Another program may have put its own there by now: an upgrade. */
function removePidFile(path: string | null): void {
  try {
    if (path !== null && Number(readFileSync(path, "utf8")) === process.pid) rmSync(path);
  } catch {
    // Gone already.
  }
}
