/** Fuzz entry of the totals that a supervisor leaves in `counters.json`: whatever stands there, metrics stay readable. */
import { MetricsKeeper } from "../../src/observe/metrics_keeper.ts";
import { parseExposition } from "../../src/observe/test_exposition.ts";
import type { FuzzEntry, Outcome } from "./engine.ts";

function check(holds: boolean, broken: string): void {
  if (!holds) throw new Error(broken);
}

function run(bytes: Uint8Array): Outcome {
  const totals = documentOf(bytes);
  if (totals === null) return "no object";
  const keeper = new MetricsKeeper();
  const before = keeper.text("fairlead", []);
  const isTaken = isAdopted(keeper, totals);
  const after = keeper.text("fairlead", []);
  check(isTaken || after === before, "refused totals have left something");
  const { samples } = parseExposition(after);
  check(
    samples.every(({ value }) => value >= 0),
    "a metric has fallen below 0 or is no number",
  );
  const successor = new MetricsKeeper();
  check(isAdopted(successor, JSON.parse(JSON.stringify(keeper.totals())) as object), "totals are refused");
  return isTaken ? samples.length : "refused";
}

function documentOf(bytes: Uint8Array): object | null {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

function isAdopted(keeper: MetricsKeeper, totals: object): boolean {
  try {
    keeper.adopt(totals);
    return true;
  } catch (error) {
    if (error instanceof TypeError && error.message === "not totals of metrics") return false;
    throw error;
  }
}

const RELOADS = {
  name: "config_reloads_total",
  type: "counter",
  numbers: [
    ['result="success"', "", 2],
    ['result="failure"', "", 1],
  ],
  histograms: [],
};
const DURATIONS = {
  name: "http_request_duration_seconds",
  type: "histogram",
  numbers: [],
  histograms: [['route="a\\"b"', "", [0.1, 1], [12.5, 1, 2, 0]]],
};
const REQUESTS = {
  name: "http_requests_total",
  type: "counter",
  numbers: [['route="api"', 'method="GET",class="2xx"', 3]],
  histograms: [],
};

export const metricTotals: FuzzEntry = {
  name: "metric_totals",
  run,
  seeds: () =>
    [[RELOADS], [DURATIONS], [REQUESTS, RELOADS], []].map((families) =>
      new TextEncoder().encode(`${JSON.stringify({ families })}\n`),
    ),
  tokens: [
    "{}",
    "[]",
    "null",
    '"',
    ",",
    ":",
    "\\n",
    '\\"',
    "1e999",
    "1e308",
    "-1",
    'result=\\"success\\"',
    "__proto__",
  ],
};
