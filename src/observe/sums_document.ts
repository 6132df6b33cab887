/** Sums of series as plain JSON. They come from a file that another version wrote, or that somebody has damaged. */
import { AXES, CATALOGUE, type MetricDefinition, type MetricType } from "./catalogue.ts";

type NumberRow = readonly [part: string, rest: string, value: number];
type HistogramRow = readonly [
  part: string,
  rest: string,
  bounds: readonly number[],
  cells: readonly number[],
];

/** Name, type, then per series its two label texts and a number, or bounds and cells. */
export interface SumsDocument {
  readonly families: readonly {
    readonly name: string;
    readonly type: MetricType;
    readonly numbers: readonly NumberRow[];
    readonly histograms: readonly HistogramRow[];
  }[];
}

const TYPES: ReadonlySet<unknown> = new Set<MetricType>(["counter", "gauge", "histogram"]);
/** As `labelText` of series_sums.ts writes it. */
const LABEL = /([a-z_][a-z0-9_]*)="(?:[^"\\\n]|\\[\\"n])*"(?:,(?=[a-z_])|$)/y;

/**
 * Throws TypeError for what would spoil metrics. Series whose labels are not those that this version gives the metric
 * are left out: beside today's they would be counted twice or make the exposition unreadable.
 */
export function readSumsDocument(value: object): SumsDocument {
  const families = list((value as Partial<SumsDocument>).families).map((family) => {
    const { name, type, numbers, histograms } = (family ?? {}) as Record<string, unknown>;
    if (typeof name !== "string" || !TYPES.has(type)) refuse();
    const fits = fitting(name);
    return {
      name,
      type: type as MetricType,
      numbers: list(numbers).map(numberRow).filter(fits),
      histograms: list(histograms).map(histogramRow).filter(fits),
    };
  });
  return { families };
}

function refuse(): never {
  throw new TypeError("not totals of metrics");
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : refuse();
}

const isSum = (value: unknown): value is number =>
  typeof value === "number" && value >= 0 && value < Infinity;

function numberRow(row: unknown): NumberRow {
  const [part, rest, value] = list(row);
  if (typeof part !== "string" || typeof rest !== "string" || !isSum(value)) refuse();
  return [part, rest, value];
}

function histogramRow(row: unknown): HistogramRow {
  const [part, rest, bounds, cells] = list(row);
  if (typeof part !== "string" || typeof rest !== "string") refuse();
  const sums = list(cells);
  if (sums.length !== checkedBounds(list(bounds)).length + 2 || !sums.every(isSum)) refuse();
  return [part, rest, bounds as number[], sums];
}

function checkedBounds(bounds: readonly unknown[]): readonly unknown[] {
  let before = -Infinity;
  for (const bound of bounds) {
    if (typeof bound !== "number" || !(bound > before && bound < Infinity)) refuse();
    before = bound;
  }
  return bounds;
}

/** Tells which rows of the metric `name` have its labels. What this version does not know it does not show either. */
function fitting(name: string): (row: NumberRow | HistogramRow) => boolean {
  const known: Readonly<Record<string, MetricDefinition>> = CATALOGUE;
  if (!Object.hasOwn(known, name)) return () => true;
  const [first = [], ...others] = known[name]!.axes.map((axis) => AXES[axis]);
  const part = first.join();
  const rest = others.flat().join();
  return (row) => labelNames(row[0]) === part && labelNames(row[1]) === rest;
}

/** Names of the labels of a text, null when it is no text of labels. */
function labelNames(text: string): string | null {
  const names: string[] = [];
  for (LABEL.lastIndex = 0; LABEL.lastIndex < text.length;) {
    const name = LABEL.exec(text)?.[1];
    if (name === undefined) return null;
    names.push(name);
  }
  return names.join();
}
