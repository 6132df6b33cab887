/** Metrics of the redirector: what workers have counted, and how models, hosts and files stand. */
import type { SupervisorMetrics } from "../../observe/supervisor_metrics.ts";
import { type CountedRow, GATEWAY_COUNTERS, type GatewayCounter } from "./gateway/gateway_counts.ts";
import type { RedirectEvent } from "./follower.ts";
import type { FollowerStatus } from "./follower_status.ts";

/** Rules of all applications that have a series of their own; further ones share one for each application. */
export const MAX_RULE_SERIES = 1_000;
const OTHER_RULES = "(other)";
const NO_APPLICATION = "-";

export class RedirectMetrics {
  readonly #metrics: SupervisorMetrics;
  readonly #rules = new Set<string>();

  constructor(metrics: SupervisorMetrics) {
    this.#metrics = metrics;
  }

  /** What a worker has told; what is no row of ours is passed over. */
  counted(rows: readonly CountedRow[]): void {
    for (const [counter, labels, amount] of rows)
      if (GATEWAY_COUNTERS.includes(counter))
        this.#metrics.count(counter, this.#bounded(counter, labels), amount);
  }

  #bounded(counter: GatewayCounter, labels: readonly string[]): readonly string[] {
    if (counter !== "redirect_rule_decisions_total") return labels;
    const key = JSON.stringify(labels);
    if (!this.#rules.has(key) && this.#rules.size >= MAX_RULE_SERIES) return [labels[0]!, OTHER_RULES];
    this.#rules.add(key);
    return labels;
  }

  /** Counts what an operator is told of. */
  reported({ event, fields }: RedirectEvent): void {
    if (event !== "redirect_refused") return;
    const app = fields?.["app"];
    this.#metrics.count("redirect_models_refused_total", [typeof app === "string" ? app : NO_APPLICATION]);
  }

  /** Brings the gauges to how things stand; null = there is no redirector. */
  measure(status: FollowerStatus | null): void {
    const metrics = this.#metrics;
    const { apps = [], discovery = null, last_known_good: good = null } = status ?? {};
    const models = apps.flatMap(({ app, version }) => (version === null ? [] : [{ app, version }]));
    metrics.replace(
      "redirect_model_version",
      models.map(({ app, version }) => [[app], version]),
    );
    metrics.replace(
      "redirect_hosts",
      apps.map(({ app, hosts }) => [[app], hosts]),
    );
    metrics.replace("redirect_hosts_kept", keptRows(discovery));
    metrics.replace(
      "redirect_ignored_registrations",
      discovery === null ? [] : [[[], discovery.skipped.count]],
    );
    metrics.replace(
      "redirect_last_known_good_age_seconds",
      good === null || good.age_ms === null ? [] : [[[], good.age_ms / 1_000]],
    );
  }
}

/** Of each application that has hosts in its grace. */
function keptRows(discovery: FollowerStatus["discovery"]): [labels: [string], value: number][] {
  const kept = new Map<string, number>();
  for (const { stack, hosts } of discovery?.graces ?? []) {
    const app = stack.slice(stack.lastIndexOf("/") + 1);
    kept.set(app, (kept.get(app) ?? 0) + hosts);
  }
  return [...kept].map(([app, hosts]) => [[app], hosts]);
}
