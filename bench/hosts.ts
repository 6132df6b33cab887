/**
 * The hosts plane: from a backend's death to the new line, what probes cost, what a change writes. How it is measured
 * stands in docs/reference/performance.md.
 *
 *   bun run bench hosts --help
 */
import { parseArgs } from "node:util";
import {
  FAILOVER_NAMES,
  runHosts,
  type HostsFigure,
  type HostsOptions,
  type HostsResult,
} from "./hosts/run.ts";
import { runBenchArea } from "./support/bench_command.ts";
import { spread } from "./support/statistics.ts";
import { markdownTable, plainTable, type Table } from "./support/table.ts";

const HELP = `usage: bun run bench hosts [--rounds N] [--seconds N] [--json FILE] [--write-docs]
       bun run bench hosts --from FILE [--write-docs]

Time from the death of a backend to the new line of the hosts file for ${FAILOVER_NAMES.join(", ")} names, CPU per 1,000 probes, bytes per
change. Takes about three minutes, and a machine that does nothing else. As root it measures black-holed candidates too.

  --rounds N     deaths per number of names (20)
  --seconds N    length of a measured stretch of probes (60)
  --json FILE    where the result is written (test-results/bench-hosts.json)
  --from FILE    show that result instead of measuring
  --write-docs   put the table into docs/reference/performance.md
  --help         print this
`;

function count(text: string, name: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 1_000)
    throw new Error(`--${name} ${text}: expected a whole number from 1 to 1000`);
  return value;
}

function readOptions(args: readonly string[]): HostsOptions | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: "string", default: "20" },
      seconds: { type: "string", default: "60" },
      json: { type: "string", default: "test-results/bench-hosts.json" },
      from: { type: "string" },
      "write-docs": { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return null;
  return {
    rounds: count(values.rounds, "rounds"),
    seconds: count(values.seconds, "seconds"),
    json: values.json,
    from: values.from ?? null,
    writeDocs: values["write-docs"],
  };
}

function cell({ values, digits }: HostsFigure): string {
  const { median, lowest, highest } = spread(values);
  const text = (value: number): string => value.toLocaleString("en", { maximumFractionDigits: digits });
  return values.length === 1 ? text(median) : `${text(median)} (${text(lowest)} to ${text(highest)})`;
}

const keeps = ({ goal, values }: HostsFigure): boolean | null =>
  goal === null ? null : spread(values).median <= goal;

function table(result: HostsResult): Table {
  const rows = result.figures.map((figure) => {
    const kept = keeps(figure);
    const goal = figure.goal === null ? "" : `≤ ${figure.goal} ${kept === true ? "yes" : "no"}`;
    return [figure.title, goal, cell(figure)];
  });
  return { head: ["", "goal", "Fairlead"], rows };
}

function conditions({ machine, date, commit, rounds, seconds }: HostsResult): string {
  const { cpu, cores, memory, kernel } = machine;
  return (
    `${cpu}, ${cores} cores, ${memory}, ${kernel}; ${date.slice(0, 10)}. Fairlead commit ${commit} on Bun ${Bun.version}. ` +
    `${rounds} deaths per number of names, ${seconds} s of probes. Median (lowest to highest).`
  );
}

const report = (result: HostsResult, write: (shown: Table) => string): string =>
  [conditions(result), write(table(result)), ...result.missing.map((line) => `Not measured: ${line}`)].join(
    "\n\n",
  );

/** Runs the bench with these arguments. Returns the exit code: 1 when something was not measured, 2 for a wrong use. */
export function benchHosts(args: readonly string[]): Promise<number> {
  return runBenchArea(
    {
      name: "hosts",
      help: HELP,
      readOptions,
      measure: runHosts,
      text: (result: HostsResult) => report(result, plainTable),
      markdown: (result: HostsResult) => report(result, markdownTable),
      isGood: ({ missing }: HostsResult) => missing.length === 0,
    },
    args,
  );
}

if (import.meta.main) process.exit(await benchHosts(process.argv.slice(2)));
