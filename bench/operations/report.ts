/** The result of a run as tables, for the terminal and for the reference page. */
import { spread } from "../support/statistics.ts";
import { markdownTable, plainTable, type Table } from "../support/table.ts";
import { AREAS, type Area, type Figure, type OperationsResult } from "./figure.ts";

const TITLES: Readonly<Record<Area, string>> = {
  reload: "Reloads under 1,000 requests per second",
  memory: "Resident memory over many reloads",
  succession: "Replacing the program under 1,000 requests per second",
  probes: "Health checks",
  metrics: "Metrics page under 1,000 requests per second",
};
const NONE = "–";
/** Others use less than this of a machine that is quiet. */
const QUIET = 0.05;

function text(value: number, unit: Figure["unit"]): string {
  switch (unit) {
    case "count":
      return String(value);
    case "s":
      return value.toFixed(3);
    case "ms":
    case "x":
      return value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2);
    case "%":
    case "MiB":
      return value.toFixed(1);
    default:
      return unit satisfies never;
  }
}

const UNITS: Readonly<Record<Figure["unit"], string>> = {
  s: ", s",
  ms: ", ms",
  x: "",
  "%": ", %",
  MiB: ", MiB",
  count: "",
};

function cell({ values, unit }: Figure, program: string): string {
  const all = values[program] ?? [];
  if (all.length === 0) return NONE;
  const { median, lowest, highest } = spread(all);
  if (all.length === 1) return text(median, unit);
  return `${text(median, unit)} (${text(lowest, unit)} to ${text(highest, unit)})`;
}

/** Whether the median of Fairlead keeps the goal; of what must not happen, the highest. */
function keeps({ goal, atLeast = false, values, unit }: Figure): boolean | null {
  const own = values["fairlead"] ?? [];
  if (goal === null || own.length === 0) return null;
  const { median, highest } = spread(own);
  return atLeast ? median >= goal : (unit === "count" ? highest : median) <= goal;
}

function table(result: OperationsResult, area: Area): Table {
  const figures = result.figures.filter((figure) => figure.area === area);
  const programs = result.programs.filter(({ name }) =>
    figures.some(({ values }) => values[name] !== undefined),
  );
  const goal = (figure: Figure): string => {
    if (figure.goal === null) return "";
    const kept = keeps(figure);
    return `${figure.atLeast === true ? "≥" : "≤"} ${figure.goal}${kept === null ? "" : kept ? " yes" : " no"}`;
  };
  return {
    head: ["", "goal", ...programs.map(({ label }) => label)],
    rows: figures.map((figure) => [
      `${figure.title}${UNITS[figure.unit]}`,
      goal(figure),
      ...programs.map(({ name }) => cell(figure, name)),
    ]),
  };
}

function conditions(result: OperationsResult): string {
  const { cpu, cores, kernel, memory } = result.machine;
  const versions = result.programs.map(({ label, version }) => `${label} ${version}`).join(", ");
  const others = `${(result.foreignShare * 100).toFixed(0)} %`;
  const quiet =
    result.foreignShare < QUIET
      ? "The machine was quiet."
      : `The machine was not quiet: others used up to ${others} of it just before an area.`;
  return (
    `${cpu}, ${cores} cores, ${memory}, ${kernel}; ${result.date.slice(0, 10)}. ${versions}. ` +
    `${result.workers} workers, ${result.rounds} rounds, of reloads ${result.reloads} in each; programs and load share ` +
    `all cores. ${quiet} Median (lowest to highest).`
  );
}

function problemsOf(result: OperationsResult): string[] {
  return [
    ...result.missing.map(({ name, reason }) => `${name} was not measured: ${reason}`),
    ...result.problems,
  ];
}

/** True when everything that was asked for was measured. Goals are told, not judged: they depend on the machine. */
export function isComplete(result: OperationsResult): boolean {
  return problemsOf(result).length === 0;
}

function report(
  result: OperationsResult,
  title: (text: string) => string,
  write: (table: Table) => string,
): string {
  const parts = [conditions(result)];
  for (const area of AREAS) {
    const found = table(result, area);
    if (found.rows.length > 0) parts.push(`${title(TITLES[area])}${write(found)}`);
  }
  const goals = result.figures.map(keeps).filter((kept) => kept !== null);
  parts.push(`Of ${goals.length} goals, ${goals.filter(Boolean).length} are kept.`);
  const problems = problemsOf(result);
  if (problems.length > 0) parts.push(`Problems:\n\n${problems.map((line) => `- ${line}`).join("\n")}`);
  return parts.join("\n\n");
}

export const textReport = (result: OperationsResult): string =>
  report(result, (line) => `${line}\n`, plainTable);

export const markdownReport = (result: OperationsResult): string =>
  report(result, (line) => `### ${line}\n\n`, markdownTable);
