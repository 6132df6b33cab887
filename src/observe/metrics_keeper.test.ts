import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  addTo,
  countBackendRequest,
  countError,
  countLimit,
  countRequest,
  countRetry,
  observeHistogram,
} from "./counters.ts";
import { methodIndex, METHODS, statusClass } from "./label_values.ts";
import { MetricLayout } from "./metric_layout.ts";
import { MetricsKeeper } from "./metrics_keeper.ts";
import { moveGauges } from "./move_gauges.ts";
import { parseExposition } from "./test_exposition.ts";
import { testPlan } from "./test_plan.ts";

const GET = METHODS.indexOf("GET");
const plan = testPlan({ routes: ["api", "shop"] });

/** A worker's region for a plan. */
function region(keeper: MetricsKeeper, of = plan) {
  const layout = keeper.layout(of);
  return { layout, values: new Float64Array(layout.counters) };
}

const read = (keeper: MetricsKeeper, ...live: ReturnType<typeof region>[]) =>
  parseExposition(keeper.text("fairlead", live));

test("regions of all workers are added up", () => {
  const keeper = new MetricsKeeper();
  const [one, other] = [region(keeper), region(keeper)];
  const route = one.layout.routeSlots(0);
  countRequest(one.values, route, GET, statusClass(200));
  countRequest(other.values, route, GET, statusClass(204));
  countRequest(other.values, one.layout.routeSlots(-1), METHODS.length - 1, statusClass(404));
  countBackendRequest(one.values, one.layout.backendSlots(0, 1), statusClass(503));
  countRetry(one.values, one.layout.poolSlots(0), "FL_CONNECT_REFUSED");
  countError(other.values, one.layout.fixedSlots(), "FL_NO_ROUTE");
  countLimit(other.values, one.layout.fixedSlots(), "header_bytes");
  addTo(one.values, one.layout.listenerSlots(0).connections_open, 3);
  addTo(other.values, one.layout.listenerSlots(0).connections_open, -1);
  const found = read(keeper, one, other);
  expect(found.value("fairlead_http_requests_total", { route: "api", method: "GET", class: "2xx" })).toBe(2);
  expect(found.value("fairlead_http_requests_total", { route: "-", method: "OTHER", class: "4xx" })).toBe(1);
  expect(found.value("fairlead_backend_requests_total", { pool: "web", backend: "web2", class: "5xx" })).toBe(
    1,
  );
  expect(found.value("fairlead_retries_total", { pool: "web", reason: "FL_CONNECT_REFUSED" })).toBe(1);
  expect(found.value("fairlead_request_errors_total", { code: "FL_NO_ROUTE" })).toBe(1);
  expect(found.value("fairlead_request_errors_total", { code: "FL_NO_BACKEND" })).toBe(0);
  expect(found.value("fairlead_limits_hit_total", { limit: "header_bytes" })).toBe(1);
  expect(found.value("fairlead_connections_open", { listener: "web" })).toBe(2);
});

test("a histogram counts each value under its smallest bound and sums in seconds", () => {
  const keeper = new MetricsKeeper();
  const worker = region(keeper, testPlan({ bucketsMs: [5, 10, 100] }));
  const base = worker.layout.routeSlots(0).http_request_duration_seconds;
  for (const value of [0, 5, 5.001, 10, 99, 100, 100.5, 60_000]) {
    observeHistogram(worker.values, base, worker.layout.boundsMs, value);
  }
  const found = read(keeper, worker);
  const bucket = (le: string) =>
    found.value("fairlead_http_request_duration_seconds_bucket", { route: "api", le });
  expect([bucket("0.005"), bucket("0.01"), bucket("0.1"), bucket("+Inf")]).toEqual([2, 4, 6, 8]);
  expect(found.value("fairlead_http_request_duration_seconds_sum", { route: "api" })).toBeCloseTo(
    60.319501,
    9,
  );
  expect(found.value("fairlead_http_request_duration_seconds_count", { route: "api" })).toBe(8);
});

