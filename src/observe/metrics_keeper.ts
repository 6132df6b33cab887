/**
 * Metrics of the whole program, in the supervisor: what living workers have in their regions, what dead workers and
 * former layouts left, and what the supervisor counts itself. Counters never fall.
 */
import type { Plan } from "../core/plan.ts";
import type { CounterKeeper, CounterLayout } from "../core/worker_program.ts";
import { type ExpositionFormat, prometheusText } from "./exposition.ts";
import { type LayoutDocument, MetricLayout } from "./metric_layout.ts";
import { SeriesSums } from "./series_sums.ts";
import { readSumsDocument, type SumsDocument } from "./sums_document.ts";
import { SupervisorMetrics } from "./supervisor_metrics.ts";

/** Routes, backends and so on that are shown although no plan has them any more, per metric. */
const MAX_REMOVED = 1_000;

/**
 * Left regions that are still read: an exchange that began under the former plan writes there when it ends. The
 * oldest are added to the totals for good.
 */
const MAX_LINGERING = 64;

/** A region that a worker writes to. */
export interface LiveRegion {
  readonly layout: CounterLayout;
  readonly values: Float64Array;
}

interface Region {
  readonly layout: MetricLayout;
  readonly values: Float64Array;
}

export class MetricsKeeper implements CounterKeeper {
  readonly supervisor = new SupervisorMetrics();
  readonly #limitSlots: (plan: Plan) => number;
  readonly #totals = new SeriesSums();
  readonly #lingering: Region[] = [];

  /** `limitSlots`: numbers per worker that a plan needs for limits of the whole machine. */
  constructor(limitSlots: (plan: Plan) => number = () => 0) {
    this.#limitSlots = limitSlots;
  }

  layout(plan: Plan): MetricLayout {
    return MetricLayout.ofPlan(plan, this.#limitSlots(plan));
  }

  retire(layout: CounterLayout, values: Float64Array): void {
    this.#lingering.push({ layout: metricLayout(layout), values });
    while (this.#lingering.length > MAX_LINGERING) this.#fold(this.#lingering.shift()!);
  }

  #fold({ layout, values }: Region): void {
    this.#totals.addRegion(layout, values, false);
    this.#totals.forgetOldest(layout, MAX_REMOVED);
  }

  /** Counters of all that has been retired, and of `live` too where its regions are not passed on: for a successor. */
  totals(live: Iterable<LiveRegion> = []): SumsDocument {
    const sums = new SeriesSums();
    sums.add(this.#totals);
    for (const { layout, values } of this.#lingering) sums.addRegion(layout, values, false);
    for (const { layout, values } of live) sums.addRegion(metricLayout(layout), values, false);
    this.supervisor.addTo(sums, false);
    return sums.toJSON();
  }

  /** Goes on from the totals of another program. Throws TypeError for a damaged document, and takes nothing of it. */
  adopt(totals: object): void {
    this.#totals.add(SeriesSums.ofDocument(readSumsDocument(totals)));
  }

  /** All metrics in a format; `live` are the regions of the workers that run. */
  text(prefix: string, live: Iterable<LiveRegion>, format: ExpositionFormat = prometheusText): string {
    const sums = new SeriesSums();
    sums.add(this.#totals);
    for (const { layout, values } of this.#lingering) sums.addRegion(layout, values, false);
    for (const { layout, values } of live) sums.addRegion(metricLayout(layout), values, true);
    this.supervisor.addTo(sums, true);
    return format.write(sums, prefix);
  }
}

/** The layout with its series: it is one of ours, or one that was written down. Throws TypeError for another kind. */
function metricLayout(layout: CounterLayout): MetricLayout {
  if (layout instanceof MetricLayout) return layout;
  if (!("blocks" in layout)) throw new TypeError("not a layout of metrics");
  return MetricLayout.ofDocument(layout as LayoutDocument);
}
