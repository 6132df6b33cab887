/** `fairlead hosts run`: the hosts plane alone, in the foreground. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { messageOf } from "../../core/text/message_of.ts";
import { ProcessLog } from "../../observe/log.ts";
import { PythonLog } from "../../observe/python_log.ts";
import type { Report, RunEvent } from "../../run/events.ts";
import { runProcess } from "../../run/run_process.ts";
import { SpareWorkers } from "../../run/spare_workers.ts";
import { readOptions, usageError, type Output } from "../command.ts";
import { TOLD_ALWAYS } from "../run.ts";
import type { ProgramParts } from "../program_parts.ts";
import { hostsConfiguration, loadHosts, type LoadedHosts } from "./hosts_plan.ts";
import { CHOICE_HELP, CHOICE_OPTIONS, choiceOf } from "./options.ts";

const HELP = `usage: fairlead hosts run [-c FILE] [--hosts-file FILE] [--set PATH=VALUE …] [--state-dir DIR]

Keeps the names of the configuration leading to healthy backends until SIGTERM or SIGINT. SIGHUP and a changed file reload
the configuration; a bad one changes nothing. Listeners and routes of the configuration are left out: "fairlead run" has all
of it.

${CHOICE_HELP}      --log-format FORMAT  text (default) or json; with the original's files the log is the one that they name
  -v, --version          print the version
  -h, --help             print this

examples:
  fairlead hosts run -c /etc/redirector/config.yml
  fairlead hosts run -c fairlead.yaml --hosts-file ./hosts --state-dir ./state

exit code: 0 after a stop, 1 when the start is refused
`;

/** Runs the command with the arguments behind `hosts run`. Resolves with the exit code. */
export async function hostsRunCommand(
  args: readonly string[],
  program: ProgramParts,
  output: Output,
): Promise<number> {
  const options = {
    ...CHOICE_OPTIONS,
    "log-format": { type: "string", default: "text" },
    // For `fairlead upgrade`, not for hands.
    "take-over": { type: "boolean", default: false },
  } as const;
  const given = readOptions("hosts run", HELP, args, options, output);
  if (typeof given === "number") return given;
  const format = given["log-format"];
  if (format !== "text" && format !== "json")
    return usageError("hosts run", `--log-format ${format}: expected text or json`, output);
  const choice = choiceOf(given);
  const parts = await program.config();
  let loaded: LoadedHosts;
  try {
    loaded = await loadHosts(choice, parts);
  } catch (error) {
    return usageError("hosts run", messageOf(error), output);
  }
  const log = logOf(loaded, format);
  const pidFile = loaded.plan === null ? null : (loaded.original?.pidFile ?? null);
  try {
    const { createProgram } = program;
    return await runProcess({
      parts: { ...hostsConfiguration(choice, parts), ...(await program.supervisor()), createProgram },
      workers: new SpareWorkers(program.workerCommand, 0),
      report(event) {
        log.report(event);
        // Not before: a start that is refused must leave the file of the one that runs alone.
        if (event.event === "ready" && pidFile !== null) writePidFile(pidFile, log.report);
      },
      takeOver: given["take-over"],
      command: [
        ...program.program,
        "hosts",
        "run",
        ...args.filter((arg) => arg !== "--take-over"),
        "--take-over",
      ],
    });
  } catch (error) {
    output.error(`fairlead hosts run: ${messageOf(error)}\n`);
    return 1;
  } finally {
    if (pidFile !== null) removePidFile(pidFile);
    log.close();
  }
}

interface OpenLog {
  readonly report: Report;
  close(): void;
}

/** Events that an operator looks for on standard error, although the original's files name a log. */
const ALSO_ON_STANDARD_ERROR: ReadonlySet<string> = new Set([
  "start_refused",
  "config_problem",
  "pid_file_failed",
]);

/** With the original's files: the log that they name, and on standard error what is wrong with the start or with that log. */
function logOf({ original, plan }: LoadedHosts, format: "text" | "json"): OpenLog {
  const onTerminal = new ProcessLog({ format, unlimited: TOLD_ALWAYS });
  // A start that is refused leaves no log behind.
  if (original === null || plan === null)
    return { report: onTerminal.write, close: () => onTerminal.close() };
  const inFile = new PythonLog({
    ...original.log,
    problem: (text) => onTerminal.write({ event: "log_failed", level: "error", text }),
    recovered(lost) {
      const text = `the log ${original.log.path} is written again; ${lost} lines of it are lost`;
      onTerminal.write({ event: "log_recovered", level: "info", text });
    },
  });
  return {
    report(event: RunEvent) {
      inFile.write(event);
      if (ALSO_ON_STANDARD_ERROR.has(event.event)) onTerminal.write(event);
    },
    close() {
      inFile.close();
      onTerminal.close();
    },
  };
}

function writePidFile(path: string, report: Report): void {
  try {
    writeFileSync(path, `${process.pid}\n`);
  } catch (error) {
    const text = `pid_file ${path} cannot be written: ${messageOf(error)}`;
    report({ event: "pid_file_failed", level: "error", text });
  }
}

/** Another program may have put its own there by now: an upgrade. */
function removePidFile(path: string): void {
  try {
    if (Number(readFileSync(path, "utf8")) === process.pid) rmSync(path);
  } catch {
    // Gone already.
  }
}
