/** What the gateway of a worker has counted since it last told: the names of applications and rules are those of models, so their number is bounded by these. */
import type { Decision } from "../../../core/redirect/decision.ts";
import type { RefusalCode } from "./refusals.ts";

/** Counters of the catalogue that workers add to. */
export const GATEWAY_COUNTERS = [
  "redirect_decisions_total",
  "redirect_rule_decisions_total",
  "redirect_refusals_total",
  "redirect_fallbacks_total",
  "redirect_spill_overs_total",
  "redirect_dropped_parameters_total",
] as const;
export type GatewayCounter = (typeof GATEWAY_COUNTERS)[number];

/** So much is to be added to a series. */
export type CountedRow = readonly [counter: GatewayCounter, labels: readonly string[], amount: number];

/** The application of refusals for names that no application has. */
export const NO_APPLICATION = "-";

type Counts = Map<string, Count>;

class Count {
  amount = 0;
}

interface AppCounts {
  readonly types: Counts;
  readonly rules: Counts;
  readonly refusals: Counts;
  readonly spills: Counts;
  fallbacks: number;
}

export class GatewayCounts {
  /** Called with the first thing that is counted after `take`. */
  onFirst: (() => void) | null = null;
  #apps = new Map<string, AppCounts>();
  #dropped = 0;
  #isEmpty = true;

  decided(app: string, { type, rule, is_fallback, spill }: Decision): void {
    const counts = this.#countsOf(app);
    add(counts.types, type);
    if (rule !== null) add(counts.rules, rule);
    if (is_fallback) counts.fallbacks++;
    if (spill !== null && spill !== "local") add(counts.spills, spill);
  }

  refused(app: string, code: RefusalCode): void {
    add(this.#countsOf(app).refusals, code);
  }

  /** Parameters were not looked at because their sender may not say them. */
  dropped(count: number): void {
    this.#begin();
    this.#dropped += count;
  }

  /** All that has been counted, and begins anew. */
  take(): CountedRow[] {
    const apps = this.#apps;
    const dropped = this.#dropped;
    this.#apps = new Map();
    this.#dropped = 0;
    this.#isEmpty = true;
    const rows = [...apps].flatMap(([app, counts]) => rowsOf(app, counts));
    if (dropped > 0) rows.push(["redirect_dropped_parameters_total", [], dropped]);
    return rows;
  }

  #begin(): void {
    if (!this.#isEmpty) return;
    this.#isEmpty = false;
    this.onFirst?.();
  }

  #countsOf(app: string): AppCounts {
    const known = this.#apps.get(app);
    if (known !== undefined) return known;
    this.#begin();
    const counts: AppCounts = {
      types: new Map(),
      rules: new Map(),
      refusals: new Map(),
      spills: new Map(),
      fallbacks: 0,
    };
    this.#apps.set(app, counts);
    return counts;
  }
}

function add(counts: Counts, key: string): void {
  let count = counts.get(key);
  if (count === undefined) {
    count = new Count();
    counts.set(key, count);
  }
  count.amount++;
}

function rowsOf(app: string, { types, rules, refusals, spills, fallbacks }: AppCounts): CountedRow[] {
  const rows = (counter: GatewayCounter, counts: Counts): CountedRow[] =>
    [...counts].map(([key, { amount }]) => [counter, [app, key], amount]);
  const fallback: CountedRow[] = fallbacks > 0 ? [["redirect_fallbacks_total", [app], fallbacks]] : [];
  return [
    ...rows("redirect_decisions_total", types),
    ...rows("redirect_rule_decisions_total", rules),
    ...rows("redirect_refusals_total", refusals),
    ...rows("redirect_spill_overs_total", spills),
    ...fallback,
  ];
}
