/** `fairlead explain`: the way that a request would take through the running program, and why. */
import type { Explanation } from "../core/explain/answer.ts";
import { shown } from "../core/explain/question.ts";
import { askProgram } from "./ask_program.ts";
import { readCommand, usageError, type Output } from "./command.ts";
import { FIND_HELP, FIND_OPTIONS } from "./configuration.ts";
import { explanationText, type Paint } from "./explanation_text.ts";
import type { ProgramParts } from "./program_parts.ts";

const HELP = `usage: fairlead explain [METHOD] URL [-H 'Name: value']… [options]

Shows which way a request would take through the running program, and why: listener, client, route, middlewares, pool and
backend, or the answer that it would get. Nothing is sent, counted, logged or moved by it.

METHOD is GET unless it is given. URL is http(s)://host[:port]/path?query, sent as it stands: what is malformed gets the
refusal that it would get. http://host* asks about OPTIONS *.

  -H, --header LINE      a field of the request, as often as needed; Host stands for that of the URL
      --from ADDRESS     address that the request comes from (default: 127.0.0.1)
      --listener NAME    listener that it comes to (default: by scheme, port and address of the URL)
${FIND_HELP}
examples:
  fairlead explain http://shop.example.com/cart
  fairlead explain POST https://api.example.com/v1/orders -H 'Content-Length: 10' --from 203.0.113.7
  fairlead explain http://example.com/ --listener web -H 'X-Forwarded-For: 198.51.100.4' --from 10.0.0.2
  fairlead explain http://shop.example.com/ --json | jq '.explanation.pool.candidates[] | {key, why}'

exit code: 0 when there is an answer, whatever becomes of the request; 1 when there is none; 2 for wrong arguments
`;

type Answer =
  { readonly ok: true; readonly explanation: Explanation } | { readonly ok: false; readonly error: string };

/** SGR codes (ECMA-48 8.3.117) for a terminal. */
const COLOURS: Paint = {
  good: (text) => `\x1b[32m${text}\x1b[0m`,
  bad: (text) => `\x1b[31m${text}\x1b[0m`,
  faint: (text) => `\x1b[2m${text}\x1b[0m`,
  title: (text) => `\x1b[1m${text}\x1b[0m`,
};
const same = (text: string): string => text;
const PLAIN: Paint = { good: same, bad: same, faint: same, title: same };

/** Runs the command with the arguments behind `explain`. Resolves with the exit code. */
export async function explainCommand(
  args: readonly string[],
  program: ProgramParts,
  output: Output,
): Promise<number> {
  const options = {
    ...FIND_OPTIONS,
    header: { type: "string", short: "H", multiple: true },
    from: { type: "string" },
    listener: { type: "string" },
  } as const;
  const given = readCommand("explain", HELP, args, options, output);
  if (typeof given === "number") return given;
  const { words, values } = given;
  if (words.length === 0) return usageError("explain", "which request? expected [METHOD] URL", output);
  if (words.length > 2)
    return usageError("explain", `${shown(words[2]!)}: expected no more than METHOD and URL`, output);
  const [method, url] = words.length === 1 ? ["GET", words[0]!] : (words as [string, string]);
  const { header: headers = [], from = null, listener = null } = values;
  const lacking = headers.find((line) => !line.includes(":"));
  if (lacking !== undefined)
    return usageError("explain", `header ${shown(lacking)}: expected "Name: value"`, output);
  const question = { command: "explain", method, url, headers, from, listener };
  const answer = (await askProgram(values, program, question)) as unknown as Answer;
  if (values.json) output.out(`${JSON.stringify(answer)}\n`);
  else if (!answer.ok) output.error(`fairlead explain: ${answer.error}\n`);
  else output.out(explanationText(answer.explanation, method, url, onTerminal() ? COLOURS : PLAIN));
  return answer.ok ? 0 : 1;
}

/** Colours go to a terminal that shows them (https://no-color.org). */
function onTerminal(): boolean {
  return process.stdout.isTTY && (process.env["NO_COLOR"] ?? "") === "" && process.env["TERM"] !== "dumb";
}
