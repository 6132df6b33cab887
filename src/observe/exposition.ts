/** Prometheus text exposition format 0.0.4, and what the formats of metrics share. */
import { METRIC_NAMES, metricDefinition, type MetricDefinition, type MetricName } from "./catalogue.ts";
import type { Family, HistogramSum, SeriesSums } from "./series_sums.ts";

/** A form in which metrics are shown. */
export interface ExpositionFormat {
  readonly contentType: string;
  /** Writes all families of the catalogue that have a series, in the catalogue's order. */
  write(sums: SeriesSums, prefix: string): string;
}

/** Full name of a metric: `prefix_name`; a prefix may be empty or already end in `_`. */
export function metricFullName(prefix: string, name: string): string {
  return prefix === "" || prefix.endsWith("_") ? `${prefix}${name}` : `${prefix}_${name}`;
}

/** A number as the formats have it: Go's syntax for floats. */
export function sampleText(value: number): string {
  if (value === Infinity) return "+Inf";
  if (value === -Infinity) return "-Inf";
  return String(value);
}

export const prometheusText: ExpositionFormat = {
  contentType: "text/plain; version=0.0.4; charset=utf-8",
  write: (sums, prefix) =>
    familyTexts(
      sums,
      (name, { type, help }) => {
        const full = metricFullName(prefix, name);
        return `# HELP ${full} ${escapeHelp(help)}\n# TYPE ${full} ${type}\n`;
      },
      (name) => metricFullName(prefix, name),
      sampleText,
    ),
};

/**
 * Samples of all families that have some, each family behind its `head`. `full` gives a family's name in samples, `bound`
 * the text of a histogram's bound.
 */
export function familyTexts(
  sums: SeriesSums,
  head: (name: MetricName, definition: MetricDefinition) => string,
  full: (name: MetricName) => string,
  bound: (seconds: number) => string,
): string {
  let text = "";
  for (const name of METRIC_NAMES) {
    const family = sums.families.get(name);
    if (family === undefined) continue;
    const definition = metricDefinition(name);
    const lines = sampleLines(family, full(name), bound);
    if (lines !== "") text += head(name, definition) + lines;
  }
  return text;
}

function sampleLines(
  { histograms, numbers }: Family,
  full: string,
  bound: (seconds: number) => string,
): string {
  let lines = "";
  for (const [part, rows] of histograms)
    for (const [rest, sum] of rows) lines += histogramLines(full, joined(part, rest), sum, bound);
  for (const [part, rows] of numbers)
    for (const [rest, value] of rows) lines += sampleLine(full, joined(part, rest), value);
  return lines;
}

function joined(part: string, rest: string): string {
  return part === "" || rest === "" ? part + rest : `${part},${rest}`;
}

function sampleLine(name: string, labels: string, value: number): string {
  return labels === "" ? `${name} ${sampleText(value)}\n` : `${name}{${labels}} ${sampleText(value)}\n`;
}

function histogramLines(
  name: string,
  labels: string,
  { bounds, cells }: HistogramSum,
  boundText: (seconds: number) => string,
): string {
  const separator = labels === "" ? "" : ",";
  let text = "";
  let count = 0;
  for (const [index, bound] of bounds.entries()) {
    count += cells[1 + index]!;
    text += `${name}_bucket{${labels}${separator}le="${boundText(bound)}"} ${sampleText(count)}\n`;
  }
  count += cells[1 + bounds.length]!;
  text += `${name}_bucket{${labels}${separator}le="+Inf"} ${sampleText(count)}\n`;
  return (
    text + sampleLine(`${name}_sum`, labels, cells[0]! / 1000) + sampleLine(`${name}_count`, labels, count)
  );
}

/** HELP text: backslash and line feed are escaped. */
export function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}
