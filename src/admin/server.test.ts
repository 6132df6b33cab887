import { afterAll, afterEach, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock, realClock } from "../platform/clock.ts";
import { RefusalCount, type AccessRules } from "./access.ts";
import { OPERATIONS } from "./operations/all.ts";
import { MAX_ADMIN_CONNECTIONS, startAdmin, type AdminOptions, type AdminServer } from "./server.ts";
import { testServices, type TestPages } from "./test_services.ts";

const servers: AdminServer[] = [];
const folder = mkdtempSync(join(tmpdir(), "fairlead-admin-"));

afterEach(() => {
  for (const server of servers.splice(0)) server.stop();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const RULES: AccessRules = { token_sha256: null, hosts: [] };
const TOKEN = "0123456789-0123456789-0123456789";
const WITH_TOKEN: AccessRules = {
  token_sha256: createHash("sha256").update(TOKEN).digest("hex"),
  hosts: ["lb1.example.com"],
};

type Options = Partial<AdminOptions> & TestPages & { readonly told?: unknown[] };

function start({ metrics, health, told = [], ...options }: Options = {}): AdminServer {
  const { clock = realClock } = options;
  const server = startAdmin({
    address: "127.0.0.1:0",
    rules: RULES,
    operations: OPERATIONS,
    services: testServices({
      clock,
      ...(metrics && { metrics }),
      ...(health && { health }),
    }),
    refused: new RefusalCount(clock, (report) => void told.push(report)),
    failed: (text) => void told.push(text),
    ...options,
  });
  servers.push(server);
  return server;
}

/** Sends bytes and gives back all that comes until the end. */
function exchange(target: number | string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = typeof target === "number" ? connect(target, "127.0.0.1") : connect(target);
    let received = "";
    socket.setTimeout(5_000, () =>
      reject(new Error(`no end after 5 s; received ${JSON.stringify(received)}`)),
    );
    socket.on("data", (bytes: Buffer) => (received += bytes.toString("latin1")));
    socket.on("close", () => resolve(received));
    socket.on("error", reject);
    socket.write(text);
  });
}

const ask = (target: number | string, requestLine: string, fields = "Host: localhost\r\n"): Promise<string> =>
  exchange(target, `${requestLine} HTTP/1.1\r\n${fields}Connection: close\r\n\r\n`);

const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1]);
const bodyOf = (answer: string): string => answer.slice(answer.indexOf("\r\n\r\n") + 4);