test("observeHistogram equals a naive search for any bounds and values", () => {
  const bounds = fc.uniqueArray(fc.integer({ min: 1, max: 1_000 }), { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(
      bounds,
      fc.array(fc.double({ min: 0, max: 1_100, noNaN: true }), { maxLength: 50 }),
      (some, list) => {
        const boundsMs = Float64Array.from(some.toSorted((a, b) => a - b));
        const cells = new Float64Array(boundsMs.length + 2);
        for (const value of list) observeHistogram(cells, 0, boundsMs, value);
        const naive = [...boundsMs, Infinity].map(
          (bound, index) =>
            list.filter((value) => value <= bound && (index === 0 || value > boundsMs[index - 1]!)).length,
        );
        expect([...cells.subarray(1)]).toEqual(naive);
        expect(cells[0]).toBeCloseTo(
          list.reduce((sum, value) => sum + value, 0),
          6,
        );
      },
    ),
    { numRuns: 100 },
  );
});

test("counters of a dead worker stay, its gauges go", () => {
  const keeper = new MetricsKeeper();
  const worker = region(keeper);
  countRequest(worker.values, worker.layout.routeSlots(1), GET, 2);
  addTo(worker.values, worker.layout.listenerSlots(0).connections_accepted_total, 1);
  addTo(worker.values, worker.layout.listenerSlots(0).connections_open, 1);
  keeper.retire(worker.layout, worker.values);
  const fresh = region(keeper);
  countRequest(fresh.values, fresh.layout.routeSlots(1), GET, 2);
  const found = read(keeper, fresh);
  expect(found.value("fairlead_http_requests_total", { route: "shop", method: "GET", class: "2xx" })).toBe(2);
  expect(found.value("fairlead_connections_accepted_total", { listener: "web" })).toBe(1);
  expect(found.value("fairlead_connections_open", { listener: "web" })).toBe(0);
});

test("a backend that is gone shows what it counted, and no zeros", () => {
  const keeper = new MetricsKeeper();
  const before = region(keeper, testPlan({ pools: { web: ["used", "idle"] } }));
  addTo(before.values, before.layout.backendSlots(0, 0).backend_connections_opened_total, 1);
  keeper.retire(before.layout, before.values);
  const found = read(keeper, region(keeper, testPlan({ pools: { web: ["new"] } })));
  const backends = found.samples
    .filter((sample) => sample.name === "fairlead_backend_connections_opened_total")
    .map((sample) => [sample.labels["backend"], sample.value]);
  expect(backends).toEqual([
    ["used", 1],
    ["new", 0],
  ]);
});

test("an exchange that ends after its region was left still counts", () => {
  const keeper = new MetricsKeeper();
  const left = region(keeper);
  keeper.retire(left.layout, left.values);
  countRequest(left.values, left.layout.routeSlots(0), GET, 2);
  expect(read(keeper).sum("fairlead_http_requests_total")).toBe(1);
});

test("no counter ever falls over any order of requests, deaths and reloads", () => {
  const names = fc.subarray(["api", "shop", "rest", "old"], { minLength: 1 });
  const step = fc.oneof(
    fc.record({ do: fc.constant("request" as const), route: fc.nat(3), bytes: fc.nat(1_000) }),
    fc.record({ do: fc.constant("death" as const) }),
    fc.record({ do: fc.constant("reload" as const), names }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const keeper = new MetricsKeeper();
      let worker = region(keeper);
      let requests = 0;
      let before = read(keeper, worker);
      for (const each of steps) {
        if (each.do === "request") {
          const route = worker.layout.routeSlots(
            each.route % (worker.layout.axes["route"]!.values.length - 1),
          );
          countRequest(worker.values, route, GET, 2);
          observeHistogram(
            worker.values,
            route.http_request_duration_seconds,
            worker.layout.boundsMs,
            each.bytes,
          );
          requests++;
        } else {
          keeper.retire(worker.layout, worker.values);
          worker = region(keeper, each.do === "death" ? plan : testPlan({ routes: each.names }));
        }
        const after = read(keeper, worker);
        for (const { name, labels, value } of before.samples) {
          if (before.types.get(name) === "gauge") continue;
          expect(after.value(name, labels)).toBeGreaterThanOrEqual(value);
        }
        before = after;
      }
      expect(before.sum("fairlead_http_requests_total")).toBe(requests);
      expect(before.sum("fairlead_http_request_duration_seconds_count")).toBe(requests);
    }),
    { numRuns: 50 },
  );
});

