/**
 * Cost of one route lookup with ten and with 10,000 routes, and of building the router. CPU time, rounds in turn in
 * one run, the median of each.
 *
 *   bun bench/router.ts
 */
import { PlainRequest } from "../src/core/rules/plain_request.ts";
import { isSafePath, matchPath } from "../src/core/text/path.ts";
import {
  compileRouter,
  RouterBuilder,
  type Router,
  type RouteRule,
} from "../src/planes/http/router/router.ts";
import { cpuTime } from "./support/cpu_time.ts";
import { median } from "./support/statistics.ts";

const ROUNDS = 7;
const LOOKUPS = 500_000;
const REQUESTS = 1_024;

interface Shape {
  readonly name: string;
  readonly rule: (index: number) => string;
  readonly request: (index: number) => PlainRequest;
}

const padded = (index: number): string => `${index}`.padStart(5, "0");

const SHAPES: readonly Shape[] = [
  {
    name: "literal hosts",
    rule: (index) => `Host(\`host-${padded(index)}.example.com\`)`,
    request: (index) => new PlainRequest({ host: `host-${padded(index)}.example.com`, path: "/some/page" }),
  },
  {
    name: "hosts with one prefix each",
    rule: (index) => `Host(\`host-${padded(index)}.example.com\`) && PathPrefix(\`/api/\`)`,
    request: (index) =>
      new PlainRequest({ host: `host-${padded(index)}.example.com`, path: "/api/users/12" }),
  },
  {
    name: "prefixes on one host, one length",
    rule: (index) => `Host(\`example.com\`) && PathPrefix(\`/service-${padded(index)}/\`)`,
    request: (index) => new PlainRequest({ host: "example.com", path: `/service-${padded(index)}/items/77` }),
  },
  {
    name: "prefixes on one host, many lengths",
    rule: (index) => `Host(\`example.com\`) && PathPrefix(\`/service-${index}/\`)`,
    request: (index) => new PlainRequest({ host: "example.com", path: `/service-${index}/items/77` }),
  },
];

const routesOf = (shape: Shape, count: number): RouteRule[] =>
  Array.from({ length: count }, (_, index) => ({ match: shape.rule(index), priority: 0, listeners: [] }));

function nanosecondsPerLookup(router: Router, requests: readonly PlainRequest[]): number {
  let found = 0;
  const start = cpuTime();
  for (let index = 0; index < LOOKUPS; index++) found += router.find(requests[index & (REQUESTS - 1)]!);
  const spent = cpuTime() - start;
  if (found < 0) throw new Error("no route was found");
  return spent / LOOKUPS;
}

function compare(shape: Shape): void {
  const cells = [10, 10_000].map((count) => ({
    router: compileRouter(routesOf(shape, count)),
    requests: Array.from({ length: REQUESTS }, (_, index) => shape.request((index * 7_919) % count)),
    times: [] as number[],
  }));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const cell of cells) {
      const time = nanosecondsPerLookup(cell.router, cell.requests);
      if (round > 0) cell.times.push(time); // round 0 warms up
    }
  }
  const [ten, many] = cells.map((cell) => median(cell.times)) as [number, number];
  console.log(
    `${shape.name.padEnd(36)} ${ten.toFixed(1).padStart(8)} ns ${many.toFixed(1).padStart(8)} ns   ${(many / ten).toFixed(2)}`,
  );
}

function build(shape: Shape): void {
  const builder = new RouterBuilder(routesOf(shape, 10_000));
  const slices: number[] = [];
  for (let router: Router | null = null; router === null;) {
    const start = performance.now();
    router = builder.step(0.5, () => performance.now());
    slices.push(performance.now() - start);
  }
  const total = slices.reduce((sum, each) => sum + each, 0);
  const longest = slices.toSorted((one, other) => other - one).slice(0, 3);
  console.log(
    `${shape.name.padEnd(36)} ${total.toFixed(0).padStart(5)} ms in ${slices.length} slices of 0.5 ms; longest ${longest.map((each) => each.toFixed(2)).join(", ")} ms`,
  );
}

function normalForm(): void {
  const paths = Array.from({ length: REQUESTS }, (_, index) =>
    Buffer.from(`/service-${padded(index)}/items/77`),
  );
  const texts = paths.map((bytes) => bytes.latin1Slice(0, bytes.length));
  for (const [name, check] of [
    ["isSafePath", isSafePath],
    ["matchPath", matchPath],
  ] as const) {
    const times: number[] = [];
    for (let round = 0; round <= ROUNDS; round++) {
      let kept = 0;
      const start = cpuTime();
      for (let index = 0; index < LOOKUPS; index++) if (check(texts[index & (REQUESTS - 1)]!)) kept++;
      if (kept !== LOOKUPS) throw new Error("a plain path was refused");
      if (round > 0) times.push((cpuTime() - start) / LOOKUPS);
    }
    console.log(
      `${`${name}, plain path of 23 characters`.padEnd(36)} ${median(times).toFixed(1).padStart(8)} ns`,
    );
  }
}

export function benchRouter(): void {
  console.log(`${"lookup".padEnd(36)} ${"10".padStart(11)} ${"10,000".padStart(11)}   ratio`);
  for (const shape of SHAPES) compare(shape);
  console.log("\nbuilding 10,000 routes");
  for (const shape of SHAPES) build(shape);
  console.log("\nnormal form of paths");
  normalForm();
}

if (import.meta.main) benchRouter();
