/**
 * The redirect plane: answers beside nginx and HAProxy, decisions of the engine, memory of lists, swaps of models. How it is
 * measured stands in docs/reference/performance.md.
 *
 *   bun run bench redirect --help
 */
import { parseArgs } from "node:util";
import { redirectReport } from "./redirect/report.ts";
import { type Area, AREAS, type RedirectOptions, type RedirectResult, runRedirect } from "./redirect/run.ts";
import { runBenchArea } from "./support/bench_command.ts";
import { markdownTable, plainTable } from "./support/table.ts";

const HELP = `usage: bun run bench redirect [--areas LIST] [--rounds N] [--seconds N] [--base] [--json FILE] [--write-docs]
       bun run bench redirect --from FILE [--write-docs]

CPU time per answer beside nginx and HAProxy for 10, 1,000 and 10,000 rules, decisions of the engine alone, memory of a list of a
million entries, swaps of models with 10,000 rules. Takes about ten minutes, and a machine of two cores that does nothing else.

  --areas LIST   of ${AREAS.join(",")} (all)
  --rounds N     rounds in which all is measured in turn (5)
  --seconds N    length of a measured stretch of answers (4)
  --base         measure the checkout that BASE= names as well
  --json FILE    where the result is written (test-results/bench-redirect.json)
  --from FILE    show that result instead of measuring
  --write-docs   put the table into docs/reference/performance.md
  --help         print this
`;

function count(text: string, name: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 100)
    throw new Error(`--${name} ${text}: expected a whole number from 1 to 100`);
  return value;
}

function areasOf(text: string): Area[] {
  return text.split(",").map((name) => {
    const area = AREAS.find((one) => one === name);
    if (area === undefined) throw new Error(`--areas ${name}: expected some of ${AREAS.join(",")}`);
    return area;
  });
}

function readOptions(args: readonly string[]): RedirectOptions | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      areas: { type: "string", default: AREAS.join(",") },
      rounds: { type: "string", default: "5" },
      seconds: { type: "string", default: "4" },
      base: { type: "boolean", default: false },
      json: { type: "string", default: "test-results/bench-redirect.json" },
      from: { type: "string" },
      "write-docs": { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return null;
  return {
    areas: areasOf(values.areas),
    rounds: count(values.rounds, "rounds"),
    seconds: count(values.seconds, "seconds"),
    withBase: values.base,
    json: values.json,
    from: values.from ?? null,
    writeDocs: values["write-docs"],
  };
}

/** Runs the bench with these arguments. Returns the exit code: 1 when something was not measured, 2 for a wrong use. */
export function benchRedirect(args: readonly string[]): Promise<number> {
  return runBenchArea(
    {
      name: "redirect",
      help: HELP,
      readOptions,
      measure: runRedirect,
      text: (result: RedirectResult) => redirectReport(result, plainTable),
      markdown: (result: RedirectResult) => redirectReport(result, markdownTable),
      isGood: ({ missing }: RedirectResult) => missing.length === 0,
    },
    args,
  );
}

if (import.meta.main) process.exit(await benchRedirect(process.argv.slice(2)));