test("ever new route names give a bounded number of series, and the sum stays right", () => {
  const keeper = new MetricsKeeper();
  const reloads = 1_200;
  for (let index = 0; index < reloads; index++) {
    const worker = region(keeper, testPlan({ routes: ["api", `route-${index}`] }));
    countRequest(worker.values, worker.layout.routeSlots(0), GET, 2);
    countRequest(worker.values, worker.layout.routeSlots(1), GET, 2);
    observeHistogram(
      worker.values,
      worker.layout.routeSlots(1).http_request_duration_seconds,
      worker.layout.boundsMs,
      1,
    );
    keeper.retire(worker.layout, worker.values);
  }
  const found = read(keeper);
  const series = found.samples.filter((sample) => sample.name === "fairlead_http_requests_total");
  expect(series.length).toBeLessThan(1_100);
  expect(found.sum("fairlead_http_requests_total")).toBe(2 * reloads);
  expect(found.sum("fairlead_http_requests_total", { route: "api" })).toBe(reloads);
  expect(found.sum("fairlead_http_requests_total", { route: "(removed)" })).toBeGreaterThan(100);
  expect(found.sum("fairlead_http_request_duration_seconds_count")).toBe(reloads);
});

test("H-J17/metrics random methods, hosts and paths add no series", () => {
  const keeper = new MetricsKeeper();
  const worker = region(keeper);
  const known = METHODS.length * 6 * 3;
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: -1, max: 1 }), fc.nat(999), (method, route, status) => {
      const bytes = new TextEncoder().encode(method);
      countRequest(
        worker.values,
        worker.layout.routeSlots(route),
        methodIndex(bytes, 0, bytes.length),
        statusClass(status),
      );
    }),
    { numRuns: 2_000 },
  );
  const found = read(keeper, worker);
  const series = found.samples.filter((sample) => sample.name === "fairlead_http_requests_total");
  expect(series.length).toBeLessThanOrEqual(known);
  expect(found.sum("fairlead_http_requests_total")).toBe(2_000);
  const labels = new Set(found.samples.flatMap((sample) => Object.keys(sample.labels)));
  for (const label of ["host", "path", "target", "client"]) expect(labels.has(label)).toBe(false);
  const methods = new Set(series.map((sample) => sample.labels["method"]));
  expect([...methods].every((method) => METHODS.some((name) => name === method))).toBe(true);
});

test("other bounds after a reload keep count and sum", () => {
  const keeper = new MetricsKeeper();
  const before = region(keeper, testPlan({ bucketsMs: [5, 50, 500] }));
  for (const value of [1, 20, 200, 2_000]) {
    observeHistogram(
      before.values,
      before.layout.routeSlots(0).http_request_duration_seconds,
      before.layout.boundsMs,
      value,
    );
  }
  keeper.retire(before.layout, before.values);
  const after = region(keeper, testPlan({ bucketsMs: [10, 100] }));
  observeHistogram(
    after.values,
    after.layout.routeSlots(0).http_request_duration_seconds,
    after.layout.boundsMs,
    7,
  );
  const found = read(keeper, after);
  const bucket = (le: string) =>
    found.value("fairlead_http_request_duration_seconds_bucket", { route: "api", le });
  expect([bucket("0.01"), bucket("0.1"), bucket("+Inf")]).toEqual([2, 3, 5]);
  expect(found.value("fairlead_http_request_duration_seconds_sum", { route: "api" })).toBeCloseTo(2.228, 9);
});

test("a successor goes on from the totals, over JSON and with a region of the former version", () => {
  const keeper = new MetricsKeeper();
  const worker = region(keeper);
  countRequest(worker.values, worker.layout.routeSlots(0), GET, 2);
  observeHistogram(
    worker.values,
    worker.layout.routeSlots(0).http_request_duration_seconds,
    worker.layout.boundsMs,
    3,
  );
  keeper.retire(worker.layout, worker.values);
  keeper.supervisor.count("config_reloads_total", ["success"]);
  const living = region(keeper);
  countRequest(living.values, living.layout.routeSlots(0), GET, 2);

  const successor = new MetricsKeeper();
  successor.adopt(JSON.parse(JSON.stringify(keeper.totals())));
  successor.supervisor.count("config_reloads_total", ["success"]);
  const layout = JSON.parse(JSON.stringify(living.layout));
  const found = parseExposition(successor.text("fairlead", [{ layout, values: living.values }]));
  expect(found.value("fairlead_http_requests_total", { route: "api", method: "GET", class: "2xx" })).toBe(2);
  expect(found.value("fairlead_http_request_duration_seconds_count", { route: "api" })).toBe(1);
  expect(found.value("fairlead_config_reloads_total", { result: "success" })).toBe(2);

  const other = new MetricsKeeper();
  other.adopt(keeper.totals([living]));
  expect(parseExposition(other.text("fairlead", [])).sum("fairlead_http_requests_total")).toBe(2);
});

