/** What is explained is what happens: the same request is explained and then sent, through real sockets. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import { createServer, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import type { Explanation } from "../../../core/explain/answer.ts";
import type { MiddlewarePlan, Plan, PoolPlan, RoutePlan } from "../../../core/plan.ts";
import type { SnapshotDelta } from "../../../core/snapshot.ts";
import { checkOf, listenerOf, planOf, poolOf, routeOf } from "../../../core/test_plan.ts";
import type { MetricLayout } from "../../../observe/metric_layout.ts";
import { MetricsKeeper } from "../../../observe/metrics_keeper.ts";
import { startInProcess, type InProcessInstance } from "../../../run/start_in_process.ts";
import { limitNumbers } from "../connection_counts.ts";
import { createStep } from "../middleware/all.ts";
import { middlewareParts } from "../middleware/all_parts.ts";
import { HttpProgram } from "../program.ts";

/** Backend `n` of pool `p` is 127.0.p.n; the answer says who it was and what came. */
let origin: Server;
beforeAll(async () => {
  origin = createServer((request, response) => {
    const host = request.headers.host ?? "";
    const where = request.socket.localAddress!;
    response.end(JSON.stringify({ where, target: request.url, host, route: request.headers["x-route"] }));
  });
  await new Promise<void>((resolve) => origin.listen(0, "0.0.0.0", resolve));
});
afterAll(() => {
  origin.closeAllConnections();
  origin.close();
});

const originPort = () => (origin.address() as AddressInfo).port;

interface Asked {
  readonly method: string;
  readonly host: string;
  readonly target: string;
  readonly headers: readonly string[];
  readonly from: string;
  readonly listener: string;
}

/** Everything that one case needs, in words that a shrunk counterexample shows. */
interface Case {
  readonly pools: readonly {
    readonly strategy: PoolPlan["strategy"];
    readonly checked: boolean;
    readonly on_all_down: PoolPlan["on_all_down"];
    readonly panic_threshold: number;
    readonly host_header: PoolPlan["host_header"];
    readonly zones: PoolPlan["zones"];
    readonly backends: readonly {
      readonly weight: number;
      readonly last_resort: boolean;
      readonly zone: string | null;
      readonly health: "healthy" | "unhealthy" | "unknown";
      readonly enabled: "active" | "draining" | "disabled" | null;
    }[];
  }[];
  readonly routes: readonly {
    readonly match: string;
    readonly priority: number;
    readonly listeners: readonly string[];
    readonly target: number | "respond" | "ready";
    readonly middlewares: readonly (readonly [kind: string, options: object])[];
    readonly deny: readonly string[];
  }[];
  readonly requests: readonly Asked[];
}

const matcher = fc.constantFrom(
  "Host(`a.example`)",
  "Host(`*.example`)",
  "HostRegexp(`^b\\.`)",
  "Path(`/x`)",
  "PathPrefix(`/x`)",
  "PathRegexp(`^/x/[0-9]+$`)",
  "Method(`POST`)",
  "Header(`X-A`, `1`)",
  "Query(`q`, `1`)",
  "ClientIP(`127.0.0.3`)",
  "ClientIP(`198.51.100.0/24`)",
);
const rule: fc.Arbitrary<string> = fc.letrec<{ rule: string }>((tie) => ({
  rule: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    matcher,
    fc.tuple(tie("rule"), tie("rule")).map(([one, other]) => `(${one} && ${other})`),
    fc.tuple(tie("rule"), tie("rule")).map(([one, other]) => `(${one} || ${other})`),
    tie("rule").map((one) => `!(${one})`),
  ),
})).rule;

const middleware: fc.Arbitrary<readonly [string, object]> = fc.constantFrom<readonly [string, object]>(
  ["strip_prefix", { prefixes: ["/x"] }],
  ["add_prefix", { prefix: "/pre" }],
  ["replace_path_regex", { regex: "^/x/(.*)", replacement: "/y/$1" }],
  ["redirect_scheme", { scheme: "https" }],
  ["redirect_regex", { regex: "^http://a.example/x$", replacement: "http://b.example/y" }],
  ["ip_allow_list", { source_range: ["127.0.0.1", "198.51.100.0/24"] }],
  ["basic_auth", { users: ["ann:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="] }],
  ["in_flight_req", { amount: 100 }],
  ["buffering", { max_request_body_bytes: "10" }],
  ["headers", { request: { set: { "X-B": "2" } }, response: { set: { "X-C": "3" } } }],
);

