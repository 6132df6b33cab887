/** `fairlead redirect resume`. */
import type { Resumed } from "../../planes/redirect/follower_status.ts";
import { readOptions, usageError, type Output } from "../command.ts";
import type { ProgramParts } from "../program_parts.ts";
import { printAnswer, WHERE_HELP, WHERE_OPTIONS } from "./ask.ts";

const HELP = `usage: fairlead redirect resume --store [-c FILE | --state-dir DIR | --runtime-dir DIR] [--json]

Ends what was made offline: the running redirector follows models and lists of the store again, whatever their versions are,
and does so after another start too. What was changed offline and not taken into the store is lost for its clients.

      --store            follow the store
${WHERE_HELP}
examples:
  fairlead redirect resume --store
  fairlead redirect resume --store --json | jq .apps

exit code: 0 when it follows the store, 1 when the program does not answer or nothing that acts was made offline
`;

/** Runs the command with the arguments behind `redirect resume`. Resolves with the exit code. */
export async function redirectResumeCommand(
  args: readonly string[],
  program: ProgramParts,
  output: Output,
): Promise<number> {
  const options = { ...WHERE_OPTIONS, store: { type: "boolean", default: false } } as const;
  const given = readOptions("redirect resume", HELP, args, options, output);
  if (typeof given === "number") return given;
  if (!given.store) return usageError("redirect resume", "expected --store", output);
  return await printAnswer(
    "redirect resume",
    { command: "redirect_resume" },
    given,
    { program, output },
    (answer) => resumedText(answer as unknown as Resumed),
  );
}

function resumedText({ apps, lists_version, problems }: Resumed): string {
  const lines = Object.entries(apps)
    .filter(([, version]) => version > 0)
    .map(([app, version]) => `${app}: model ${version} of the store acts\n`);
  return [
    ...lines,
    `lists have version ${lists_version}\n`,
    ...problems.map((problem) => `${problem}\n`),
  ].join("");
}
