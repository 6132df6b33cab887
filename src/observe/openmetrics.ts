/** OpenMetrics 1.0.0 (github.com/OpenObservability/OpenMetrics, specification/OpenMetrics.md). */
import { type MetricDefinition, type MetricName } from "./catalogue.ts";
import { escapeHelp, type ExpositionFormat, familyTexts, metricFullName } from "./exposition.ts";

/** Units that our names end in. */
const UNITS = ["seconds", "bytes"] as const;

export const openMetrics: ExpositionFormat = {
  contentType: "application/openmetrics-text; version=1.0.0; charset=utf-8",
  write: (sums, prefix) =>
    `${familyTexts(
      sums,
      (name, definition) => head(metricFullName(prefix, familyName(name)), name, definition),
      (name) => metricFullName(prefix, name),
      boundText,
    )}# EOF\n`,
};

/** A family has the name of its metric without what its type adds in samples: `_total` of counters, `_info` of infos. */
function familyName(name: MetricName): string {
  return name.replace(/_(?:total|info)$/, "");
}

function head(family: string, name: MetricName, { type, help }: MetricDefinition): string {
  const unit = UNITS.find((each) => family.endsWith(`_${each}`));
  const shown = name.endsWith("_info") ? "info" : type;
  const escaped = escapeHelp(help).replaceAll('"', '\\"');
  return `# TYPE ${family} ${shown}\n${unit === undefined ? "" : `# UNIT ${family} ${unit}\n`}# HELP ${family} ${escaped}\n`;
}

/** A bound is a float that is always written in one way: `0.25`, `1.0`, `1e+06` (section "Numbers"). */
function boundText(seconds: number): string {
  if (seconds >= 1e6) return seconds.toExponential().replace(/e\+(\d)$/, "e+0$1");
  return Number.isInteger(seconds) ? `${seconds}.0` : String(seconds);
}
