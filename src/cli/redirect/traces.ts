/** `fairlead redirect traces`. */
import { counted } from "../../core/text/counted.ts";
import type { SessionTrace } from "../../planes/redirect/gateway/session_traces.ts";
import { readCommand, type Output } from "../command.ts";
import type { ProgramParts } from "../program_parts.ts";
import { printAnswer, WHERE_HELP, WHERE_OPTIONS } from "./ask.ts";

const HELP = `usage: fairlead redirect traces [APP] [--session ID] [--clear] [-c FILE | --state-dir DIR | --runtime-dir DIR] [--json]

Shows what became of requests with rSessionId and testInfo, newest sessions first, where redirect.session_traces is set.

      --session ID       only this session
      --clear            forget what was asked for
${WHERE_HELP}
examples:
  fairlead redirect traces a1 --session test-17
  fairlead redirect traces --clear --json | jq '.sessions[].actual.rule'

exit code: 0 when the program answers, 1 when it does not or keeps no traces
`;

const OPTIONS = {
  ...WHERE_OPTIONS,
  session: { type: "string" },
  clear: { type: "boolean", default: false },
} as const;

/** Runs the command with the arguments behind `redirect traces`. Resolves with the exit code. */
export async function redirectTracesCommand(
  args: readonly string[],
  program: ProgramParts,
  output: Output,
): Promise<number> {
  const read = readCommand("redirect traces", HELP, args, OPTIONS, output);
  if (typeof read === "number") return read;
  const { session: id, clear } = read.values;
  const request = { command: "redirect_traces", app: read.words[0], id, clear };
  return await printAnswer("redirect traces", request, read.values, { program, output }, (answer) =>
    tracesText(answer["sessions"] as readonly SessionTrace[]),
  );
}

function tracesText(sessions: readonly SessionTrace[]): string {
  if (sessions.length === 0) return "no session is kept\n";
  return sessions.map(sessionText).join("");
}

function sessionText({ app, id, events, left_out }: SessionTrace): string {
  const lines = events.map(({ at_ms, message }) => `  ${new Date(at_ms).toISOString()} ${message}\n`);
  const rest = left_out === 0 ? "" : `  ${counted(left_out, "further event")} left out\n`;
  return `${app} ${JSON.stringify(id)}\n${lines.join("")}${rest}`;
}
