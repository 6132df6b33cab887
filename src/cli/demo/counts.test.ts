import { expect, test } from "bun:test";
import { quantileBound, rate, readCounts, type Counts } from "./counts.ts";

const PAGE = `# HELP fairlead_http_requests_total Requests.
# TYPE fairlead_http_requests_total counter
fairlead_http_requests_total{route="site",method="GET",class="2xx"} 90
fairlead_http_requests_total{route="api",method="POST",class="5xx"} 10
fairlead_request_errors_total{code="FL_NO_ROUTE"} 3
fairlead_request_errors_total{code="FL_LOOP"} 0
fairlead_connections_open{listener="web"} 2
fairlead_connections_open{listener="secure"} 5
fairlead_http_request_duration_seconds_bucket{route="site",le="0.001"} 40
fairlead_http_request_duration_seconds_bucket{route="site",le="0.01"} 88
fairlead_http_request_duration_seconds_bucket{route="site",le="+Inf"} 90
fairlead_http_request_duration_seconds_bucket{route="api",le="0.001"} 10
fairlead_http_request_duration_seconds_bucket{route="api",le="0.01"} 10
fairlead_http_request_duration_seconds_bucket{route="api",le="+Inf"} 10
fairlead_backend_requests_total{pool="site",backend="site1",class="2xx"} 60
fairlead_backend_requests_total{pool="site",backend="site1",class="none"} 1
fairlead_backend_connections_open{pool="site",backend="site1"} 1
fairlead_backend_connections_open{pool="site",backend="site2"} 0
fairlead_backend_healthy{pool="site",backend="site1"} 0
`;

test("a metrics page is summed over routes, listeners and codes", () => {
  expect(readCounts(PAGE, 5_000)).toEqual({
    atMs: 5_000,
    requests: 100,
    errors: 3,
    connections: 7,
    buckets: [
      [0.001, 50],
      [0.01, 98],
      [Infinity, 100],
    ],
    backends: [
      { id: "site1", requests: 61, healthy: false },
      { id: "site2", requests: 0, healthy: null },
    ],
  });
});

const at = (atMs: number, requests: number, buckets: Counts["buckets"] = []): Counts => ({
  ...{ atMs, requests, errors: 0, connections: 0, buckets, backends: [] },
});

test("rates are per second, and 0 without time", () => {
  const requests = (counts: Counts): number => counts.requests;
  expect(rate(at(0, 10), at(2_000, 30), requests)).toBe(10);
  expect(rate(at(0, 10), at(0, 30), requests)).toBe(0);
});

test("percentiles are those of the requests between two moments", () => {
  const before = readCounts(PAGE, 0);
  const after = at(1_000, 200, [
    [0.001, 50],
    [0.01, 197],
    [Infinity, 200],
  ]);
  expect(quantileBound(before, before, 0.5)).toBeNull();
  expect(quantileBound(before, after, 0.5)).toBe(0.01);
  expect(quantileBound(before, after, 0.99)).toBe(0.01);
  expect(quantileBound(before, after, 0.995)).toBe(Infinity);
  expect(quantileBound(at(0, 0), before, 0.5)).toBe(0.001);
});
