import { expect, test } from "bun:test";
import { CATALOGUE, METRIC_NAMES, metricDefinition, type WorkerMetric } from "./catalogue.ts";
import { METHODS, STATUS_CLASSES } from "./label_values.ts";
import { MetricLayout } from "./metric_layout.ts";
import { testPlan } from "./test_plan.ts";

const plan = testPlan({
  listeners: ["web", "secure"],
  routes: ["api", "shop", "rest"],
  pools: { empty: [], web: ["web1", "web2"], none: [], api: ["web1"] },
});

test("every series has slots of its own and none is left over", () => {
  const layout = MetricLayout.ofPlan(plan);
  const used = new Uint8Array(layout.counters);
  for (const { axes, base, stride, width } of layout.blocks) {
    const [parts = 1, ...rest] = axes.map((axis) => layout.axes[axis]!.values.length);
    const slots = rest.reduce((product, size) => product * size, width);
    for (let part = 0; part < parts; part++)
      for (let slot = 0; slot < slots; slot++) used[base + part * stride + slot]!++;
  }
  expect(used.every((count) => count === 1)).toBe(true);
  const expected = METRIC_NAMES.filter((name) => metricDefinition(name).writer === "worker");
  expect(layout.blocks.map((block) => block.name)).toEqual(expected);
});

test("what a request of one route counts lies together", () => {
  const layout = MetricLayout.ofPlan(plan);
  const one = Object.values(layout.routeSlots(1));
  const next = Object.values(layout.routeSlots(2));
  expect(Math.max(...one)).toBeLessThan(Math.min(...next));
});

test("slots of a part are where slotOf finds its first series", () => {
  const layout = MetricLayout.ofPlan(plan);
  for (const index of [-1, 0, 2]) {
    const slots = layout.routeSlots(index);
    expect(slots.http_requests_total).toBe(layout.slotOf("http_requests_total", index + 1, 0, 0));
    expect(slots.http_request_duration_seconds).toBe(
      layout.slotOf("http_request_duration_seconds", index + 1),
    );
  }
  const last = METHODS.length - 1;
  expect(layout.slotOf("http_requests_total", 1, last, 2)).toBe(
    layout.routeSlots(0).http_requests_total + last * STATUS_CLASSES.length + 2,
  );
  expect(layout.backendSlots(1, 1).backend_requests_total).toBe(
    layout.slotOf("backend_requests_total", 1, 0),
  );
  expect(layout.backendSlots(3, 0).backend_requests_total).toBe(
    layout.slotOf("backend_requests_total", 2, 0),
  );
  expect(layout.poolSlots(3).queue_length).toBe(layout.slotOf("queue_length", 3));
  expect(layout.listenerSlots(1).connections_open).toBe(layout.slotOf("connections_open", 1));
  expect(layout.fixedSlots().access_log_lines_dropped_total).toBe(
    layout.slotOf("access_log_lines_dropped_total"),
  );
});

test("the slots that parts offer are exactly the metrics of the catalogue", () => {
  const layout = MetricLayout.ofPlan(plan);
  const offered = [
    layout.routeSlots(0),
    layout.listenerSlots(0),
    layout.poolSlots(0),
    layout.backendSlots(1, 0),
    layout.fixedSlots(),
  ].flatMap((slots) => Object.keys(slots));
  const expected = Object.keys(CATALOGUE).filter(
    (name) => metricDefinition(name as WorkerMetric).writer === "worker",
  );
  expect(offered.toSorted()).toEqual(expected.toSorted());
});

test("a part outside of the plan has no slots", () => {
  const layout = MetricLayout.ofPlan(plan);
  expect(() => layout.routeSlots(3)).toThrow(RangeError);
  expect(() => layout.routeSlots(-2)).toThrow(RangeError);
  expect(() => layout.listenerSlots(2)).toThrow(RangeError);
  expect(() => layout.backendSlots(9, 0)).toThrow(RangeError);
  expect(() => layout.slotOf("http_requests_total", 0, METHODS.length, 0)).toThrow(RangeError);
});

test("equal names give equal keys, other names, bounds or limits another one", () => {
  const key = MetricLayout.ofPlan(plan).key;
  const same = { ...plan, workers: 7, timeouts: { ...plan.timeouts, connect: 1 } };
  expect(MetricLayout.ofPlan(same).key).toBe(key);
  expect(MetricLayout.ofPlan({ ...plan, routes: plan.routes.toReversed() }).key).not.toBe(key);
  expect(MetricLayout.ofPlan(testPlan()).key).not.toBe(key);
  expect(MetricLayout.ofPlan(plan, 5).key).not.toBe(key);
  expect(MetricLayout.ofPlan(testPlan({ bucketsMs: [1] })).key).not.toBe(MetricLayout.ofPlan(testPlan()).key);
});

test("a layout goes through JSON unchanged", () => {
  const layout = MetricLayout.ofPlan(plan, 4);
  const again = MetricLayout.ofDocument(JSON.parse(JSON.stringify(layout)));
  expect(again.toJSON()).toEqual(layout.toJSON());
  expect(again.limits).toBe(4);
  expect(again.backendSlots(3, 0)).toEqual(layout.backendSlots(3, 0));
});

test("bounds are exact milliseconds", () => {
  const bucketsMs = [0.5, 1, 2.5, 5, 300, 1_100, 10_000];
  expect([...MetricLayout.ofPlan(testPlan({ bucketsMs })).boundsMs]).toEqual(bucketsMs);
});
