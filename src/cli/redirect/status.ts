/** `fairlead redirect status`. */
import { formatDuration } from "../../core/schema/duration.ts";
import { counted } from "../../core/text/counted.ts";
import type { RedirectStatus } from "../../planes/redirect/part.ts";
import { readOptions, type Output } from "../command.ts";
import type { ProgramParts } from "../program_parts.ts";
import { textTable } from "../text_table.ts";
import { printAnswer, WHERE_HELP, WHERE_OPTIONS } from "./ask.ts";

const HELP = `usage: fairlead redirect status [-c FILE | --state-dir DIR | --runtime-dir DIR] [--json]

Shows the applications of the running redirector with their rollouts, how the store stands, and what is kept for starts
without it.

${WHERE_HELP}
examples:
  fairlead redirect status
  fairlead redirect status --json | jq '.apps[] | select(.version == null) | .app'

exit code: 0 when the program answers, 1 when it does not or has no redirector
`;

/** Runs the command with the arguments behind `redirect status`. Resolves with the exit code. */
export async function redirectStatusCommand(
  args: readonly string[],
  program: ProgramParts,
  output: Output,
): Promise<number> {
  const given = readOptions("redirect status", HELP, args, WHERE_OPTIONS, output);
  if (typeof given === "number") return given;
  return await printAnswer("redirect status", { command: "redirect" }, given, { program, output }, (answer) =>
    statusText(answer as unknown as RedirectStatus),
  );
}

function statusText({ apps, discovery, last_known_good: good, rollouts }: RedirectStatus): string {
  const rows = apps.map(({ app, version, hosts, probed, failing, problems }) => [
    app,
    version === null ? "no model" : String(version),
    String(hosts),
    probed === 0 ? "-" : String(failing),
    problems.length === 0 ? "" : counted(problems.length, "odd rule"),
  ]);
  const lines =
    rows.length === 0
      ? ["no application is known\n"]
      : [textTable(["app", "model", "hosts", "failing", ""], rows)];
  lines.push("\n", storeLine(discovery));
  for (const { app, problems } of apps) for (const problem of problems) lines.push(`${app}: ${problem}\n`);
  for (const { app, rollout, percent, state, signal } of rollouts)
    lines.push(
      `${app}: rollout ${rollout} at ${percent} %, ${state}, ${signal.failing} of ${counted(signal.samples, "sample")} fail\n`,
    );
  for (const text of discovery?.skipped.named ?? []) lines.push(`skipped ${text}\n`);
  if (good !== null) {
    const age =
      good.age_ms === null ? "" : `, written ${formatDuration(Math.round(good.age_ms / 1_000) * 1_000)} ago`;
    const what = good.source === null ? "nothing yet" : good.source.kind;
    lines.push(`last known good in ${good.path}: ${what}${age}${good.is_offline ? ", made offline" : ""}\n`);
    for (const problem of good.problems) lines.push(`${problem}\n`);
  }
  return lines.join("");
}

function storeLine(discovery: RedirectStatus["discovery"]): string {
  if (discovery === null) return "the store cannot be used\n";
  const { disconnected, hosts, is_current } = discovery;
  if (disconnected !== null)
    return `no store for ${formatDuration(Math.round(disconnected.for_ms))}: ${disconnected.reason}\n`;
  return `${counted(hosts, "host")} in the store${is_current ? "" : ", not all read yet"}\n`;
}
