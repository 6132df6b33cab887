/** `fairlead hosts restore`: the hosts file without us. */
import { messageOf } from "../../core/text/message_of.ts";
import { HostsFile } from "../../planes/hosts/hosts_file.ts";
import { readOptions, usageError, type Output } from "../command.ts";
import type { ProgramParts } from "../program_parts.ts";
import { loadHosts } from "./hosts_plan.ts";
import { lineDiff } from "./line_diff.ts";
import { CHOICE_HELP, CHOICE_OPTIONS, choiceOf } from "./options.ts";

const HELP = `usage: fairlead hosts restore [-c FILE] [--hosts-file FILE] [--json]
       fairlead hosts restore --release [options]
       fairlead hosts restore --first-backup [--yes] [options]

Takes our block out of the hosts file; everything else stays as it is. Stop the program first: it would write its block again.

      --release          leave the lines to the original hosts redirector: our block gets its markers
      --first-backup     bring back the whole file as it was before the first write; shows what changes
      --yes              with --first-backup: do it
${CHOICE_HELP}      --json             print the result as JSON
  -h, --help             print this

examples:
  fairlead hosts restore -c fairlead.yaml
  fairlead hosts restore -c /etc/redirector/config.yml --release
  fairlead hosts restore --first-backup --yes

exit code: 0 when the file is as wanted, 1 when that was refused or has failed
`;

/** Runs the command with the arguments behind `hosts restore`. Resolves with the exit code. */
export async function hostsRestoreCommand(
  args: readonly string[],
  program: ProgramParts,
  output: Output,
): Promise<number> {
  const options = {
    ...CHOICE_OPTIONS,
    release: { type: "boolean", default: false },
    "first-backup": { type: "boolean", default: false },
    yes: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  } as const;
  const given = readOptions("hosts restore", HELP, args, options, output);
  if (typeof given === "number") return given;
  const { release, "first-backup": firstBackup, yes } = given;
  if (release && firstBackup)
    return usageError("hosts restore", "--release and --first-backup exclude each other", output);
  try {
    const { plan, problems } = await loadHosts(choiceOf(given), await program.config());
    if (plan === null) throw new Error(problems.join("\n"));
    const { file: path } = plan.hosts!;
    const file = new HostsFile(plan.hosts!, plan.state_dir);
    await file.open();
    try {
      const act = release ? "release" : firstBackup ? "first_backup" : "remove";
      const { before, after } = await file.previewRestore(act);
      const diff = lineDiff(path, before, after);
      const mayAct = !firstBackup || yes || before === after;
      if (mayAct) await file.restore(act);
      if (given.json)
        output.out(`${JSON.stringify({ ok: mayAct, file: path, changed: mayAct && diff !== "", diff })}\n`);
      else output.out(diff === "" ? `${path} stays as it is\n` : diff);
      if (mayAct) return 0;
      if (!given.json) output.error("fairlead hosts restore: nothing was changed; --yes does it\n");
      return 1;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (given.json) output.out(`${JSON.stringify({ ok: false, error: messageOf(error) })}\n`);
    else output.error(`fairlead hosts restore: ${messageOf(error)}\n`);
    return 1;
  }
}
