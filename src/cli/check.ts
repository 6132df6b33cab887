/** `fairlead check`: reads a configuration as `run` would and says what is wrong with it, or where each value comes from. */
import { configJsonSchema } from "../config/json_schema.ts";
import { loadConfig, type LoadResult } from "../config/load.ts";
import type { OriginRow } from "../config/origins.ts";
import type { ConfigParts } from "../config/parts.ts";
import { problemText } from "../config/problem.ts";
import { counted } from "../core/text/counted.ts";
import { malformedSet, setFlag } from "./set_flag.ts";
import { DEFAULT_CONFIG_FILE, readOptions, terminal, usageError, type Output } from "./command.ts";

const HELP = `usage: fairlead check [-c FILE] [--set PATH=VALUE …] [--origin] [--json]
       fairlead check --schema

Reads the configuration as "fairlead run" would (FILE, the files of conf.d/ beside it, FAIRLEAD_… variables, flags),
checks it as a whole and applies nothing. Prints every problem as FILE:LINE:COLUMN: PATH: what is wrong.

  -c, --config FILE    the main file (default: ${DEFAULT_CONFIG_FILE})
      --set PATH=VALUE set one value, as in --set pools.web.queue.size=10; lists and maps are JSON
      --origin         print every value and what set it: a file and line, a variable, a flag, or the default
      --json           print the result as JSON
      --schema         print the JSON Schema of the file, for editors
  -h, --help           print this

examples:
  fairlead check -c /etc/fairlead/fairlead.yaml
  FAIRLEAD_TIMEOUTS__CONNECT=1s fairlead check --origin
  fairlead check --json | jq '.problems[].message'
  fairlead check --schema > fairlead.schema.json

exit code: 0 when the configuration can be applied as it stands, 1 when something is wrong
`;

const OPTIONS = {
  config: { type: "string", short: "c", default: DEFAULT_CONFIG_FILE },
  set: { type: "string", multiple: true, default: [] as string[] },
  origin: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  schema: { type: "boolean", default: false },
} as const;

/** Runs the command with the arguments behind `check`. Returns the exit code. */
export async function checkCommand(
  args: readonly string[],
  parts: ConfigParts,
  output: Output = terminal,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<number> {
  const given = readOptions("check", HELP, args, OPTIONS, output);
  if (typeof given === "number") return given;
  const malformed = malformedSet(given.set);
  if (malformed !== null) return usageError("check", malformed, output);
  if (given.schema) {
    output.out(`${JSON.stringify(configJsonSchema(parts), null, 2)}\n`);
    return 0;
  }
  const { config: file, origin } = given;
  const { isOriginal } = await import("./hosts/hosts_plan.ts");
  if (await isOriginal(file, parts))
    return (await import("./hosts/check_original.ts")).checkOriginal(file, parts, given.json, output);
  const result = await loadConfig({ file, parts, environment, flags: given.set.map(setFlag) });
  const good = result.plan !== null && result.problems.length === 0;
  output.out(given.json ? jsonReport(result, good, origin) : textReport(result, good, file, origin));
  return good ? 0 : 1;
}

function jsonReport(result: LoadResult, good: boolean, origin: boolean): string {
  const report = {
    ok: good,
    problems: result.problems,
    warnings: result.warnings,
    degraded_files: result.degradedFiles,
    ...(origin ? { origins: result.origins.rows() } : {}),
  };
  return `${JSON.stringify(report, null, 2)}\n`;
}

function textReport(result: LoadResult, good: boolean, file: string, origin: boolean): string {
  const lines = [
    ...(origin ? originTable(result.origins.rows()) : []),
    ...result.warnings.map((warning) => `warning: ${problemText(warning)}`),
    ...result.problems.map(problemText),
    good ? `${file}: ok: ${summary(result)}` : `${file}: ${counted(result.problems.length, "problem")}`,
  ];
  return `${lines.join("\n")}\n`;
}

function summary({ plan }: LoadResult): string {
  const { listeners, pools, routes, hosts } = plan!;
  return [
    counted(listeners.length, "listener"),
    counted(pools.length, "pool"),
    counted(routes.length, "route"),
    ...(hosts === null ? [] : [counted(hosts.names.length, "name")]),
  ].join(", ");
}

/** Columns are at most that wide; longer values push the rest to the right. */
const MAX_COLUMN = 60;

function originTable(rows: readonly OriginRow[]): string[] {
  const cells = rows.map(({ path, value, source }) => [path, JSON.stringify(value), source] as const);
  const table = [["setting", "value", "set by"] as const, ...cells];
  const width = (column: 0 | 1): number =>
    Math.min(MAX_COLUMN, Math.max(...table.map((row) => Bun.stringWidth(row[column]))));
  const widths = [width(0), width(1)] as const;
  const padded = (text: string, to: number): string =>
    text + " ".repeat(Math.max(0, to - Bun.stringWidth(text)));
  return table.map(
    ([path, value, source]) => `${padded(path, widths[0])}  ${padded(value, widths[1])}  ${source}`,
  );
}
