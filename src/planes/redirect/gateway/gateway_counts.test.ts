import { expect, test } from "bun:test";
import { SupervisorMetrics } from "../../../observe/supervisor_metrics.ts";
import { SeriesSums } from "../../../observe/series_sums.ts";
import type { Decision } from "../../../core/redirect/decision.ts";
import { MAX_RULE_SERIES, RedirectMetrics } from "../redirect_metrics.ts";
import { GatewayCounts } from "./gateway_counts.ts";

const decision = (changes: Partial<Decision> = {}): Decision => ({
  type: "PATH_RULE",
  rule: "two",
  share: null,
  url_rules: [],
  locations: [],
  stack: null,
  flavor: null,
  is_fallback: false,
  spill: null,
  shared: null,
  ...changes,
});

test("what is counted is told once, and the first of it is noticed", () => {
  const counts = new GatewayCounts();
  let noticed = 0;
  counts.onFirst = () => noticed++;
  expect(counts.take()).toEqual([]);
  counts.decided("a1", decision());
  counts.decided("a1", decision({ spill: "local" }));
  counts.decided("a1", decision({ type: "DEFAULT_SERVER", rule: null, is_fallback: true, spill: "remote" }));
  counts.refused("-", "unknown_application");
  counts.dropped(2);
  expect(noticed).toBe(1);
  expect(counts.take()).toEqual([
    ["redirect_decisions_total", ["a1", "PATH_RULE"], 2],
    ["redirect_decisions_total", ["a1", "DEFAULT_SERVER"], 1],
    ["redirect_rule_decisions_total", ["a1", "two"], 2],
    ["redirect_spill_overs_total", ["a1", "remote"], 1],
    ["redirect_fallbacks_total", ["a1"], 1],
    ["redirect_refusals_total", ["-", "unknown_application"], 1],
    ["redirect_dropped_parameters_total", [], 2],
  ]);
  expect(counts.take()).toEqual([]);
  counts.dropped(1);
  expect(noticed).toBe(2);
});

test("names like those of objects' own members are names like others", () => {
  const counts = new GatewayCounts();
  counts.decided("__proto__", decision({ rule: "constructor" }));
  expect(counts.take()).toContainEqual(["redirect_rule_decisions_total", ["__proto__", "constructor"], 1]);
});

test("however many rules decide, the number of series is bounded and none is lost", () => {
  const metrics = new SupervisorMetrics();
  const redirect = new RedirectMetrics(metrics);
  for (let number = 0; number < 3 * MAX_RULE_SERIES; number++)
    redirect.counted([["redirect_rule_decisions_total", ["a1", `rule-${number}`], 2]]);
  redirect.counted([["redirect_rule_decisions_total", ["a1", "rule-0"], 5]]);
  redirect.counted([["build_info" as never, ["a", "b"], 1]]);
  const sums = new SeriesSums();
  metrics.addTo(sums, true);
  const values = [...sums.families.get("redirect_rule_decisions_total")!.numbers.keys()];
  expect(values.length).toBe(MAX_RULE_SERIES + 1);
  const at = (rule: string) =>
    sums.families.get("redirect_rule_decisions_total")!.numbers.get(`app="a1",rule="${rule}"`)?.get("");
  expect([at("rule-0"), at("(other)")]).toEqual([7, 4 * MAX_RULE_SERIES]);
});