test("metrics are served with the content type of the text format", async () => {
  const { port } = start();
  const answer = await ask(port, "GET /metrics");
  expect(statusOf(answer)).toBe(200);
  expect(answer).toContain("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
  expect(answer).toContain("\r\nContent-Length: 5\r\n");
  expect(answer).toContain("\r\nX-Content-Type-Options: nosniff\r\n");
  expect(bodyOf(answer)).toBe("up 1\n");
});

test("a query changes nothing, HEAD gets the head alone", async () => {
  const { port } = start();
  expect(bodyOf(await ask(port, "GET /metrics?name=up"))).toBe("up 1\n");
  const head = await ask(port, "HEAD /metrics");
  expect(statusOf(head)).toBe(200);
  expect(head).toContain("\r\nContent-Length: 5\r\n");
  expect(bodyOf(head)).toBe("");
});

test("health is JSON; 503 while starting and while draining", async () => {
  let status: "starting" | "serving" | "draining" = "serving";
  const { port } = start({
    health: () => ({ status, version: "1.2.3", workers: 2, since: "2026-11-25T12:00:00.000Z" }),
  });
  const answer = await ask(port, "GET /health");
  expect(statusOf(answer)).toBe(200);
  expect(answer).toContain("\r\nContent-Type: application/json\r\n");
  expect(answer).toContain("\r\nCache-Control: no-store\r\n");
  expect(JSON.parse(bodyOf(answer))).toEqual({
    status: "serving",
    version: "1.2.3",
    workers: 2,
    since: "2026-11-25T12:00:00.000Z",
  });
  for (const other of ["starting", "draining"] as const) {
    status = other;
    const refusal = await ask(port, "GET /health");
    expect(statusOf(refusal)).toBe(503);
    expect(JSON.parse(bodyOf(refusal)).status).toBe(other);
  }
});

test.each(["/", "/health/", "//health", "/Health", "/metrics/x", "/%68ealth", "/admin", "/../metrics"])(
  "the path %s is not found",
  async (path) => {
    const { port } = start();
    expect(statusOf(await ask(port, `GET ${path}`))).toBe(404);
  },
);

test.each(["POST", "PUT", "DELETE", "TRACE", "PATCH", "BREW", "get"])(
  "the method %s is refused with 405 and Allow",
  async (method) => {
    let asked = 0;
    const { port } = start({
      metrics() {
        asked++;
        return "";
      },
    });
    const answer = await ask(port, `${method} /metrics`);
    expect(statusOf(answer)).toBe(405);
    expect(answer).toContain("\r\nAllow: GET, HEAD, OPTIONS\r\n");
    expect(asked).toBe(0);
  },
);

test.each([
  "localhost",
  "localhost:80",
  "LOCALHOST.",
  "127.0.0.1",
  "127.0.0.1:9900",
  "127.8.9.1:1",
  "[::1]",
  "[::1]:9900",
  "[0:0:0:0:0:0:0:1]:9900",
])("a request for the host %s is answered", async (host) => {
  const { port } = start();
  expect(statusOf(await ask(port, "GET /health", `Host: ${host}\r\n`))).toBe(200);
});

test.each([
  "evil.example",
  "evil.example:9900",
  "localhost.evil.example",
  "127.0.0.1.evil.example",
  "a.localhost",
  "0.0.0.0",
  "10.0.0.1",
  "[::]",
  "[::ffff:127.0.0.1]",
  "[::2]",
  "127.1",
  "2130706433",
])("a request for the host %s is refused: DNS rebinding", async (host) => {
  const { port } = start();
  for (const path of ["/health", "/metrics", "/"]) {
    const answer = await ask(port, `GET ${path}`, `Host: ${host}\r\n`);
    expect(statusOf(answer)).toBe(421);
    expect(answer).not.toContain("1.2.3");
  }
});

test("the Host check cannot be talked round", async () => {
  const { port } = start();
  const refused = async (requestLine: string, fields: string): Promise<number> =>
    statusOf(await ask(port, requestLine, fields));
  expect(await refused("GET http://evil.example/health", "Host: localhost\r\n")).toBe(421);
  expect(await refused("GET http://localhost@evil.example/health", "Host: localhost\r\n")).toBe(400);
  expect(await refused("GET /health", "Host: localhost\r\nHost: evil.example\r\n")).toBe(400);
  expect(await refused("GET /health", "Host: localhost, evil.example\r\n")).toBe(400);
  expect(await refused("GET /health", "")).toBe(400);
  expect(await refused("GET /health", "Host: localhost evil\r\n")).toBe(400);
});

test("a request of HTTP/1.0 without Host is no browser's", async () => {
  const { port } = start();
  expect(statusOf(await exchange(port, "GET /health HTTP/1.0\r\n\r\n"))).toBe(200);
});

test("one connection serves many requests, pipelined ones in order", async () => {
  const { port } = start();
  const one = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const last = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  const answer = await exchange(port, `${one}${one}${last}`);
  expect(answer.match(/HTTP\/1\.1 200 OK/g)?.length).toBe(3);
  expect(answer.indexOf('"serving"')).toBeGreaterThan(answer.lastIndexOf("up 1"));
});

test("malformed and oversized requests get their 4xx", async () => {
  const { port } = start();
  expect(statusOf(await exchange(port, "GARBAGE\r\n\r\n"))).toBe(400);
  expect(statusOf(await ask(port, "GET /health", `Host: localhost\r\nX: ${"a".repeat(9_000)}\r\n`))).toBe(
    431,
  );
  expect(statusOf(await ask(port, `GET /${"a".repeat(1_100)}`))).toBe(414);
});

test("a head that does not come to its end is given up after 5 s", async () => {
  const clock = new ManualClock();
  const { port } = start({ clock });
  const socket = connect(port, "127.0.0.1");
  let received = "";
  socket.on("data", (bytes: Buffer) => (received += bytes.toString("latin1")));
  const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
  socket.write("GET /health HTTP/1.1\r\nHost: loc");
  // The clock stands still until the server has seen the beginning of the head.
  for (let turn = 0; turn < 500 && received === ""; turn++) {
    await Bun.sleep(2);
    clock.advance(100);
  }
  expect(received).toStartWith("HTTP/1.1 408 ");
  socket.end();
  await closed;
});

test("beyond its limit the server closes the connection that was idle for longest", async () => {
  const { port } = start();
  const sockets: Socket[] = [];
  for (let index = 0; index < MAX_ADMIN_CONNECTIONS; index++) {
    const socket = connect(port, "127.0.0.1");
    await new Promise<void>((resolve) => socket.once("connect", resolve));
    sockets.push(socket);
  }
  const first = new Promise<void>((resolve) =>
    sockets[0]!.on("error", () => {}).once("close", () => resolve()),
  );
  expect(statusOf(await ask(port, "GET /health"))).toBe(200);
  await first;
  expect(sockets.filter((socket) => socket.destroyed).length).toBe(1);
  for (const socket of sockets) socket.destroy();
});

test("metrics that take long to make are not made for each who asks: they wait and share", async () => {
  const clock = new ManualClock();
  let made = 0;
  const { port } = start({
    clock,
    metrics() {
      clock.advance(100);
      return `made ${++made}\n`;
    },
  });
  const next = async (): Promise<string> => bodyOf(await ask(port, "GET /metrics"));
  expect(await next()).toBe("made 1\n");
  let answered = 0;
  const waiting = [1, 2, 3].map(async () => {
    const text = await next();
    answered++;
    return text;
  });
  // All three have been read when a later request has been answered.
  for (let turn = 0; turn < 3; turn++) await ask(port, "GET /health");
  clock.advance(890);
  await ask(port, "GET /health");
  expect([answered, made]).toEqual([0, 1]);
  clock.advance(100);
  expect(await Promise.all(waiting)).toEqual(["made 2\n", "made 2\n", "made 2\n"]);
});

test("who gives up waiting is no trouble", async () => {
  const clock = new ManualClock();
  const { port } = start({
    clock,
    metrics() {
      clock.advance(100);
      return "up 1\n";
    },
  });
  await ask(port, "GET /metrics");
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await ask(port, "GET /health");
  socket.resetAndDestroy();
  await ask(port, "GET /health");
  clock.advance(5_000);
  expect(bodyOf(await ask(port, "GET /metrics"))).toBe("up 1\n");
});

test("metrics that are made quickly are always fresh", async () => {
  let made = 0;
  const { port } = start({ clock: new ManualClock(), metrics: () => `made ${++made}\n` });
  for (const text of ["made 1\n", "made 2\n"]) expect(bodyOf(await ask(port, "GET /metrics"))).toBe(text);
});

test.each([
  ":9900",
  "0.0.0.0:9900",
  "[::]:0",
  "10.0.0.1:0",
  "[::ffff:10.0.0.1]:0",
  "example.com:9900",
  "nonsense",
])("the address %s is refused in one sentence", (address) => {
  expect(() => start({ address })).toThrow(
    `admin address ${address}: only this machine may reach it, because it asks for no credentials; ` +
      "expected 127.0.0.1:port, [::1]:port or unix:/path",
  );
});

test("an address in use is refused in one sentence that names it", () => {
  const { port } = start();
  expect(() => start({ address: `127.0.0.1:${port}` })).toThrow(
    `admin: cannot listen on 127.0.0.1:${port}: the address is in use`,
  );
});

test("localhost and ::1 are loopback", async () => {
  const { address, port } = start({ address: "localhost:0" });
  expect(address).toBe(`127.0.0.1:${port}`);
  expect(statusOf(await ask(port, "GET /health", `Host: localhost:${port}\r\n`))).toBe(200);
  if (!existsSync("/proc/net/if_inet6")) return;
  expect(start({ address: "[::1]:0" }).address).toMatch(/^\[::1\]:\d+$/);
});

test("a unix socket serves any Host, has a mode of its own and is removed at the end", async () => {
  const path = join(folder, "admin.sock");
  const server = start({ address: `unix:${path}` });
  expect(server.address).toBe(`unix:${path}`);
  expect(statSync(path).mode & 0o777).toBe(0o660);
  expect(statusOf(await ask(path, "GET /health", "Host: anything.example\r\n"))).toBe(200);
  expect(() => start({ address: `unix:${path}` })).toThrow("a living process listens there");
  server.stop();
  expect(existsSync(path)).toBe(false);
  writeFileSync(path, "");
  expect(() => start({ address: `unix:${path}` })).toThrow("a file that is no socket stands there");
});

test("stop closes idle connections and lets nobody in", async () => {
  const server = start();
  const socket = connect(server.port, "127.0.0.1");
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  await new Promise<void>((resolve) => {
    socket.once("data", () => resolve());
    socket.write("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
  });
  server.stop();
  await closed;
  expect(ask(server.port, "GET /health")).rejects.toThrow();
});

test("a successor serves beside the program that it is to replace: at its end the file is the other's again, or gone", async () => {
  const shared = mkdtempSync(join(tmpdir(), "fairlead-admin-"));
  const path = join(shared, "shared.sock");
  const address = `unix:${path}`;
  const server = (name: string, isShared: boolean) =>
    start({ address, shared: isShared, metrics: () => `${name} 1\n` });
  const who = async () => /^(\w+) 1$/m.exec(await ask(path, "GET /metrics"))?.[1];
  const before = server("before", false);
  const refused = server("refused", true);
  expect(await who()).toBe("refused");
  refused.stop();
  expect(await who()).toBe("before");
  const after = server("after", true);
  before.stop();
  after.keep();
  expect(await who()).toBe("after");
  after.stop();
  expect(readdirSync(shared)).toEqual([]);
  rmSync(shared, { recursive: true });

  const first = start({ metrics: () => "first 1\n" });
  const second = start({ address: first.address, shared: true, metrics: () => "second 1\n" });
  first.stop();
  expect(await ask(second.port, "GET /metrics")).toContain("second 1");
  expect(() => start({ address: second.address })).toThrow("the address is in use");
});

const bearer = (token: string) => `Host: localhost\r\nAuthorization: Bearer ${token}\r\n`;

test("with a token every operation but /health needs it, on loopback and unix sockets too", async () => {
  const path = join(folder, "with_token.sock");
  const servers = [start({ rules: WITH_TOKEN }).port, start({ rules: WITH_TOKEN, address: `unix:${path}` })];
  for (const target of [servers[0] as number, path]) {
    expect(statusOf(await ask(target, "GET /health"))).toBe(200);
    for (const at of ["/metrics", "/admin/backends", "/admin/openapi.json", "/nowhere"]) {
      const answer = await ask(target, `GET ${at}`);
      expect(statusOf(answer)).toBe(401);
      expect(answer).toContain('\r\nWWW-Authenticate: Bearer realm="fairlead"\r\n');
    }
    expect(statusOf(await ask(target, "OPTIONS /metrics"))).toBe(401);
    expect(statusOf(await ask(target, "GET /metrics", bearer(TOKEN)))).toBe(200);
    expect(statusOf(await ask(target, "GET /metrics", bearer(TOKEN).replace("Bearer", "bEARER")))).toBe(200);
    expect(statusOf(await ask(target, "GET /nowhere", bearer(TOKEN)))).toBe(404);
  }
});

test.each([
  ["another token", `Authorization: Bearer ${TOKEN}x`],
  ["a part of it", `Authorization: Bearer ${TOKEN.slice(0, -1)}`],
  ["nothing", "Authorization: Bearer "],
  ["another scheme", `Authorization: Basic ${TOKEN}`],
  ["the token alone", `Authorization: ${TOKEN}`],
  ["two of them", `Authorization: Bearer ${TOKEN}\r\nAuthorization: Bearer ${TOKEN}`],
  ["its digest", `Authorization: Bearer ${WITH_TOKEN.token_sha256}`],
])("%s in place of the token is refused", async (_name, field) => {
  const { port } = start({ rules: WITH_TOKEN });
  const answer = await ask(port, "GET /metrics", `Host: localhost\r\n${field}\r\n`);
  expect(statusOf(answer)).toBe(401);
  expect(answer).toContain('error="invalid_token"');
  expect(answer).not.toContain(TOKEN.slice(0, 20));
});

test("refused tokens are told at once and then by their number, without the token", async () => {
  const told: unknown[] = [];
  const clock = new ManualClock();
  const { port } = start({ rules: WITH_TOKEN, told, clock });
  for (let count = 0; count < 5; count++) await ask(port, "GET /metrics", bearer(`wrong${TOKEN}`));
  expect(told).toEqual([{ from: expect.stringMatching(/^127\.0\.0\.1:\d+$/), count: 1 }]);
  clock.advance(10_000);
  expect(told.slice(1)).toEqual([{ from: expect.stringMatching(/^127\.0\.0\.1:\d+$/), count: 4 }]);
  clock.advance(30_000);
  expect(told.length).toBe(2);
  await ask(port, "GET /metrics", bearer(`wrong${TOKEN}`));
  expect(told.length).toBe(3);
  // Nobody has to tell of what needs no token, or of who brings none: a balancer may ask all day.
  await ask(port, "GET /metrics");
  clock.advance(10_000);
  expect(told.length).toBe(3);
});

test("an address that other machines reach: addresses, localhost and names of admin.hosts are known, others are not", async () => {
  const { port, address } = start({ rules: WITH_TOKEN, address: "0.0.0.0:0" });
  expect(address).toBe(`0.0.0.0:${port}`);
  const answers = (host: string) => ask(port, "GET /health", `Host: ${host}\r\n`);
  for (const host of ["192.0.2.7:9900", "[2001:db8::1]", "localhost", "LB1.example.com:80", "127.0.0.1"])
    expect([host, statusOf(await answers(host))]).toEqual([host, 200]);
  for (const host of ["rebound.example", "lb2.example.com", "1.2.3", "lb1.example.com.evil.example"]) {
    const answer = await answers(host);
    expect([host, statusOf(answer)]).toEqual([host, 421]);
    expect(JSON.parse(bodyOf(answer)).detail).toContain(
      "expected an IP address, localhost or a name of admin.hosts",
    );
  }
});

test("rules change while it serves", async () => {
  const server = start();
  expect(statusOf(await ask(server.port, "GET /metrics"))).toBe(200);
  server.setRules(WITH_TOKEN);
  expect(statusOf(await ask(server.port, "GET /metrics"))).toBe(401);
});

const post = (fields: string, body = "") =>
  `POST /admin/reload HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${fields}\r\n${body}`;

test("a body that does not come is given up after 10 s, one that is too long at once; nothing is done", async () => {
  const clock = new ManualClock();
  let reloads = 0;
  const services = {
    ...testServices({ clock }),
    reload: async () => {
      reloads++;
      return { ok: true, changed: false, generation: 1, changes: [], warnings: [] } as const;
    },
  };
  const { port } = start({ clock, services });
  const json = "Content-Type: application/json\r\n";
  const socket = connect(port, "127.0.0.1");
  let received = "";
  socket.on("data", (bytes: Buffer) => (received += bytes.toString("latin1")));
  socket.on("error", () => {});
  socket.write(post(`${json}Content-Length: 2\r\nExpect: 100-continue\r\n`, ""));
  for (let turn = 0; turn < 500 && !received.includes("100 Continue"); turn++) await Bun.sleep(2);
  socket.write("{");
  await ask(port, "GET /health");
  for (let turn = 0; turn < 500 && !received.includes("408"); turn++) {
    await Bun.sleep(2);
    clock.advance(200);
  }
  expect(received).toContain('"detail":"expected the body within 10 s"');
  socket.destroy();
  const long = "x".repeat(64 * 1024 + 1);
  const declared = await exchange(port, post(`${json}Content-Length: ${long.length}\r\n`));
  expect(statusOf(declared)).toBe(413);
  const chunked = await exchange(
    port,
    post(`${json}Transfer-Encoding: chunked\r\n`, `${long.length.toString(16)}\r\n${long}\r\n0\r\n\r\n`),
  );
  expect(statusOf(chunked)).toBe(413);
  expect(JSON.parse(bodyOf(chunked)).detail).toBe("expected a body of at most 65536 bytes");
  expect(reloads).toBe(0);
  const whole = await exchange(port, post(`${json}Content-Length: 2\r\n`, "{}"));
  expect([statusOf(whole), reloads]).toEqual([200, 1]);
});

test("an operation that breaks answers 500 and says so in the log alone; who has left is no trouble", async () => {
  const told: unknown[] = [];
  const gate = Promise.withResolvers<never>();
  const services = { ...testServices(), status: () => gate.promise };
  const { port } = start({ told, services });
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write("GET /admin/status HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const asked = ask(port, "GET /admin/status");
  await ask(port, "GET /health");
  socket.resetAndDestroy();
  await ask(port, "GET /health");
  gate.reject(new Error("secret inside"));
  const answer = await asked;
  expect(statusOf(answer)).toBe(500);
  expect(answer).not.toContain("secret inside");
  expect(told).toEqual(["secret inside"]);
});
