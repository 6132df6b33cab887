import { expect, test } from "bun:test";
import { METRIC_NAMES, metricDefinition } from "./catalogue.ts";
import { prometheusText } from "./exposition.ts";
import { expositionFor } from "./exposition_format.ts";
import { MetricsKeeper } from "./metrics_keeper.ts";
import { openMetrics } from "./openmetrics.ts";
import { parseExposition, type Exposition } from "./test_exposition.ts";
import { parseOpenMetrics } from "./test_openmetrics.ts";
import { testPlan, type TestNames } from "./test_plan.ts";

/** A page in both formats of a keeper in which every series of workers has counted. */
function bothPages(names: TestNames = {}, prefix = "fairlead"): { text: string; open: string } {
  const keeper = new MetricsKeeper();
  keeper.supervisor.set("build_info", ["1.0", "bun 1.4.5"], 1);
  keeper.supervisor.set("start_time_seconds", [], 1_700_000_000.123);
  const layout = keeper.layout(testPlan(names));
  const live = [{ layout, values: new Float64Array(layout.counters).fill(3) }];
  return { text: keeper.text(prefix, live), open: keeper.text(prefix, live, openMetrics) };
}

/** Samples as text, with bounds as numbers: the formats write them in two ways. */
function samplesOf({ samples }: Exposition): string[] {
  return samples.map(({ name, labels: { le, ...labels }, value }) =>
    JSON.stringify([name, labels, le === undefined ? null : Number(le.replace("Inf", "Infinity")), value]),
  );
}

test("both formats say the same, each in a form that its strict reader takes", () => {
  const { text, open } = bothPages({ bucketsMs: [5, 300, 1_000, 60_000, 1_500_000_000] });
  const read = parseOpenMetrics(open);
  expect(samplesOf(read)).toEqual(samplesOf(parseExposition(text)));
  expect(read.samples.length).toBeGreaterThan(200);
  const shown = METRIC_NAMES.filter((name) => text.includes(`# TYPE fairlead_${name} `));
  expect(shown.length).toBeGreaterThan(25);
  for (const name of shown) {
    const { type } = metricDefinition(name);
    const family = `fairlead_${name.replace(/_(?:total|info)$/, "")}`;
    expect([name, read.types.get(family)]).toEqual([name, name === "build_info" ? "info" : type]);
  }
});

test("units, names, bounds and the end are as OpenMetrics wants them", () => {
  const { open } = bothPages({ bucketsMs: [5, 1_000, 2_000_000_000] });
  const lines = open.split("\n");
  for (const line of [
    "# TYPE fairlead_http_requests counter",
    "# UNIT fairlead_start_time_seconds seconds",
    "# TYPE fairlead_http_request_bytes counter",
    "# UNIT fairlead_http_request_bytes bytes",
    "# UNIT fairlead_http_request_duration_seconds seconds",
    "# TYPE fairlead_build info",
    'fairlead_build_info{version="1.0",runtime="bun 1.4.5"} 1',
    'fairlead_http_request_duration_seconds_bucket{route="api",le="0.005"} 3',
    'fairlead_http_request_duration_seconds_bucket{route="api",le="1.0"} 6',
    'fairlead_http_request_duration_seconds_bucket{route="api",le="2e+06"} 9',
  ])
    expect(lines).toContain(line);
  expect(open).toEndWith("\n# EOF\n");
});

test.each(['quote"d', "back\\slash", "line\nfeed", '\\"\n\\n', "grün", "a,b}c{"])(
  "the label value %p comes back as it was",
  (value) => {
    const read = parseOpenMetrics(bothPages({ listeners: [value] }, "").open);
    expect(read.value("connections_open", { listener: value })).toBe(3);
  },
);

test.each([
  ["no end", "# TYPE a gauge\na 1\n"],
  ["something behind the end", "# TYPE a gauge\na 1\n# EOF\nb 1\n"],
  ["an empty line", "# TYPE a gauge\n\na 1\n# EOF\n"],
  ["a counter by its sample's name", "# TYPE a_total counter\na_total 1\n# EOF\n"],
  ["a counter without _total", "# TYPE a counter\na 1\n# EOF\n"],
  ["a unit that the name lacks", "# TYPE a gauge\n# UNIT a seconds\na 1\n# EOF\n"],
  ["a family in two places", "# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# TYPE a gauge\n# EOF\n"],
  ["a series twice", '# TYPE a gauge\na{b="1"} 1\na{b="1"} 2\n# EOF\n'],
  ["a quote in a help text", '# TYPE a gauge\n# HELP a say "b"\na 1\n# EOF\n'],
  [
    "a bound as an integer",
    '# TYPE a histogram\na_bucket{le="1"} 1\na_bucket{le="+Inf"} 1\na_sum 1\na_count 1\n# EOF\n',
  ],
  ["a sample without a family", "a 1\n# EOF\n"],
  ["two families with one sample", "# TYPE a info\na_info 1\n# TYPE a_info gauge\na_info 1\n# EOF\n"],
])("the strict reader refuses %s", (_, page) => {
  expect(() => parseOpenMetrics(page)).toThrow();
});

const PROMETHEUS_3 =
  "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
const PROMETHEUS_2 =
  "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

test.each([
  [PROMETHEUS_3, openMetrics],
  [PROMETHEUS_2, openMetrics],
  ["application/openmetrics-text", openMetrics],
  ['Application/OpenMetrics-Text; Version="1.0.0"; charset=utf-8', openMetrics],
  ["application/openmetrics-text;q=0.5, text/html", openMetrics],
  ["application/openmetrics-text;q=0.5, text/plain;q=0.1, */*;q=0.9", openMetrics],
  [null, prometheusText],
  ["", prometheusText],
  ["*/*", prometheusText],
  ["application/*", prometheusText],
  ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", prometheusText],
  ["application/openmetrics-text;version=0.0.1", prometheusText],
  ["application/openmetrics-text;version=2.0.0;q=1, text/plain;q=0.1", prometheusText],
  ["application/openmetrics-text;q=0.4, text/plain;q=0.5", prometheusText],
  ["application/openmetrics-text;q=0.4, text/*;q=0.5", prometheusText],
  ["application/openmetrics-text;q=0", prometheusText],
  ["application/openmetrics-text;q=high", prometheusText],
  [`${"a/b,".repeat(40)}application/openmetrics-text`, prometheusText],
])("Accept %p gets its format", (accept, format) => {
  expect(expositionFor(accept).contentType).toBe(format.contentType);
});
