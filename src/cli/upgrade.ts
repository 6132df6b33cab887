/** `fairlead upgrade`: replaces a running program by the one that is installed now. */
import { messageOf } from "../core/text/message_of.ts";
import { askSupervisor } from "../run/control_client.ts";
import type { UpgradeResult } from "../run/upgrade.ts";
import { readOptions, type Output } from "./command.ts";
import { FIND_HELP, FIND_OPTIONS, runtimeDirectory } from "./configuration.ts";
import type { ProgramParts } from "./program_parts.ts";

const HELP = `usage: fairlead upgrade [-c FILE | --state-dir DIR | --runtime-dir DIR] [--json]

Starts the program that is installed now beside the running one, with the same arguments. The new one takes the listening
sockets over, so that no connection is refused; the old one finishes what is under way and ends. When the new one cannot
start, the old one goes on as before and the command says why.

${FIND_HELP}
examples:
  fairlead upgrade
  fairlead upgrade -c /etc/fairlead/fairlead.yaml
  fairlead upgrade --runtime-dir ./state/run --json | jq .pid

exit code: 0 when the new program serves, 1 when it does not or nobody answers
`;

/** Runs the command with the arguments behind `upgrade`. Resolves with the exit code. */
export async function upgradeCommand(
  args: readonly string[],
  program: ProgramParts,
  output: Output,
): Promise<number> {
  const given = readOptions("upgrade", HELP, args, FIND_OPTIONS, output);
  if (typeof given === "number") return given;
  let result: UpgradeResult;
  try {
    const directory = await runtimeDirectory(given, program.config);
    const answer = await askSupervisor(directory, { command: "upgrade" });
    result = typeof answer["error"] === "string" ? failed(answer["error"]) : (answer as UpgradeResult);
  } catch (error) {
    result = failed(messageOf(error));
  }
  if (given.json) output.out(`${JSON.stringify(result)}\n`);
  else if (result.ok) output.out(`upgraded: pid ${result.pid} serves\n`);
  else {
    for (const problem of result.problems) output.error(`${problem}\n`);
    output.error("fairlead upgrade: refused, the running program goes on\n");
  }
  return result.ok ? 0 : 1;
}

const failed = (text: string): UpgradeResult => ({ ok: false, problems: text.split("\n") });
