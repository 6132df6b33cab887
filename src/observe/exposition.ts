/** Prometheus text exposition format 0.0.4. */
import { METRIC_NAMES, metricDefinition } from "./catalogue.ts";
import type { HistogramSum, SeriesSums } from "./series_sums.ts";

export const EXPOSITION_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Full name of a metric: `prefix_name`; a prefix may be empty or already end in `_`. */
export function metricFullName(prefix: string, name: string): string {
  return prefix === "" || prefix.endsWith("_") ? `${prefix}${name}` : `${prefix}_${name}`;
}

/** A number as the format has it: Go's syntax for floats. */
export function sampleText(value: number): string {
  if (value === Infinity) return "+Inf";
  if (value === -Infinity) return "-Inf";
  return String(value);
}

/** Writes all families of the catalogue that have a series, in the catalogue's order. */
export function exposition(sums: SeriesSums, prefix: string): string {
  let text = "";
  for (const name of METRIC_NAMES) {
    const family = sums.families.get(name);
    if (family === undefined) continue;
    const { type, help } = metricDefinition(name);
    const full = metricFullName(prefix, name);
    let lines = "";
    if (type === "histogram") {
      for (const [part, rows] of family.histograms) {
        for (const [rest, sum] of rows) lines += histogramLines(full, joined(part, rest), sum);
      }
    } else {
      for (const [part, rows] of family.numbers) {
        for (const [rest, value] of rows) lines += sampleLine(full, joined(part, rest), value);
      }
    }
    if (lines === "") continue;
    text += `# HELP ${full} ${escapeHelp(help)}\n# TYPE ${full} ${type}\n${lines}`;
  }
  return text;
}

function joined(part: string, rest: string): string {
  return part === "" || rest === "" ? part + rest : `${part},${rest}`;
}

function sampleLine(name: string, labels: string, value: number): string {
  return labels === "" ? `${name} ${sampleText(value)}\n` : `${name}{${labels}} ${sampleText(value)}\n`;
}

function histogramLines(name: string, labels: string, { bounds, cells }: HistogramSum): string {
  const separator = labels === "" ? "" : ",";
  let text = "";
  let count = 0;
  for (const [index, bound] of bounds.entries()) {
    count += cells[1 + index]!;
    text += `${name}_bucket{${labels}${separator}le="${sampleText(bound)}"} ${sampleText(count)}\n`;
  }
  count += cells[1 + bounds.length]!;
  text += `${name}_bucket{${labels}${separator}le="+Inf"} ${sampleText(count)}\n`;
  return (
    text + sampleLine(`${name}_sum`, labels, cells[0]! / 1000) + sampleLine(`${name}_count`, labels, count)
  );
}

/** HELP text: backslash and line feed are escaped. */
function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}
