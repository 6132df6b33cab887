/** `fairlead reload`: tells a running supervisor to load its configuration again, and waits for the result. */
import { messageOf } from "../core/text/message_of.ts";
import { askSupervisor, type ControlAnswer } from "../run/control_client.ts";
import { readOptions, type Output } from "./command.ts";
import { FIND_HELP, FIND_OPTIONS, runtimeDirectory } from "./configuration.ts";
import type { ProgramParts } from "./program_parts.ts";

const HELP = `usage: fairlead reload [-c FILE | --state-dir DIR | --runtime-dir DIR] [--json]

Loads the configuration again in the running program and waits until every worker serves it. When anything in it is
refused, everything stays as it was and each problem is printed. What fails later, when the new one acts already, is printed
too; an equal configuration is then tried again.

${FIND_HELP}
examples:
  fairlead reload
  fairlead reload -c /etc/fairlead/fairlead.yaml
  fairlead reload --runtime-dir ./state/run --json | jq .generation

exit code: 0 when the configuration acts now (or did already), 1 when it was refused or nobody answers
`;

/** Runs the command with the arguments behind `reload`. Resolves with the exit code. */
export async function reloadCommand(
  args: readonly string[],
  program: ProgramParts,
  output: Output,
): Promise<number> {
  const given = readOptions("reload", HELP, args, FIND_OPTIONS, output);
  if (typeof given === "number") return given;
  let answer: ControlAnswer;
  try {
    answer = await askSupervisor(await runtimeDirectory(given, program.config), { command: "reload" });
  } catch (error) {
    answer = { ok: false, problems: messageOf(error).split("\n") };
  }
  if (given.json) output.out(`${JSON.stringify(answer)}\n`);
  else printResult(answer, output);
  return answer.ok ? 0 : 1;
}

function printResult(answer: ControlAnswer, output: Output): void {
  const lines = (name: string) => (Array.isArray(answer[name]) ? (answer[name] as string[]) : []);
  for (const warning of lines("warnings")) output.error(`warning: ${warning}\n`);
  for (const problem of lines("problems")) output.error(`${problem}\n`);
  if (typeof answer["error"] === "string") output.error(`${answer["error"]}\n`);
  if (!answer.ok && answer["acts"] === true)
    output.error(`fairlead reload: in part, generation ${String(answer["generation"])} acts\n`);
  else if (!answer.ok) output.error("fairlead reload: refused\n");
  else {
    const done = answer["changed"] === true ? "reloaded" : "nothing changed";
    output.out(`${done}, generation ${String(answer["generation"])}\n`);
  }
}
