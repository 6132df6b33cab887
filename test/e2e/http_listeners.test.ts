/** Where requests come in and go out: TCP of both families and unix sockets; readiness; routes over listeners. */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { startFairlead } from "../support/fairlead.ts";
import { rawClient } from "../support/raw_client.ts";
import { answerText, rawOrigin } from "../support/raw_origin.ts";
import { requirement } from "../support/require.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const noIpv6 = requirement(
  "IPv6",
  Object.values(networkInterfaces())
    .flat()
    .some((one) => one?.address === "::1")
    ? null
    : "this machine has no ::1",
);

test("a unix socket listens with its mode, and its clients are unknown to backends", async () => {
  using origin = await rawOrigin((request) => answerText(String(request.get("x-forwarded-for"))));
  const folder = mkdtempSync(join(tmpdir(), "fairlead-socket-"));
  using _folder = { [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
  const path = join(folder, "web.sock");
  await using fairlead = await startFairlead(`listeners: { web: { address: "unix:${path}", mode: "0600" } }
pools: { app: { backends: [{ url: "${origin.url}" }] } }
routes: [{ pool: app }]`);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  using client = await rawClient({ path });
  expect((await client.ask(GET)).body.toString()).toBe("unknown");
  expect((await fairlead.log(1))[0]!["client"]).toBe("");
});

test.skipIf(noIpv6 !== null)("IPv6, and one socket for both families", async () => {
  using origin = await rawOrigin((request) => answerText(String(request.get("x-forwarded-for"))));
  await using fairlead =
    await startFairlead(`listeners: { six: { address: "[::1]:0" }, both: { address: ":0" } }
pools: { app: { backends: [{ url: "${origin.url}" }] } }
routes: [{ pool: app }]`);
  const cases: [string, string, string][] = [
    ["six", "::1", "::1"],
    ["both", "::1", "::1"],
    ["both", "127.0.0.1", "127.0.0.1"],
  ];
  for (const [listener, host, seen] of cases) {
    using client = await rawClient({ host, port: fairlead.port(listener) });
    expect((await client.ask(GET)).body.toString()).toBe(seen);
  }
});

test("a backend on a unix socket", async () => {
  const path = `/tmp/fairlead-test-backend-${process.pid}.sock`;
  using origin = await rawOrigin((request) => answerText(request.get("host")!), { listen: path });
  await using fairlead = await startFairlead(`pools:
  app: { backends: [{ url: "unix:${path}" }] }
  own: { backends: [{ url: "unix:${path}" }], host_header: backend }
routes: [{ match: "Path(\`/own\`)", pool: own }, { pool: app }]`);
  using client = await rawClient(fairlead.port());
  expect((await client.ask(GET)).body.toString()).toBe("a");
  expect((await client.ask("GET /own HTTP/1.1\r\nHost: a\r\n\r\n")).body.toString()).toBe("localhost");
  expect(origin.requests.length).toBe(2);
});

test("a route may belong to one listener", async () => {
  await using fairlead =
    await startFairlead(`listeners: { one: { address: "127.0.0.1:0" }, two: { address: "127.0.0.1:0" } }
routes: [{ listeners: [one], respond: { status: 200, body: one } }]`);
  using first = await rawClient(fairlead.port("one"));
  expect((await first.ask(GET)).body.toString()).toBe("one");
  using second = await rawClient(fairlead.port("two"));
  expect((await second.ask(GET)).status).toBe(404);
});

test("ready answers 200, and 503 to new connections from the moment a drain begins", async () => {
  await using fairlead = await startFairlead(`routes: [{ match: "Path(\`/ready\`)", respond: ready }]
timeouts: { drain_accept: 700ms }`);
  const port = fairlead.port();
  const ready = "GET /ready HTTP/1.1\r\nHost: a\r\n\r\n";
  using before = await rawClient(port);
  expect((await before.ask(ready)).status).toBe(200);
  const stopped = fairlead.instance.stop();
  // Its next request is its last one.
  const last = await before.ask(ready);
  expect([last.status, last.get("connection")]).toEqual([503, "close"]);
  using during = await rawClient(port);
  const answer = await during.ask(ready);
  expect([answer.status, answer.get("connection")]).toEqual([503, "close"]);
  await stopped;
  const refused = await rawClient(port).then(
    () => "connected",
    (error: Error) => error.message,
  );
  expect(refused).toContain("ECONNREFUSED");
});

test("10,000 routes are built beside traffic and found", async () => {
  const routes = Array.from(
    { length: 10_000 },
    (_, index) => `  - { match: "Host(\`h${index}.example\`)", respond: { status: 200, body: "${index}" } }`,
  );
  await using fairlead = await startFairlead("routes: [{ respond: { status: 200, body: old } }]");
  using client = await rawClient(fairlead.port());
  expect((await client.ask(GET)).body.toString()).toBe("old");
  let asking = true;
  const asked = (async () => {
    while (asking) {
      await client.ask(GET);
    }
  })();
  const result = await fairlead.reload(
    `routes:\n${routes.join("\n")}\n  - { respond: { status: 200, body: old } }`,
  );
  asking = false;
  await asked;
  expect(result.ok).toBe(true);
  for (const index of [0, 4_321, 9_999]) {
    expect((await client.ask(`GET / HTTP/1.1\r\nHost: h${index}.example\r\n\r\n`)).body.toString()).toBe(
      String(index),
    );
  }
  expect((await client.ask(GET)).body.toString()).toBe("old");
}, 30_000);
