/** The reference page of the metrics, made from the catalogue. */
import { AXES, METRIC_NAMES, metricDefinition, type MetricDefinition } from "./catalogue.ts";

const INTRODUCTION = `# Metrics

Prometheus text format at \`/metrics\` of the admin address. Every name starts with \`observability.metrics.prefix\`
(\`fairlead\`), an underscore follows. Counters keep their values over reloads and the death of a worker; a new
supervisor begins at 0. Of parts that have left the configuration the last 1,000 are shown, older ones add up under
\`(removed)\`.

The number of series depends on the configuration alone. Methods other than ${"`GET`, `HEAD`, `POST`, `PUT`, `DELETE`,\n`CONNECT`, `OPTIONS`, `TRACE`, `PATCH` and `QUERY`"} count as \`OTHER\`, requests without a route have the route \`-\`, and
nothing else that a client sends becomes a label. Histograms have the bounds of \`observability.metrics.buckets\`.
`;

const labelsOf = ({ axes }: MetricDefinition): string => {
  const labels = axes.flatMap((axis): readonly string[] => AXES[axis]);
  return labels.length === 0 ? "none" : labels.map((label) => `\`${label}\``).join(", ");
};

/** The page as Markdown, with a line feed at its end. `docs/reference/metrics.md` holds exactly this text. */
export function catalogueMarkdown(): string {
  const rows = METRIC_NAMES.map((name) => {
    const definition = metricDefinition(name);
    const shown = definition.rows === "all" ? "always" : "once used";
    return `| \`${name}\` | ${definition.type} | ${labelsOf(definition)} | ${shown} | ${definition.help} |`;
  });
  return `${INTRODUCTION}\n| name | type | labels | shown | meaning |\n|---|---|---|---|---|\n${rows.join("\n")}\n`;
}
