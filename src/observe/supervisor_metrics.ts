/** Metrics that the supervisor keeps itself: they change seldom, so they are plain values by label. */
import {
  AXES,
  CATALOGUE,
  METRIC_NAMES,
  type MetricDefinition,
  metricDefinition,
  type SupervisorMetric,
} from "./catalogue.ts";
import { labelText, SeriesSums } from "./series_sums.ts";

type NamesOfType<Type extends MetricDefinition["type"]> = {
  [Name in SupervisorMetric]: (typeof CATALOGUE)[Name]["type"] extends Type ? Name : never;
}[SupervisorMetric];

export type SupervisorCounter = NamesOfType<"counter">;
export type SupervisorGauge = NamesOfType<"gauge">;

export const RELOAD_RESULTS = ["success", "failure"] as const;

export class SupervisorMetrics {
  readonly #values = new Map<SupervisorMetric, Map<string, number>>();

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
  }
}

function textOf(name: SupervisorMetric, values: readonly string[]): string {
  const labels = metricDefinition(name).axes.flatMap((axis): readonly string[] => AXES[axis]);
  if (labels.length !== values.length) throw new RangeError(`${name} has ${labels.length} labels`);
  return labelText(labels, values);
}
