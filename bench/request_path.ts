/**
 * What a request costs on its way through codec, plane and log, without sockets: `bun bench/request_path.ts`. A client's
 * bytes go in, what would be written is dropped, a backend's bytes come back. Nanoseconds per request, best of rounds.
 */
import { openSync } from "node:fs";
import { loadConfig } from "../src/config/load.ts";
import { parts } from "../src/composition.ts";
import { MemoryFiles } from "../src/platform/files.ts";
import type { ByteSocket } from "../src/net/h1/output.ts";
import { HttpProgram } from "../src/planes/http/program.ts";
import { ListenerPort } from "../src/planes/http/listener_port.ts";
import { createStep } from "../src/planes/http/middleware/all.ts";
import { MetricsKeeper } from "../src/observe/metrics_keeper.ts";
import { limitNumbers } from "../src/planes/http/connection_counts.ts";

const CONFIG = `
listeners: { web: { address: "127.0.0.1:0" } }
pools: { app: { backends: [{ url: "http://127.0.0.1:1" }, { url: "http://127.0.0.1:2" }] } }
routes:
${Array.from({ length: 9 }, (_, index) => `  - { match: "Host(\`h${index}.example\`)", pool: app }`).join("\n")}
  - { pool: app }
observability: { access_log: { path: /dev/null } }
`;
const REQUEST = Buffer.from(
  "GET /some/path/of/a/page?with=query HTTP/1.1\r\nHost: 127.0.0.1:9220\r\nUser-Agent: bench/1\r\nAccept: */*\r\n\r\n",
);
const ANSWER = Buffer.from(
  "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Wed, 25 Nov 2026 14:15:32 GMT\r\nContent-Type: text/plain\r\nContent-Length: 25\r\nConnection: keep-alive\r\n\r\n0123456789012345678901234",
);
const ROUNDS = Number(process.argv[2] ?? 10);
const REQUESTS = 100_000;

class Sink implements ByteSocket {
  bytes = 0;
  write(_bytes: Uint8Array, _offset: number, length: number): number {
    this.bytes += length;
    return length;
  }
  pause(): void {}
  resume(): void {}
  shutdown(): void {}
  close(): void {}
  terminate(): void {}
}

const loaded = await loadConfig({
  file: "/fairlead.yaml",
  parts: await parts.config(),
  files: new MemoryFiles({ "/fairlead.yaml": CONFIG }),
  cores: 1,
});
if (loaded.plan === null) throw new Error(JSON.stringify(loaded.problems));
const { plan } = loaded;
const layout = new MetricsKeeper((one) => limitNumbers(one.listeners.length)).layout(plan);
const program = new HttpProgram({ index: 0, inProcess: true }, { createStep });
const regions = {
  counters: new Float64Array(layout.counters),
  limits: new Float64Array(layout.limits),
  limitRow: 0,
  limitRows: 1,
};
for (const _ of program.prepare({ generation: 1, plan, files: {}, health: {}, members: {} }, regions));
program.apply();
program.openLog("access", openSync("/dev/null", "w"));

const port = new ListenerPort(program.portHost, "web");
const socket = new Sink();
const client = { address: "127.0.0.1", port: 1, localPort: 9220, peerAddress: "127.0.0.1", trusted: false };
const connection = port.accept(socket, client as never, null)!;
const upstreams = [...program.plane.runtime.pools.values()][0]!.upstreams;
const backends = upstreams.map(({ connections }) => {
  const backend = connections.create();
  backend.socket = new Sink() as never;
  connections.idle(backend);
  return backend;
});

let best = Infinity;
for (let round = 0; round < ROUNDS; round++) {
  const began = performance.now();
  for (let index = 0; index < REQUESTS; index++) {
    connection.onData(REQUEST);
    const backend = backends[0]!.exchange !== null ? backends[0]! : backends[1]!;
    backend.onData(ANSWER);
  }
  const nanoseconds = ((performance.now() - began) * 1e6) / REQUESTS;
  best = Math.min(best, nanoseconds);
  await Bun.sleep(0);
}
console.log(`${best.toFixed(0)} ns per request (${ROUNDS} rounds of ${REQUESTS})`);
process.exit(0);
