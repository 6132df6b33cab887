import { expect, test } from "bun:test";
import { CATALOGUE, METRIC_NAMES } from "./catalogue.ts";
import { metricFullName, sampleText } from "./exposition.ts";
import { MetricsKeeper } from "./metrics_keeper.ts";
import { labelText } from "./series_sums.ts";
import { parseExposition } from "./test_exposition.ts";
import { testPlan } from "./test_plan.ts";

function freshText(prefix = "fairlead"): string {
  const keeper = new MetricsKeeper();
  const layout = keeper.layout(testPlan());
  return keeper.text(prefix, [{ layout, values: new Float64Array(layout.counters) }]);
}

test("a program that has done nothing shows well-formed metrics, errors and limits at 0", () => {
  const found = parseExposition(freshText());
  expect(found.sum("fairlead_request_errors_total")).toBe(0);
  expect(found.value("fairlead_limits_hit_total", { limit: "queue" })).toBe(0);
  expect(found.value("fairlead_worker_restarts_total")).toBe(0);
  expect(found.types.has("fairlead_http_requests_total")).toBe(false);
});

test("supervisor metrics are set, counted and replaced by label", () => {
  const keeper = new MetricsKeeper();
  const { supervisor } = keeper;
  supervisor.set("build_info", ["1.0", "bun 1.4.5"], 1);
  supervisor.set("config_last_reload_success", [], 0);
  supervisor.count("config_reloads_total", ["failure"]);
  supervisor.replace("backend_healthy", [
    [["web", "web1"], 1],
    [["web", "web2"], 0],
  ]);
  const first = parseExposition(keeper.text("fairlead", []));
  expect(first.value("fairlead_build_info", { version: "1.0", runtime: "bun 1.4.5" })).toBe(1);
  expect(first.value("fairlead_config_last_reload_success")).toBe(0);
  expect(first.value("fairlead_config_reloads_total", { result: "failure" })).toBe(1);
  expect(first.value("fairlead_config_reloads_total", { result: "success" })).toBe(0);
  expect(first.value("fairlead_backend_healthy", { pool: "web", backend: "web2" })).toBe(0);
  supervisor.replace("backend_healthy", [[["web", "web2"], 1]]);
  const second = parseExposition(keeper.text("fairlead", []));
  expect(second.sum("fairlead_backend_healthy")).toBe(1);
  expect(
    second.samples.filter((sample) => sample.name === "fairlead_backend_healthy").map((one) => one.labels),
  ).toEqual([{ pool: "web", backend: "web2" }]);
  expect(() => supervisor.set("build_info", ["1.0"], 1)).toThrow(RangeError);
});

test.each(['quote"d', "back\\slash", "line\nfeed", '\\"\n\\n', "grün", "a,b}c{"])(
  "the label value %p comes back as it was",
  (value) => {
    const keeper = new MetricsKeeper();
    const layout = keeper.layout(testPlan({ listeners: [value] }));
    const text = keeper.text("", [{ layout, values: new Float64Array(layout.counters).fill(2) }]);
    expect(parseExposition(text).value("connections_open", { listener: value })).toBe(2);
  },
);

test("label text escapes backslash, quote and line feed", () => {
  expect(labelText(["a", "b"], ['x"y', "\\\n"])).toBe('a="x\\"y",b="\\\\\\n"');
});

test("the prefix stands before every name and may end in an underscore or be empty", () => {
  for (const [name] of parseExposition(freshText("traefik_lb")).types)
    expect(name).toStartWith("traefik_lb_");
  expect(metricFullName("traefik_lb_", "http_requests_total")).toBe("traefik_lb_http_requests_total");
  expect(metricFullName("", "http_requests_total")).toBe("http_requests_total");
});

test("numbers are written as Prometheus reads them", () => {
  expect([0, 1.5, 1e21, 1e-7, Infinity, -Infinity, NaN].map(sampleText)).toEqual([
    "0",
    "1.5",
    "1e+21",
    "1e-7",
    "+Inf",
    "-Inf",
    "NaN",
  ]);
});

test("names follow the rules of Prometheus: units, _total exactly on counters, no reserved labels", () => {
  for (const name of METRIC_NAMES) {
    const { type, help } = CATALOGUE[name];
    expect(name).toMatch(/^[a-z][a-z0-9_]*$/);
    expect(name.endsWith("_total")).toBe(type === "counter");
    if ((type as string) === "histogram") expect(name).toEndWith("_seconds");
    expect(name).not.toMatch(/(_ms|_milliseconds|_sum|_count|_bucket|counter|gauge|histogram)(_|$)/);
    expect(help).toMatch(/^[A-Z0-9].*\.$/);
  }
});

test.each([
  ["a sample without TYPE", "a 1\n"],
  ["a second series", "# HELP a x\n# TYPE a gauge\na 1\na 2\n"],
  ["a counter without _total", "# HELP a x\n# TYPE a counter\na 1\n"],
  [
    "a falling bucket",
    '# HELP a x\n# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_sum 1\na_count 1\n',
  ],
  ["a histogram without +Inf", '# HELP a x\n# TYPE a histogram\na_bucket{le="1"} 2\na_sum 1\na_count 2\n'],
  ["no last line feed", "# HELP a x\n# TYPE a gauge\na 1"],
  ["a wrong escape", '# HELP a x\n# TYPE a gauge\na{b="\\x"} 1\n'],
  ["a word as value", "# HELP a x\n# TYPE a gauge\na one\n"],
])("the tests' reader refuses %s", (_, text) => {
  expect(() => parseExposition(text)).toThrow();
});
