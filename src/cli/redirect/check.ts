/** `fairlead redirect check`: what the keys of the original's `.properties` files are here. */
import { loadConfig } from "../../config/load.ts";
import {
  type KeyFinding,
  translateProperties,
  translationYaml,
} from "../../config/original_redirector/translate.ts";
import { messageOf } from "../../core/text/message_of.ts";
import { MemoryFiles, realFiles } from "../../platform/files.ts";
import { readCommand, usageError, type Output } from "../command.ts";
import type { ProgramParts } from "../program_parts.ts";

const HELP = `usage: fairlead redirect check FILE [--json]

Reads redirector.properties or service.properties of the original redirector and prints the section redirect that says the
same, as YAML; in comments the keys that need no setting here, and what takes their place. Keys that nobody knows are named
with their line.

      FILE     the file, read as Java reads it
      --json   print the configuration and every key as JSON
  -h, --help   print this

examples:
  fairlead redirect check /etc/redirector/redirector.properties > conf.d/redirect.yaml
  fairlead redirect check service.properties --json | jq '.superseded[].key'

exit code: 0 when every value can be taken over, 1 when one cannot or the file is none of the original's
`;

const MOST_BYTES = 1_048_576;

interface CheckResult {
  readonly ok: boolean;
  readonly yaml: string;
  readonly report: Readonly<Record<string, unknown>>;
  readonly problems: readonly KeyFinding[];
  readonly unknown: readonly KeyFinding[];
}

/** Runs the command with the arguments behind `redirect check`. Resolves with the exit code. */
export async function redirectCheckCommand(
  args: readonly string[],
  program: ProgramParts,
  output: Output,
): Promise<number> {
  const read = readCommand(
    "redirect check",
    HELP,
    args,
    { json: { type: "boolean", default: false } },
    output,
  );
  if (typeof read === "number") return read;
  const [file, second] = read.words;
  if (file === undefined || second !== undefined)
    return usageError("redirect check", "expected one file", output);
  const { json } = read.values;
  try {
    const result = await checked(file, program);
    if (json) output.out(`${JSON.stringify({ ok: result.ok, ...result.report }, null, 2)}\n`);
    else {
      for (const { line, key, text } of result.unknown)
        output.error(`warning: ${file}:${line}: ${key}: ${text}\n`);
      for (const finding of result.problems) output.error(`${problemLine(file, finding)}\n`);
      output.out(result.yaml);
    }
    return result.ok ? 0 : 1;
  } catch (error) {
    if (json) output.out(`${JSON.stringify({ ok: false, error: messageOf(error) })}\n`);
    else output.error(`fairlead redirect check: ${messageOf(error)}\n`);
    return 1;
  }
}

function problemLine(file: string, { line, key, text }: KeyFinding): string {
  const place = line === 0 ? file : `${file}:${line}`;
  return key === "" ? `${place}: ${text}` : `${place}: ${key} ${text}`;
}

async function checked(file: string, program: ProgramParts): Promise<CheckResult> {
  const content = await realFiles.read(file, MOST_BYTES);
  if ("problem" in content) throw new Error(`${file}: ${content.problem}`);
  const translation = translateProperties(content.bytes);
  const { kind, configuration, acts, superseded, foreign, unknown } = translation;
  if (kind === null)
    throw new Error(
      `${file}: has no key that begins with xre.redirectorConfig., redirector. or decider.; expected the original's redirector.properties or service.properties`,
    );
  const yaml = translationYaml(file, translation);
  const problems = [...translation.problems, ...(await configurationProblems(yaml, program))];
  return {
    ok: problems.length === 0,
    yaml,
    report: { kind, configuration, acts, superseded, foreign, unknown, problems },
    problems,
    unknown,
  };
}

const TRANSLATED = "/translated.yaml";

/** What our own rules find in what was made of the keys. */
async function configurationProblems(yaml: string, program: ProgramParts): Promise<KeyFinding[]> {
  const files = new MemoryFiles({ [TRANSLATED]: yaml });
  const { problems } = await loadConfig({
    file: TRANSLATED,
    parts: await program.config(),
    environment: {},
    files,
  });
  return problems.map(({ path, message }) => ({ line: 0, key: path, text: message }));
}
