/**
 * What a request costs on its way through codec, plane and log, without sockets, with ten routes and with 10,000. A client's
 * bytes go in, what would be written is dropped, a backend's bytes come back. CPU nanoseconds per request, rounds in turn,
 * medians.
 *
 *   bun bench/request_path.ts
 */
import { openSync } from "node:fs";
import { loadConfig } from "../src/config/load.ts";
import { parts } from "../src/composition.ts";
import type { Plan } from "../src/core/plan.ts";
import { MemoryFiles } from "../src/platform/files.ts";
import type { ByteSocket } from "../src/net/h1/output.ts";
import { HttpProgram } from "../src/planes/http/program.ts";
import { ListenerPort } from "../src/planes/http/listener_port.ts";
import { createStep } from "../src/planes/http/middleware/all.ts";
import { MetricsKeeper } from "../src/observe/metrics_keeper.ts";
import { limitNumbers } from "../src/planes/http/connection_counts.ts";
import { cpuTime } from "./support/cpu_time.ts";
import { median } from "./support/statistics.ts";

const ROUNDS = 9;
const REQUESTS = 50_000;
/** Different requests of a round; each is one route's. */
const DIFFERENT = 1_024;
const FEW = 10;
const MANY = 10_000;

interface Shape {
  readonly name: string;
  readonly rule: (index: number) => string;
  readonly host: (index: number) => string;
  readonly path: (index: number) => string;
}

const padded = (index: number): string => `${index}`.padStart(5, "0");

const SHAPES: readonly Shape[] = [
  {
    name: "hosts",
    rule: (index) => `Host(\`service-${padded(index)}.example.com\`)`,
    host: (index) => `service-${padded(index)}.example.com`,
    path: () => "/some/path/of/a/page?with=query",
  },
  {
    name: "prefixes on one host",
    rule: (index) => `Host(\`example.com\`) && PathPrefix(\`/service-${padded(index)}/\`)`,
    host: () => "example.com",
    path: (index) => `/service-${padded(index)}/page?with=query`,
  },
];

const ANSWER = Buffer.from(
  "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Wed, 25 Nov 2026 14:15:32 GMT\r\nContent-Type: text/plain\r\n" +
    "Content-Length: 25\r\nConnection: keep-alive\r\n\r\n0123456789012345678901234",
);

class Sink implements ByteSocket {
  write(_bytes: Uint8Array, _offset: number, length: number): number {
    return length;
  }
  pause(): void {}
  resume(): void {}
  shutdown(): void {}
  close(): void {}
  terminate(): void {}
}

async function planOf(shape: Shape, routes: number): Promise<Plan> {
  const lines = Array.from(
    { length: routes },
    (_, index) => `  - { match: "${shape.rule(index)}", pool: app }`,
  );
  const text =
    `listeners: { web: { address: "127.0.0.1:0" } }\n` +
    `pools: { app: { backends: [{ url: "http://127.0.0.1:1" }, { url: "http://127.0.0.1:2" }] } }\n` +
    `routes:\n${lines.join("\n")}\nobservability: { access_log: { path: /dev/null } }\n`;
  const { plan, problems } = await loadConfig({
    file: "/fairlead.yaml",
    parts: await parts.config(),
    files: new MemoryFiles({ "/fairlead.yaml": text }),
    cores: 1,
  });
  if (plan === null) throw new Error(JSON.stringify(problems));
  return plan;
}

/** A worker without sockets. Returns what serves the request with this number. */
function serverOf(plan: Plan, shape: Shape, routes: number): (index: number) => void {
  const layout = new MetricsKeeper((one) => limitNumbers(one.listeners.length)).layout(plan);
  const program = new HttpProgram({ index: 0, inProcess: true }, { createStep });
  const regions = {
    counters: new Float64Array(layout.counters),
    limits: new Float64Array(layout.limits),
    limitRow: 0,
    limitRows: 1,
  };
  for (const _ of program.prepare(
    { generation: 1, plan, files: {}, health: {}, members: {}, overrides: {}, documents: {} },
    regions,
  ));
  program.apply();
  program.openLog("access", openSync("/dev/null", "w"));

  const port = new ListenerPort(program.portHost, "web");
  const client = { address: "127.0.0.1", port: 1, localPort: 9220, peerAddress: "127.0.0.1", trusted: false };
  const connection = port.accept(new Sink(), client as never, null)!;
  const backends = [...program.plane.runtime.pools.values()][0]!.upstreams.map(({ connections }) => {
    const backend = connections.create();
    backend.socket = new Sink() as never;
    connections.idle(backend);
    return backend;
  });
  const requests = Array.from({ length: DIFFERENT }, (_, index) => {
    const route = (index * 7_919) % routes;
    const [host, path] = [shape.host(route), shape.path(route)];
    return Buffer.from(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: bench/1\r\nAccept: */*\r\n\r\n`);
  });
  return (index) => {
    connection.onData(requests[index & (DIFFERENT - 1)]!);
    const backend = backends.find(({ exchange }) => exchange !== null);
    if (backend === undefined) throw new Error("no backend got the request");
    backend.onData(ANSWER);
  };
}

async function compare(shape: Shape): Promise<void> {
  const cells = [];
  for (const routes of [FEW, MANY])
    cells.push({ serve: serverOf(await planOf(shape, routes), shape, routes), times: [] as number[] });
  for (let round = 0; round <= ROUNDS; round++) {
    for (const { serve, times } of cells) {
      const start = cpuTime();
      for (let index = 0; index < REQUESTS; index++) serve(index);
      // Round 0 warms up.
      if (round > 0) times.push((cpuTime() - start) / REQUESTS);
      await Bun.sleep(0);
    }
  }
  const [few, many] = cells.map(({ times }) => median(times)) as [number, number];
  const text = [few, many].map((each) => `${each.toFixed(0).padStart(8)} ns`).join(" ");
  console.log(`${shape.name.padEnd(24)} ${text}   ${(many / few).toFixed(2)}`);
}

export async function benchRequestPath(): Promise<void> {
  console.log(`${"request".padEnd(24)} ${"10 routes".padStart(11)} ${"10,000".padStart(11)}   ratio`);
  for (const shape of SHAPES) await compare(shape);
}

if (import.meta.main) void benchRequestPath().then(() => process.exit(0));
