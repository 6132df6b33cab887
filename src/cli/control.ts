/** `fairlead control`: the redirector's management service alone, in the foreground. */
import { messageOf } from "../core/text/message_of.ts";
import { ProcessLog } from "../observe/log.ts";
import { runProcess } from "../run/run_process.ts";
import { SpareWorkers } from "../run/spare_workers.ts";
import { DEFAULT_CONFIG_FILE, readOptions, usageError, type Output } from "./command.ts";
import {
  type ControlChoice,
  controlConfiguration,
  DEFAULT_CONTROL_STATE_DIR,
  DEFAULT_SERVICE_ADDRESS,
  loadControl,
} from "./control/control_plan.ts";
import type { ProgramParts } from "./program_parts.ts";
import { TOLD_ALWAYS } from "./run.ts";

const HELP = `usage: fairlead control [-c FILE] [--address ADDRESS] [--set PATH=VALUE …] [--state-dir DIR]

Serves the redirector's management service until SIGTERM or SIGINT: rules, lists and their approval, over the store that the
gateways of the section redirect follow. "fairlead run" serves it too, at its admin address; this is for a machine, or a process,
that takes no traffic. SIGHUP and a changed file reload the configuration; a bad one changes nothing.

  -c, --config FILE      a configuration with a section redirect (default: ${DEFAULT_CONFIG_FILE})
      --address ADDRESS  where the service listens (default: redirect.service.address, else ${DEFAULT_SERVICE_ADDRESS})
      --set PATH=VALUE   set one value, as in --set redirect.service.self_approval=true
      --state-dir DIR    keep state in DIR (default: ${DEFAULT_CONTROL_STATE_DIR})
      --log-format FORMAT  text (default) or json
  -h, --help             print this

examples:
  fairlead control -c /etc/fairlead/fairlead.yaml
  fairlead control -c fairlead.yaml --address :10540 --state-dir ./control
  curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:10540/admin/redirect/rules/a1

exit code: 0 after a stop, 1 when the start is refused
`;

/** Runs the command with the arguments behind `control`. Resolves with the exit code. */
export async function controlCommand(
  args: readonly string[],
  program: ProgramParts,
  output: Output,
): Promise<number> {
  const options = {
    config: { type: "string", short: "c", default: DEFAULT_CONFIG_FILE },
    address: { type: "string" },
    set: { type: "string", multiple: true, default: [] as string[] },
    "state-dir": { type: "string" },
    "log-format": { type: "string", default: "text" },
    // For `fairlead upgrade`, not for hands.
    "take-over": { type: "boolean", default: false },
  } as const;
  const given = readOptions("control", HELP, args, options, output);
  if (typeof given === "number") return given;
  const format = given["log-format"];
  if (format !== "text" && format !== "json")
    return usageError("control", `--log-format ${format}: expected text or json`, output);
  const { config: file, set, address, "state-dir": stateDirectory } = given;
  const choice: ControlChoice = { file, set, address, stateDirectory };
  const parts = await program.config();
  try {
    await loadControl(choice, parts);
  } catch (error) {
    return usageError("control", messageOf(error), output);
  }
  const log = new ProcessLog({ format, unlimited: TOLD_ALWAYS });
  const again = args.filter((arg) => arg !== "--take-over");
  try {
    const { createProgram } = program;
    return await runProcess({
      parts: { ...controlConfiguration(choice, parts), ...(await program.supervisor()), createProgram },
      workers: new SpareWorkers(program.workerCommand, 0),
      report: log.write,
      takeOver: given["take-over"],
      command: [...program.program, "control", ...again, "--take-over"],
    });
  } catch (error) {
    output.error(`fairlead control: ${messageOf(error)}\n`);
    return 1;
  } finally {
    log.close();
  }
}