const GOOD_ROW = ['result="success"', "", 7];

test.each([
  ["no list", {}],
  ["a text for a number", numbers(GOOD_ROW, ['result="success"', "", "1"])],
  ["a negative counter", numbers(GOOD_ROW, ['result="success"', "", -1])],
  ["a row that is none", numbers(GOOD_ROW, null)],
  ["a histogram without cells", histograms(['route="a"', "", [1], [0]])],
  ["bounds that fall", histograms(['route="a"', "", [2, 1], [0, 0, 0, 0]])],
])("totals with %s are refused as a whole", (_, document) => {
  const keeper = new MetricsKeeper();
  const before = keeper.text("fairlead", []);
  expect(() => keeper.adopt(document)).toThrow("not totals of metrics");
  expect(keeper.text("fairlead", [])).toBe(before);
});

test("series whose labels are not those of the metric are left out of totals", () => {
  const keeper = new MetricsKeeper();
  const labels = ['result="success', 'result="success"\n', 'other="success"', 'result="a",result="b"'];
  const damaged = [...labels.map((text) => [text, "", 1]), ["", 'result="success"', 1]];
  keeper.adopt(numbers(GOOD_ROW, ...damaged));
  expect(parseExposition(keeper.text("fairlead", [])).sum("fairlead_config_reloads_total")).toBe(7);
});

function numbers(...rows: unknown[]) {
  return { families: [{ name: "config_reloads_total", type: "counter", numbers: rows, histograms: [] }] };
}

function histograms(...rows: unknown[]) {
  const name = "http_request_duration_seconds";
  return { families: [{ name, type: "histogram", numbers: [], histograms: rows }] };
}

test("gauges move to the region of the next layout, counters stay", () => {
  const keeper = new MetricsKeeper();
  const before = region(keeper, testPlan({ listeners: ["web", "old"], pools: { web: ["web1", "web2"] } }));
  addTo(before.values, before.layout.listenerSlots(0).connections_open, 5);
  addTo(before.values, before.layout.listenerSlots(0).connections_accepted_total, 9);
  addTo(before.values, before.layout.listenerSlots(1).connections_open, 2);
  addTo(before.values, before.layout.backendSlots(0, 1).backend_connections_open, 4);
  addTo(before.values, before.layout.fixedSlots().tunnels_open, 3);
  const after = region(
    keeper,
    testPlan({ listeners: ["new", "web"], pools: { api: ["x"], web: ["web2", "web3"] } }),
  );
  moveGauges(before.layout, before.values, after.layout, after.values);
  expect(after.values[after.layout.listenerSlots(1).connections_open]).toBe(5);
  expect(after.values[after.layout.backendSlots(1, 0).backend_connections_open]).toBe(4);
  expect(after.values[after.layout.listenerSlots(1).connections_accepted_total]).toBe(0);
  expect(after.values[after.layout.fixedSlots().tunnels_open]).toBe(3);
  expect(before.values[before.layout.listenerSlots(0).connections_open]).toBe(0);
  expect(before.values[before.layout.listenerSlots(1).connections_open]).toBe(2);
  expect(read(keeper, before, after).value("fairlead_connections_open", { listener: "web" })).toBe(5);
});

test("a layout of another kind is refused", () => {
  const keeper = new MetricsKeeper();
  expect(() => keeper.retire({ key: "x", counters: 1, limits: 0 }, new Float64Array(1))).toThrow(TypeError);
});

test("the keeper asks for the limits of the whole machine", () => {
  const keeper = new MetricsKeeper((of) => of.listeners.length);
  expect(keeper.layout(plan).limits).toBe(1);
  expect(MetricLayout.ofPlan(plan).limits).toBe(0);
});
