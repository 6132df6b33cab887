import { expect, test } from "bun:test";
import { DEFAULT_METRICS } from "../core/defaults.ts";
import { MetricsKeeper } from "./metrics_keeper.ts";
import { parseExposition } from "./test_exposition.ts";

test("a histogram of the supervisor is shown, and goes on after another program has taken it over", () => {
  const keeper = new MetricsKeeper();
  for (const ms of [0, 1, 5, 6, 999, 60_000])
    keeper.supervisor.observe("probe_duration_seconds", ["web"], ms);
  const successor = new MetricsKeeper();
  successor.adopt(keeper.totals());
  successor.supervisor.observe("probe_duration_seconds", ["web"], 2);
  const values = parseExposition(successor.text("fairlead", []));
  const value = (name: string, le?: string): number =>
    values.value(`fairlead_probe_duration_seconds_${name}`, {
      pool: "web",
      ...(le === undefined ? {} : { le }),
    });
  expect([value("count"), value("bucket", "0.005"), value("bucket", "1"), value("bucket", "+Inf")]).toEqual([
    7, 4, 6, 7,
  ]);
  expect(value("sum")).toBeCloseTo(61.013, 6);
  expect(DEFAULT_METRICS.buckets_ms).toContain(5);
});
