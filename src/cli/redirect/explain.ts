/** `fairlead redirect explain`. */
import type { ExplainedCondition, ExplainedRule, Explanation } from "../../core/redirect/trial/explain.ts";
import { readCommand, usageError, type Output } from "../command.ts";
import type { ProgramParts } from "../program_parts.ts";
import { printAnswer, WHERE_HELP, WHERE_OPTIONS } from "./ask.ts";

const HELP = `usage: fairlead redirect explain APP [NAME=VALUE …] [-c FILE | --state-dir DIR | --runtime-dir DIR] [--json]

Shows where the running redirector would send a client with these parameters, and every condition that was looked at on the
way. No turn is taken.

${WHERE_HELP}
examples:
  fairlead redirect explain a1 serviceAccountId=account-1 model=m7
  fairlead redirect explain a1 mac=00:00:00:00:00:01 --json | jq .decision

exit code: 0 when the program answers, 1 when it does not or the application has no model
`;

/** Runs the command with the arguments behind `redirect explain`. Resolves with the exit code. */
export async function redirectExplainCommand(
  args: readonly string[],
  program: ProgramParts,
  output: Output,
): Promise<number> {
  const read = readCommand("redirect explain", HELP, args, WHERE_OPTIONS, output);
  if (typeof read === "number") return read;
  const [app, ...pairs] = read.words;
  if (app === undefined) return usageError("redirect explain", "expected the name of an application", output);
  const malformed = pairs.find((pair) => !pair.includes("="));
  if (malformed !== undefined)
    return usageError("redirect explain", `${malformed}: expected NAME=VALUE`, output);
  const parameters = Object.fromEntries(
    pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
  );
  const request = { command: "redirect_explain", app, parameters };
  return await printAnswer("redirect explain", request, read.values, { program, output }, (answer) =>
    explanationText(answer as unknown as Explanation),
  );
}

function explanationText({ decision, rules, rollouts, url_rules, hosts }: Explanation): string {
  const lines = [
    ...rules.flatMap((rule) => ruleLines(rule)),
    ...rollouts.flatMap((rollout) => ruleLines(rollout, "rollout")),
    ...url_rules.flatMap((rule) => ruleLines(rule)),
  ];
  if (typeof decision === "string")
    return `${[...lines, `nobody can be sent anywhere: ${decision}`].join("\n")}\n`;
  const { type, rule, stack, flavor, is_fallback, locations } = decision;
  const why = rule === null ? type : `${type} ${rule}`;
  lines.push(`${why}${is_fallback ? ", as what led elsewhere has no hosts" : ""}`);
  if (stack !== null)
    lines.push(
      `${stack}/${flavor}, one of ${hosts.filter((one) => one.whitelisted).length} whitelisted hosts`,
    );
  return `${[...lines, ...locations.map(({ url }) => `-> ${url}`)].join("\n")}\n`;
}

function ruleLines({ rule, conditions }: ExplainedRule, kind = "rule"): string[] {
  return [`${kind} ${rule}`, ...conditions.map((condition) => `  ${conditionText(condition)}`)];
}

function conditionText({ operator, operands, given, holds, note }: ExplainedCondition): string {
  const { param, ...others } = operands;
  const subject = typeof param === "string" ? `${param} ` : "";
  const sent = given === undefined ? "" : given === null ? ", not sent" : `, sent ${JSON.stringify(given)}`;
  const rest = Object.keys(others).length === 0 ? "" : ` ${JSON.stringify(others)}`;
  return `${holds ? "yes" : "no "} ${subject}${operator}${rest}${sent}${note === undefined ? "" : ` (${note})`}`;
}
