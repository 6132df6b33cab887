/** `fairlead hosts run`: the hosts plane alone, in the foreground. */
import { messageOf } from "../../core/text/message_of.ts";
import { ProcessLog } from "../../observe/log.ts";
import { runProcess } from "../../run/run_process.ts";
import { SpareWorkers } from "../../run/spare_workers.ts";
import { readOptions, usageError, type Output } from "../command.ts";
import { TOLD_ALWAYS } from "../run.ts";
import type { ProgramParts } from "../program_parts.ts";
import { hostsConfiguration, loadHosts, type LoadedHosts } from "./hosts_plan.ts";
import { OriginalSettings } from "./original_settings.ts";
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
  const onTerminal = new ProcessLog({ format, unlimited: TOLD_ALWAYS });
  // A start that is refused leaves no log behind.
  const original =
    loaded.plan === null || loaded.original === null
      ? null
      : new OriginalSettings(loaded.original, onTerminal.write);
  try {
    const { createProgram } = program;
    const loading = hostsConfiguration(choice, parts, ({ plan, original: settings }) => {
      if (plan !== null && settings !== null) original?.loaded(settings);
    });
    return await runProcess({
      parts: { ...loading, ...(await program.supervisor()), createProgram },
      workers: new SpareWorkers(program.workerCommand, 0),
      report: original?.report ?? onTerminal.write,
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
    original?.close();
    onTerminal.close();
  }
}
