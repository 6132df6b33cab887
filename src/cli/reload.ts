/** `fairlead reload`: tells a running supervisor to load its configuration again, and waits for the result. */
import { messageOf } from "../core/text/message_of.ts";
import type { SettingChange } from "../core/setting.ts";
import { askSupervisor, type ControlAnswer } from "../run/control_client.ts";
import { readOptions, type Output } from "./command.ts";
import { FIND_HELP, FIND_OPTIONS, runtimeDirectory } from "./configuration.ts";
import type { ProgramParts } from "./program_parts.ts";

const HELP = `usage: fairlead reload [-c FILE | --state-dir DIR | --runtime-dir DIR] [--dry-run] [--json]

Loads the configuration again in the running program and waits until every worker serves it. When anything in it is
refused, everything stays as it was and each problem is printed. What fails later, when the new one acts already, is printed
too; an equal configuration is then tried again.

      --dry-run          load and check it, build it in every worker and tell what a reload would change; change nothing
${FIND_HELP}
examples:
  fairlead reload
  fairlead reload --dry-run
  fairlead reload -c /etc/fairlead/fairlead.yaml
  fairlead reload --runtime-dir ./state/run --json | jq .generation

exit code: 0 when the configuration acts now (or did already), or would with --dry-run; 1 when it was refused or nobody
answers
`;

const OPTIONS = { ...FIND_OPTIONS, "dry-run": { type: "boolean", default: false } } as const;

/** Runs the command with the arguments behind `reload`. Resolves with the exit code. */
export async function reloadCommand(
  args: readonly string[],
  program: ProgramParts,
  output: Output,
): Promise<number> {
  const given = readOptions("reload", HELP, args, OPTIONS, output);
  if (typeof given === "number") return given;
  const command = given["dry-run"] ? "reload_dry_run" : "reload";
  let answer: ControlAnswer;
  try {
    answer = await askSupervisor(await runtimeDirectory(given, program.config), { command });
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
  else if (answer["dry_run"] === true) printChanges(answer, output);
  else {
    const done = answer["changed"] === true ? "reloaded" : "nothing changed";
    output.out(`${done}, generation ${String(answer["generation"])}\n`);
  }
}

function printChanges(answer: ControlAnswer, output: Output): void {
  const changes = answer["changes"] as readonly SettingChange[];
  const files = answer["changed_files"] as readonly string[];
  const shown = (change: SettingChange, side: "before" | "after") =>
    side in change ? JSON.stringify(change[side]) : "not set";
  for (const change of changes)
    output.out(`${change.path}: ${shown(change, "before")} -> ${shown(change, "after")}\n`);
  for (const file of files) output.out(`${file}: another content\n`);
  if (answer["changed"] !== true) output.out("nothing would change\n");
  else if (changes.length + files.length === 0) output.out("a secret would change\n");
  output.out(`not reloaded, generation ${String(answer["generation"])} goes on\n`);
}
