/** Metrics that the supervisor keeps itself: they change seldom, so they are plain values by label. */
import {
  AXES,
  CATALOGUE,
  METRIC_NAMES,
  type MetricDefinition,
  metricDefinition,
  type SupervisorMetric,
} from "./catalogue.ts";
import { DEFAULT_METRICS } from "../core/defaults.ts";
import { observeHistogram } from "./counters.ts";
import { labelText, SeriesSums } from "./series_sums.ts";

type NamesOfType<Type extends MetricDefinition["type"]> = {
  [Name in SupervisorMetric]: (typeof CATALOGUE)[Name]["type"] extends Type ? Name : never;
}[SupervisorMetric];

export type SupervisorCounter = NamesOfType<"counter">;
export type SupervisorGauge = NamesOfType<"gauge">;

export type SupervisorHistogram = NamesOfType<"histogram">;

const BOUNDS_MS = Float64Array.from(DEFAULT_METRICS.buckets_ms);
const BOUNDS_SECONDS = DEFAULT_METRICS.buckets_ms.map((bound) => bound / 1_000);

export const RELOAD_RESULTS = ["success", "failure"] as const;

export class SupervisorMetrics {
  readonly #values = new Map<SupervisorMetric, Map<string, number>>();
  /** Sum and buckets, by metric and labels; in the default buckets whatever the plan's are. */
  readonly #histograms = new Map<SupervisorHistogram, Map<string, Float64Array>>();

  constructor() {
    for (const name of METRIC_NAMES) {
      const { writer, type, axes } = metricDefinition(name);
      if (writer !== "supervisor") continue;
      // A counter without labels is there from the start, so that its first increase is seen as one.
      const start: [string, number][] = type === "counter" && axes.length === 0 ? [["", 0]] : [];
      this.#values.set(name as SupervisorMetric, new Map(start));
    }
    for (const result of RELOAD_RESULTS) this.count("config_reloads_total", [result], 0);
  }

  /** Adds to a counter. `labels`: one value per label of the metric, in the catalogue's order; throws on another number. */
  count(name: SupervisorCounter, labels: readonly string[] = [], amount = 1): void {
    const rows = this.#values.get(name)!;
    const text = textOf(name, labels);
    rows.set(text, (rows.get(text) ?? 0) + amount);
  }

  /** Adds a duration to a histogram. */
  observe(name: SupervisorHistogram, labels: readonly string[], valueMs: number): void {
    let rows = this.#histograms.get(name);
    if (rows === undefined) this.#histograms.set(name, (rows = new Map()));
    const text = textOf(name, labels);
    let cells = rows.get(text);
    if (cells === undefined) rows.set(text, (cells = new Float64Array(BOUNDS_MS.length + 2)));
    observeHistogram(cells, 0, BOUNDS_MS, valueMs);
  }

  /** Sets a gauge. */
  set(name: SupervisorGauge, labels: readonly string[], value: number): void {
    this.#values.get(name)!.set(textOf(name, labels), value);
  }

  /** Replaces all series of a gauge, so that what has gone from the configuration goes from the metric. */
  replace(name: SupervisorGauge, rows: Iterable<readonly [labels: readonly string[], value: number]>): void {
    this.#values.set(name, new Map([...rows].map(([labels, value]) => [textOf(name, labels), value])));
  }

  /** Adds the values to `sums`. Without `gauges` only what never falls. */
  addTo(sums: SeriesSums, gauges: boolean): void {
    for (const [name, rows] of this.#values) {
      const { type } = metricDefinition(name);
      if (type === "gauge" && !gauges) continue;
      for (const [labels, value] of rows) sums.addNumber(name, type, labels, "", value);
    }
    for (const [name, rows] of this.#histograms)
      for (const [labels, cells] of rows) sums.addHistogram(name, labels, "", BOUNDS_SECONDS, cells);
  }
}

function textOf(name: SupervisorMetric, values: readonly string[]): string {
  const labels = metricDefinition(name).axes.flatMap((axis): readonly string[] => AXES[axis]);
  if (labels.length !== values.length) throw new RangeError(`${name} has ${labels.length} labels`);
  return labelText(labels, values);
}
