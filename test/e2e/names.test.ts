/** Backends that are given by name: what their addresses do to traffic, from outside. */
import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configuration } from "../../src/cli/configuration.ts";
import { parts } from "../../src/composition.ts";
import type { MetricsKeeper } from "../../src/observe/metrics_keeper.ts";
import { realClock } from "../../src/platform/clock.ts";
import { SystemNames } from "../../src/platform/names_system.ts";
import { HealthKeeper } from "../../src/probes/health_keeper.ts";
import { startInProcess } from "../../src/run/start_in_process.ts";
import { KeepAliveLoad } from "./processes_load.ts";
import { runFairlead } from "./processes_program.ts";
import { askOnce } from "../support/raw_client.ts";
import { rawOrigin } from "../support/raw_origin.ts";

const PATIENCE = { timeout: 60_000 };
const GET = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

const cleanUp: (() => void)[] = [];
afterEach(() => {
  for (const undo of cleanUp.splice(0)) undo();
});

/** A server that tells on which address it was asked. Returns its port. */
async function server(host: string): Promise<number> {
  const made: Server = createServer((request, response) => {
    request.resume();
    request.on("end", () => response.end(request.socket.localAddress));
  });
  await new Promise<void>((resolve) => made.listen(0, host, resolve));
  cleanUp.push(() => {
    made.closeAllConnections();
    made.close();
  });
  return (made.address() as AddressInfo).port;
}

/** The program in this process with a hosts file of its own. */
async function withHosts(hosts: string, yaml: string) {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-names-"));
  cleanUp.push(() => rmSync(directory, { recursive: true, force: true }));
  writeFileSync(join(directory, "hosts"), hosts);
  const file = join(directory, "fairlead.yaml");
  writeFileSync(
    file,
    `runtime_dir: ${directory}/run\nstate_dir: ${directory}/state\nlisteners: { web: { address: "127.0.0.1:0" } }\n${yaml}\n`,
  );
  const { plan, problems } = await configuration({ file, set: [] }, await parts.config()).load();
  if (plan === null) throw new Error(problems.join("\n"));
  const names = new SystemNames({
    clock: realClock,
    hostsFile: join(directory, "hosts"),
    resolverFile: join(directory, "resolv.conf"),
    servers: ["127.0.0.1:9"],
  });
  const metrics = (await parts.supervisor()).counters as MetricsKeeper;
  const instance = await startInProcess(plan, {
    createProgram: parts.createProgram,
    counters: metrics,
    parts: [(host) => new HealthKeeper(host, { probes: [], names, clock: realClock, random: Math.random })],
  });
  return { instance, text: () => metrics.text("fairlead", instance.supervisor.counters()) };
}

async function answersOf(port: number, count: number): Promise<Record<string, number>> {
  const answers: Record<string, number> = {};
  for (let index = 0; index < count; index++) {
    const { status, body } = await askOnce(port, GET);
    const answer = `${status} ${body.toString()}`;
    answers[answer] = (answers[answer] ?? 0) + 1;
  }
  return answers;
}

test("the addresses of a name share the weight of their backend", async () => {
  const [many, one] = [await server("0.0.0.0"), await server("127.0.0.9")];
  const { instance } = await withHosts(
    "127.0.0.2 many.test\n127.0.0.3 many.test\n127.0.0.4 many.test\n",
    `pools: { app: { backends: [{ url: "http://many.test:${many}", weight: 2 }, { url: "http://127.0.0.9:${one}" }] } }\nroutes: [{ pool: app }]`,
  );
  await using _ = instance;
  expect(await answersOf(instance.port("web"), 90)).toEqual({
    "200 127.0.0.2": 20,
    "200 127.0.0.3": 20,
    "200 127.0.0.4": 20,
    "200 127.0.0.9": 30,
  });
});

test("a server that listens on one of the addresses of its name gets every request, and none counts as a retry", async () => {
  const port = await server("127.0.0.1");
  const { instance, text } = await withHosts(
    "127.0.0.1 half.test\n127.0.0.2 half.test\n127.0.0.3 half.test\n::1 half.test\n",
    `pools: { app: { backends: [{ url: "http://half.test:${port}" }], retries: { attempts: 0, budget: 0%, budget_min: 0 } } }\nroutes: [{ pool: app }]`,
  );
  await using _ = instance;
  const asked = await Promise.all(
    Array.from({ length: 40 }, (_unused, index) => {
      const body = "x".repeat(200);
      const post = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200\r\n\r\n${body}`;
      return askOnce(instance.port("web"), index % 2 === 0 ? GET : post);
    }),
  );
  expect([...new Set(asked.map(({ status, body }) => `${status} ${body.toString()}`))]).toEqual([
    "200 127.0.0.1",
  ]);
  expect(text()).not.toMatch(/^fairlead_retries_total\{.*\} [1-9]/m);
});

test("nobody listens on any address of a name: refused once all were tried", async () => {
  const port = await server("127.0.0.1");
  const { instance } = await withHosts(
    "127.0.0.2 none.test\n127.0.0.3 none.test\n",
    `pools: { app: { backends: [{ url: "http://none.test:${port}" }] } }\nroutes: [{ pool: app }]`,
  );
  await using _ = instance;
  expect((await askOnce(instance.port("web"), GET)).status).toBe(502);
});

test(
  "a reload that adds a pool whose backends are given by name: no request fails",
  async () => {
    using origin = await rawOrigin();
    const config = (pool: string, host: string) =>
      `workers: 2\npools: { ${pool}: { backends: [{ url: "http://${host}:${origin.port}" }] } }\nroutes: [{ pool: ${pool} }]`;
    await using fairlead = await runFairlead(config("first", "127.0.0.1"));
    const load = new KeepAliveLoad(fairlead.port());
    await load.until("200 ok");
    for (let round = 0; round < 5; round++) {
      await fairlead.apply(config(`named${round}`, "localhost"));
      await load.until("200 ok", 10);
      await fairlead.apply(config("first", "127.0.0.1"));
      await load.until("200 ok", 10);
    }
    expect(Object.keys(await load.stop())).toEqual(["200 ok"]);
  },
  PATIENCE,
);
