/**
 * Cost of the counters on the way of a request, and of writing the metrics of a large plan. CPU time, the median of
 * several rounds.
 *
 *   bun bench/metrics.ts
 */
import { countRequest, observeHistogram } from "../src/observe/counters.ts";
import { methodIndex, statusClass } from "../src/observe/label_values.ts";
import { MetricsKeeper } from "../src/observe/metrics_keeper.ts";
import { testPlan } from "../src/observe/test_plan.ts";
import { createRegion } from "../src/platform/shared_memory.ts";
import { median } from "./support/statistics.ts";

const ROUNDS = 7;
const OPERATIONS = 2_000_000;

function measure(name: string, run: (index: number) => void): void {
  const times: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const start = process.cpuUsage();
    for (let index = 0; index < OPERATIONS; index++) run(index);
    const { user, system } = process.cpuUsage(start);
    if (round > 0) times.push(((user + system) * 1_000) / OPERATIONS); // round 0 warms up
  }
  console.log(`${name.padEnd(52)} ${median(times).toFixed(1).padStart(8)} ns`);
}

export function benchMetrics(): void {
  const keeper = new MetricsKeeper();
  const layout = keeper.layout(
    testPlan({ routes: Array.from({ length: 10 }, (_, index) => `route-${index}`) }),
  );
  const region = createRegion(layout.counters).numbers;
  const routes = Array.from({ length: 10 }, (_, index) => layout.routeSlots(index));
  const { boundsMs } = layout;
  const request = new TextEncoder().encode("POST /some/path HTTP/1.1");
  measure("method and class to indexes", (index) => {
    if (methodIndex(request, 0, 4) + statusClass(200 + (index & 255)) < 0) throw new Error("no index");
  });
  measure("countRequest", (index) => countRequest(region, routes[index % 10]!, index & 7, 2));
  for (const [name, range] of [
    ["up to 4 ms", 4],
    ["up to 200 ms", 200],
    ["up to 16 s", 16_000],
  ] as const) {
    measure(`observeHistogram, 11 bounds, values ${name}`, (index) =>
      observeHistogram(
        region,
        routes[index % 10]!.http_request_duration_seconds,
        boundsMs,
        ((index * 2_654_435_761) % 65_536) * (range / 65_536),
      ),
    );
  }

  const large = keeper.layout(
    testPlan({
      routes: Array.from({ length: 10_000 }, (_, index) => `route-${index}`),
      pools: { web: Array.from({ length: 100 }, (_, index) => `web-${index}`) },
    }),
  );
  const regions = [0, 1].map(() => new Float64Array(large.counters));
  for (let index = 0; index < 10_000; index += 10) {
    const route = large.routeSlots(index);
    for (const values of regions) {
      countRequest(values, route, 0, 2);
      observeHistogram(values, route.http_request_duration_seconds, large.boundsMs, index / 100);
    }
  }
  for (let round = 0; round < 3; round++) {
    const start = process.cpuUsage();
    const text = keeper.text(
      "fairlead",
      regions.map((values) => ({ layout: large, values })),
    );
    const { user, system } = process.cpuUsage(start);
    console.log(
      `text of 10,000 routes, 1,000 used, 2 workers: ${((user + system) / 1_000).toFixed(1)} ms, ${text.split("\n").length} lines`,
    );
  }
}

if (import.meta.main) benchMetrics();