const strategy = fc.constantFrom<PoolPlan["strategy"]>(
  { name: "round_robin", options: {} },
  { name: "least_connections", options: {} },
  { name: "sequential", options: {} },
  { name: "random", options: {} },
  { name: "ip_hash", options: {} },
  { name: "consistent_hash", options: { load_factor: 0, hash_on: { kind: "header", name: "x-a" } } },
  { name: "rendezvous", options: { hash_on: { kind: "path" } } },
);

/** Wrong ones, each time others: those that were verified are known. */
const credentials = fc
  .nat()
  .map((password) => `Authorization: Basic ${Buffer.from(`ann:${password}`).toString("base64")}`);

/** One of `usual`, or seldom one of `odd`. */
const mostly = (usual: readonly string[], odd: readonly string[]) =>
  fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...usual) },
    { weight: 1, arbitrary: fc.constantFrom(...odd) },
  );

const usualLines = [
  "X-A: 1",
  "X-Forwarded-For: 198.51.100.7",
  "X-Forwarded-Proto: https",
  "Content-Length: 0",
];
const oddLines = ["Via: 1.1 fairlead", "Max-Forwards: 0", "X A: 1", "Host: a.example", "Host: c.b.example"];

const asked: fc.Arbitrary<Asked> = fc.record({
  method: mostly(["GET", "POST"], ["OPTIONS", "TRACE", "CONNECT", "G@T"]),
  host: mostly(["a.example", "B.example.", "c.b.example", "other"], ["bad_host!"]),
  target: mostly(["/", "/x", "/x/7", "/x//7/../y?q=1", "/%78?q=1", "/a%2fb"], ["/a//../b", "/%zz", "*"]),
  headers: fc
    .tuple(
      fc.subarray(usualLines),
      fc.option(credentials, { nil: "" }),
      fc.option(fc.constantFrom(...oddLines), { nil: "", freq: 8 }),
    )
    .map(([usual, ...others]) => [...usual, ...others.filter((line) => line !== "")]),
  from: fc.constantFrom("127.0.0.1", "127.0.0.2", "127.0.0.3"),
  listener: fc.constantFrom("web", "other"),
});

