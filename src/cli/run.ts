/** `fairlead run`: the supervisor and its workers, in the foreground. */
import { availableParallelism } from "node:os";
import type { LogFormat } from "../observe/log.ts";
import type { Report } from "../run/events.ts";
import type { RunParts } from "../run/parts.ts";
import { SpareWorkers } from "../run/spare_workers.ts";
import { DEFAULT_CONFIG_FILE, JSON_LOG, readOptions, usageError, type Output } from "./command.ts";
import { expectedWorkers } from "./expected_workers.ts";
import type { ProgramParts } from "./program_parts.ts";

export const RUN_HELP = `usage: fairlead run [-c FILE] [--workers N] [--set PATH=VALUE …] [--state-dir DIR]

Runs in the foreground until SIGTERM or SIGINT, then finishes what is under way (a second signal ends at once).
SIGHUP and a changed file reload the configuration, SIGUSR1 opens the log files again, SIGUSR2 starts the program that is
installed now in place of this one.

  -c, --config FILE      the main file (default: ${DEFAULT_CONFIG_FILE}); files of conf.d/ beside it count too
      --workers N        number of worker processes, or auto; 0 = everything in one process
      --set PATH=VALUE   set one value, as in --set timeouts.connect=1s; wins over files and environment
      --state-dir DIR    keep state in DIR, and run from DIR/run unless runtime_dir is set
      --log-format FORMAT  text (default) or json: how this program's own messages are written to standard error
  -h, --help             print this

examples:
  fairlead run -c /etc/fairlead/fairlead.yaml
  fairlead run -c fairlead.yaml --workers 0 --state-dir ./state
  fairlead run --log-format json 2>&1 >/dev/null | jq 'select(.event == "ready")'

exit code: 0 after a complete drain, 1 when the start is refused or connections had to be cut by a second signal
`;

const TAKE_OVER = "--take-over";

/**
 * What is told however often it comes: each line answers something that the operator did, or is the only record of where a
 * name led.
 */
export const TOLD_ALWAYS = [
  "hosts_switched",
  "hosts_down",
  "hosts_recovered",
  "config_problem",
  "config_warning",
  "listening",
  "ready",
  "reloaded",
  "reload_incomplete",
  "reload_refused",
  "start_refused",
  "relieved",
  "stopping",
  "stopped",
  "upgrade_refused",
];

/**
 * Runs the command with the arguments behind `run`. Resolves with the exit code when the program has ended. What it has to
 * tell goes to `report`, or else to the process log on standard error.
 */
export async function runCommand(
  args: readonly string[],
  program: ProgramParts,
  output: Output,
  report: Report | null = null,
): Promise<number> {
  const options = {
    config: { type: "string", short: "c", default: DEFAULT_CONFIG_FILE },
    workers: { type: "string" },
    set: { type: "string", multiple: true, default: [] as string[] },
    "state-dir": { type: "string" },
    "log-format": { type: "string", default: "text" },
    // For `fairlead upgrade`, not for hands.
    "take-over": { type: "boolean", default: false },
  } as const;
  const given = readOptions("run", RUN_HELP, args, options, output);
  if (typeof given === "number") return given;
  const format = given["log-format"];
  if (format !== "text" && format !== "json")
    return usageError("run", `--log-format ${format}: expected text or json`, output);
  const { config: file, workers: flag } = given;
  const variable = process.env["FAIRLEAD_WORKERS"];
  const expected = expectedWorkers({ flag, variable, file, cores: availableParallelism() });
  const command = format === "json" ? [...program.workerCommand, JSON_LOG] : program.workerCommand;
  const workers = new SpareWorkers(command, expected);
  try {
    return await supervise(args, given, workers, program, output, report, format);
  } finally {
    workers.end();
  }
}

interface RunOptions {
  readonly config: string;
  readonly workers?: string | undefined;
  readonly set: readonly string[];
  readonly "state-dir"?: string | undefined;
  readonly "take-over": boolean;
}

/** Loads what a supervisor consists of, while workers load theirs, and runs it to its end. */
async function supervise(
  args: readonly string[],
  given: RunOptions,
  workers: SpareWorkers,
  program: ProgramParts,
  output: Output,
  told: Report | null,
  format: LogFormat,
): Promise<number> {
  const [{ configuration }, { ProcessLog }, { runProcess }] = await Promise.all([
    import("./configuration.ts"),
    import("../observe/log.ts"),
    import("../run/run_process.ts"),
  ]);
  let loading: Pick<RunParts, "load" | "acts" | "watch">;
  try {
    const { config: file, workers: count, set, "state-dir": stateDirectory } = given;
    const choice = { file, set, workers: count, stateDirectory, keepLastGood: true };
    loading = configuration(choice, await program.config());
  } catch (error) {
    return usageError("run", (error as Error).message, output);
  }
  const log = told === null ? new ProcessLog({ format, unlimited: TOLD_ALWAYS }) : null;
  try {
    const { createProgram } = program;
    const parts = { ...loading, ...(await program.supervisor()), createProgram };
    const takeOver = given["take-over"];
    const command = [...program.program, "run", ...args.filter((arg) => arg !== TAKE_OVER), TAKE_OVER];
    return await runProcess({ parts, workers, report: told ?? log!.write, takeOver, command });
  } finally {
    log?.close();
  }
}