const aCase: fc.Arbitrary<Case> = fc.record({
  pools: fc.array(
    fc.record({
      strategy,
      checked: fc.boolean(),
      on_all_down: fc.constantFrom("refuse" as const, "panic" as const),
      panic_threshold: fc.constantFrom(0, 0, 0.5),
      host_header: fc.constantFrom("pass" as const, "backend" as const, { name: "fixed.example" }),
      zones: fc.constantFrom(null, null, { local: "a", order: ["b"], spill_below: 0.7 }),
      backends: fc.array(
        fc.record({
          weight: fc.constantFrom(0, 1, 1, 2, 3),
          zone: fc.constantFrom(null, "a", "b"),
          last_resort: fc.boolean(),
          health: fc.constantFrom(
            "healthy" as const,
            "healthy" as const,
            "unhealthy" as const,
            "unknown" as const,
          ),
          enabled: fc.constantFrom(
            null,
            null,
            null,
            null,
            "active" as const,
            "draining" as const,
            "disabled" as const,
          ),
        }),
        { minLength: 1, maxLength: 4 },
      ),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  routes: fc.array(
    fc.record({
      match: fc.oneof({ weight: 2, arbitrary: rule }, { weight: 1, arbitrary: fc.constant("") }),
      priority: fc.constantFrom(0, 0, 5, 50),
      listeners: fc.constantFrom([], [], ["web"], ["other"]),
      target: fc.oneof(
        { weight: 6, arbitrary: fc.nat(2) },
        { weight: 1, arbitrary: fc.constantFrom("respond" as const, "ready" as const) },
      ),
      middlewares: fc.oneof(
        { weight: 2, arbitrary: fc.constant([]) },
        { weight: 2, arbitrary: fc.uniqueArray(middleware, { maxLength: 3, selector: ([kind]) => kind }) },
      ),
      deny: fc.constantFrom([], [], ["double_slash"]),
    }),
    { minLength: 1, maxLength: 6 },
  ),
  requests: fc.array(asked, { minLength: 1, maxLength: 3 }),
});

function middlewarePlan([kind, options]: readonly [string, object]): MiddlewarePlan {
  const part = middlewareParts.find(({ name }) => name === kind)!;
  return { kind, name: kind, options: part.schema.parse(options) as MiddlewarePlan["options"] };
}

function planOfCase({ pools, routes }: Case): Plan {
  const made = pools.map((pool, p) =>
    poolOf(
      `p${p}`,
      pool.backends.map(({ weight, last_resort, zone }, n) => ({
        id: `b${n}`,
        url: `http://127.0.${p}.${n + 10}:${originPort()}`,
        weight,
        last_resort,
        zone,
      })),
      {
        strategy: pool.strategy,
        health_check: pool.checked ? checkOf("tcp") : null,
        on_all_down: pool.on_all_down,
        panic_threshold: pool.panic_threshold,
        host_header: pool.host_header,
        zones: pool.zones,
      },
    ),
  );
  return planOf(made, {
    listeners: ["web", "other"].map((name) =>
      listenerOf(name, { trusted_proxies: ["127.0.0.2"], defer_accept: false }),
    ),
    routes: routes.map((route, index) => routePlan(route, index, made.length)),
  });
}

function routePlan(route: Case["routes"][number], index: number, pools: number): RoutePlan {
  const { match, priority, listeners, target, middlewares, deny } = route;
  const name = `r${index}`;
  const tells: readonly [string, object] = ["headers", { request: { set: { "X-Route": name } } }];
  return routeOf(name, {
    match,
    priority,
    listeners,
    encoded_characters: { deny },
    middlewares: (typeof target === "number" ? [...middlewares, tells] : middlewares).map(middlewarePlan),
    target:
      typeof target === "number"
        ? { kind: "pool", pool: `p${target % pools}` }
        : target === "ready"
          ? { kind: "ready" }
          : { kind: "respond", status: 203, body: name, content_type: "" },
  });
}

/** What is known of backends, for those of any case. */
function deltaOf({ pools }: Case): SnapshotDelta {
  const health: Record<string, "healthy" | "unhealthy" | "unknown"> = {};
  const overrides: Record<string, { enabled?: "active" | "draining" | "disabled" }> = {};
  for (let p = 0; p < 3; p++)
    for (let n = 0; n < 4; n++) {
      const backend = pools[p]?.backends[n];
      health[`p${p}/b${n}`] = backend?.health ?? "unknown";
      overrides[`p${p}/b${n}`] = backend?.enabled == null ? {} : { enabled: backend.enabled };
    }
  return { health, overrides, members: {}, documents: {} };
}

async function running(plan: Plan): Promise<InProcessInstance> {
  return startInProcess(plan, {
    createProgram: (identity) => new HttpProgram(identity, { createStep }),
    counters: new MetricsKeeper(({ listeners }) => limitNumbers(listeners.length)),
  });
}

interface Got {
  readonly status: number;
  readonly location: string | null;
  readonly body: string;
}

/** Sends the request on a connection of its own and resolves with the answer. */
async function send(port: number, { method, host, target, headers, from }: Asked): Promise<Got> {
  const lines = headers.some((line) => /^host:/i.test(line)) ? headers : [`Host: ${host}`, ...headers];
  const socket = connect({ host: "127.0.0.1", port, localAddress: from });
  const text = await new Promise<string>((resolve, reject) => {
    let received = "";
    socket.setEncoding("latin1");
    socket.on("data", (bytes) => {
      received += bytes;
      if (isComplete(received, method)) resolve(received);
    });
    socket.on("end", () => resolve(received));
    socket.on("error", reject);
    socket.write(`${[`${method} ${target} HTTP/1.1`, ...lines].join("\r\n")}\r\n\r\n`);
  });
  socket.destroy();
  const [head = "", body = ""] = text.split("\r\n\r\n", 2);
  return {
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]),
    location: /^location: (.*)$/im.exec(head)?.[1] ?? null,
    body,
  };
}

function isComplete(text: string, method: string): boolean {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return false;
  const length = /^content-length: (\d+)/im.exec(text.slice(0, end))?.[1];
  return method === "HEAD" || text.length >= end + 4 + Number(length ?? 0);
}

const explained = (instance: InProcessInstance, { method, host, target, headers, from, listener }: Asked) =>
  instance.supervisor.explain({
    method,
    url: `http://${host}:${instance.port(listener)}${target}`,
    headers: headers.some((line) => /^host:/i.test(line)) ? [...headers] : [...headers, `Host: ${host}`],
    from,
    listener,
  });

/** Every number that requests leave a trace in. */
function traces({ supervisor, program }: InProcessInstance): string {
  const numbers = [...supervisor.counters()].map(({ layout, values }) => {
    const left = [...values];
    // The loop's delay is counted ten times a second, whatever is asked.
    const delay = (layout as MetricLayout).blocks.find(({ name }) => name.startsWith("worker_event_loop"))!;
    left.fill(0, delay.base, delay.base + delay.width);
    return left;
  });
  return JSON.stringify([numbers, program.stats()]);
}

/** Kinds of outcomes that the cases have had, so that none of them is proven by nothing. */
const seen = new Map<string, number>();

function expectSame(explanation: Explanation, got: Got, { pools }: Case): void {
  const { outcome, pool, route } = explanation;
  seen.set(outcome.kind, (seen.get(outcome.kind) ?? 0) + 1);
  // Credentials that are not verified are wrong in all cases.
  if (explanation.middlewares.some(({ verdict }) => verdict === "unknown")) {
    seen.set("unknown", (seen.get("unknown") ?? 0) + 1);
    expect(got.status).toBe(401);
    return;
  }
  if (outcome.kind === "answer") {
    seen.set(`by ${outcome.by}`, (seen.get(`by ${outcome.by}`) ?? 0) + 1);
    expect([got.status, got.location]).toEqual([outcome.status, outcome.location]);
    if (outcome.by === "route" && outcome.status === 203) expect(got.body).toBe(route!);
    return;
  }
  if (outcome.kind !== "backend") throw new Error(`unexpected outcome ${outcome.kind}`);
  expect(got.status).toBe(200);
  const told = JSON.parse(got.body) as { where: string; target: string; host: string; route: string };
  const [, , p, n] = told.where.split(".").map(Number);
  expect([`p${p}`, told.route, told.target]).toEqual([pool!.name, route!, outcome.target]);
  const key = `b${n! - 10}`;
  expect(pool!.candidates.filter(({ eligible }) => eligible).map((each) => each.key)).toContain(key);
  if (outcome.candidate !== null) expect([key, told.host]).toEqual([outcome.candidate, outcome.host]);
  const name = pools[p!]!.strategy.name;
  seen.set(name, (seen.get(name) ?? 0) + 1);
}

test("H-J24/explained what is explained is what the same request gets, and asking leaves no trace", async () => {
  await using instance = await running(
    planOf([], { listeners: planOfCase({ pools: [], routes: [], requests: [] }).listeners }),
  );
  await fc.assert(
    fc.asyncProperty(aCase, async (made) => {
      const result = await instance.reload({ plan: planOfCase(made) });
      if (!result.ok) throw new Error(result.problems.join("\n"));
      instance.publish(deltaOf(made));
      for (const request of made.requests) {
        const before = traces(instance);
        const explanation = await explained(instance, request);
        expect(await explained(instance, request)).toEqual(explanation);
        expect(traces(instance)).toBe(before);
        // The index and the rules as they are written agree about who takes the request.
        const takers = explanation.routes.filter(({ matches }) => matches).map(({ name }) => name);
        expect(takers).toEqual(explanation.route === null ? [] : [explanation.route]);
        expectSame(explanation, await send(instance.port(request.listener), request), made);
        await idle(instance);
      }
    }),
    { numRuns: 200 },
  );
  for (const kind of ["backend", "by route", "by middleware", "by fairlead", "unknown", ...STRATEGIES])
    expect([kind, (seen.get(kind) ?? 0) > 0]).toEqual([kind, true]);
}, 60_000);

const STRATEGIES = [
  "round_robin",
  "least_connections",
  "sequential",
  "random",
  "ip_hash",
  "consistent_hash",
  "rendezvous",
];

/** Waits until nothing is left of the last client. */
async function idle({ program }: InProcessInstance): Promise<void> {
  for (const end = performance.now() + 5_000; program.stats()["connections"] !== 0;) {
    if (performance.now() > end) throw new Error("a connection stays open");
    await Bun.sleep(1);
  }
}
