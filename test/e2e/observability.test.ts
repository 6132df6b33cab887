/** The access log, the metrics and what they must not hold, through real sockets. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { checkCommand } from "../../src/cli/check.ts";
import { parts } from "../../src/composition.ts";
import { ERRORS, type ErrorCode } from "../../src/core/errors.ts";
import { METHODS, STATUS_CLASSES } from "../../src/observe/label_values.ts";
import { parseExposition, type Exposition } from "../../src/observe/test_exposition.ts";
import { startFairlead, until, type Fairlead, type LogLine } from "../support/fairlead.ts";
import { rawClient, type RawClient } from "../support/raw_client.ts";
import { answerText, rawOrigin, type RawOrigin } from "../support/raw_origin.ts";

const get = (target: string, fields = ""): string =>
  `GET ${target} HTTP/1.1\r\nHost: a.example\r\n${fields}\r\n`;
const post = (target: string, fields: string, body: string): string =>
  `POST ${target} HTTP/1.1\r\nHost: a.example\r\n${fields}\r\n${body}`;

const HANDSHAKE = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
const SWITCHED = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
const LARGE_BYTES = 20_000_000;

/** Answers by target; `/hold` waits for `release`. */
class Origin {
  readonly raw: RawOrigin;
  held = Promise.withResolvers<void>();

  private constructor(raw: RawOrigin) {
    this.raw = raw;
  }

  static async start(): Promise<Origin> {
    const raw = await rawOrigin(async (request, connection) => {
      switch (request.target) {
        case "/never":
          return undefined;
        case "/hold":
          await origin.held.promise;
          return answerText("held");
        case "/closes":
          connection.end();
          return undefined;
        case "/cut":
          connection.end("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
          return undefined;
        case "/stalls":
          return "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";
        case "/malformed":
          return "HTTP/1.1 abc\r\n\r\n";
        case "/chunked":
          return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n3\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\n";
        case "/large":
          return answerText("x".repeat(LARGE_BYTES));
        case "/websocket":
          return SWITCHED;
        case "/304":
          return "HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n";
        default:
          return answerText("hello");
      }
    });
    const origin = new Origin(raw);
    return origin;
  }
}

const yaml = (url: string): string => `
timeouts: { connect: 500ms, first_byte: 300ms, idle_progress: 300ms, request_header: 1500ms, tunnel_idle: 300ms }
limits: { minimum_rate: 1000B, minimum_rate_grace: 300ms }
pools:
  app: { backends: [{ id: one, url: "${url}" }] }
  dead: { backends: [{ id: gone, url: "http://127.0.0.1:1" }] }
  none: { backends: [{ id: resting, url: "${url}", weight: 0 }] }
  narrow: { backends: [{ id: one, url: "${url}", max_in_flight: 1 }], queue: { size: 1, timeout: 200ms }, timeouts: { first_byte: 10s } }
routes:
  - { name: dead, priority: 9, match: "Path(\`/dead\`)", pool: dead }
  - { name: none, priority: 9, match: "Path(\`/none\`)", pool: none }
  - { name: narrow, priority: 9, match: "Path(\`/hold\`) || Path(\`/narrow\`)", pool: narrow }
  - { name: text, priority: 9, match: "Path(\`/text\`)", respond: { status: 200, body: tea } }
  - { name: limited, priority: 9, match: "Path(\`/limited\`)", pool: app, middlewares: [{ buffering: { max_request_body_bytes: 3B } }] }
  - { name: listed, priority: 9, match: "Path(\`/listed\`)", pool: app, middlewares: [{ ip_allow_list: { source_range: [10.0.0.0/8] } }] }
  - { name: moved, priority: 9, match: "Path(\`/moved\`)", pool: app, middlewares: [{ redirect_scheme: { scheme: https } }] }
  - { name: secret, priority: 9, match: "Path(\`/secret\`)", pool: app, middlewares: [{ basic_auth: { users: ["ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="] } }] }
  - { name: all, priority: 1, match: "!Path(\`/nowhere\`)", pool: app }
`;

interface Expected {
  readonly status: number;
  readonly reason: ErrorCode | "-";
  readonly route?: string;
  /** What the request lasted at least, because something waited. */
  readonly atLeastMs?: number;
  /** Other fields of the line. */
  readonly line?: LogLine;
}

interface Case extends Expected {
  readonly name: string;
  readonly request: string;
  /** What the client does after it has sent the request; default: it reads one answer. */
  readonly act?: (client: RawClient) => Promise<unknown>;
  /** The client does not read all that is sent, or does not send all that is announced. */
  readonly cutShort?: boolean;
}

const readsAll = (client: RawClient): Promise<void> => client.end();
/** Leaves when the backend has something of the request: then all of it has been read, as it came at once. */
const leaves = async (client: RawClient): Promise<void> => {
  const atBackend = () => origin.raw.connections.reduce((sum, { everything }) => sum + everything.length, 0);
  const before = atBackend();
  await until(() => atBackend() > before, "the backend has the request");
  client.socket.resetAndDestroy();
};

const CASES: readonly Case[] = [
  {
    name: "a proxied request",
    request: get("/"),
    status: 200,
    reason: "-",
    route: "all",
    line: { pool: "app", backend: "one", retries: 0 },
  },
  {
    name: "a request with a body",
    request: post("/", "Content-Length: 3\r\n", "abc"),
    status: 200,
    reason: "-",
  },
  {
    name: "a chunked request",
    request: post("/", "Transfer-Encoding: chunked\r\n", "3;a=b\r\nabc\r\n0\r\n\r\n"),
    status: 200,
    reason: "-",
  },
  {
    name: "a chunked answer",
    request: get("/chunked"),
    status: 200,
    reason: "-",
  },
  {
    name: "HEAD",
    request: "HEAD / HTTP/1.1\r\nHost: a.example\r\n\r\n",
    act: (client) => client.answer({ head: true }),
    status: 200,
    reason: "-",
  },
  {
    name: "an answer without a body",
    request: get("/304"),
    status: 304,
    reason: "-",
  },
  {
    name: "HTTP/1.0",
    request: "GET / HTTP/1.0\r\n\r\n",
    status: 200,
    reason: "-",
    line: { protocol: "HTTP/1.0", host: "" },
  },
  {
    name: "an answer of a route",
    request: get("/text"),
    status: 200,
    reason: "-",
    route: "text",
    line: { pool: "-", backend: "-" },
  },
  {
    name: "a user who has shown who he is",
    request: get("/secret", `Authorization: Basic ${btoa("ann:secret")}\r\n`),
    status: 200,
    reason: "-",
    route: "secret",
    line: { user: "ann" },
  },
  {
    name: "OPTIONS *",
    request: "OPTIONS * HTTP/1.1\r\nHost: a.example\r\n\r\n",
    status: 204,
    reason: "-",
    line: { path: "*" },
  },
  // Refused.
  {
    name: "no route",
    request: get("/nowhere"),
    status: 404,
    reason: "FL_NO_ROUTE",
    route: "-",
  },
  {
    name: "a method that is not allowed",
    request: get("/").replace("GET", "TRACE"),
    status: 405,
    reason: "FL_METHOD_NOT_ALLOWED",
  },
  {
    name: "credentials that are missing",
    request: get("/secret"),
    status: 401,
    reason: "FL_UNAUTHORIZED",
    route: "secret",
    line: { pool: "-", user: "" },
  },
  {
    name: "an address that is not listed",
    request: get("/listed"),
    status: 403,
    reason: "FL_FORBIDDEN",
    route: "listed",
  },
  {
    name: "a body over the limit",
    request: post("/limited", "Content-Length: 4\r\n", "abcd"),
    status: 413,
    reason: "FL_BODY_TOO_LARGE",
    route: "limited",
    cutShort: true,
  },
  {
    name: "a redirect",
    request: get("/moved"),
    status: 302,
    reason: "-",
    route: "moved",
  },
  {
    name: "a malformed request line",
    request: "GARBAGE\r\n\r\n",
    act: readsAll,
    status: 400,
    reason: "FL_BAD_REQUEST_LINE",
    line: { method: "", path: "" },
  },
  {
    name: "a malformed field",
    request: get("/", "Bad Name: x\r\n"),
    act: readsAll,
    status: 400,
    reason: "FL_BAD_HEADER",
  },
  {
    name: "a malformed target",
    request: get("/%zz"),
    act: readsAll,
    status: 400,
    reason: "FL_BAD_TARGET",
  },
  {
    name: "a missing Host",
    request: "GET / HTTP/1.1\r\n\r\n",
    act: readsAll,
    status: 400,
    reason: "FL_BAD_HOST",
  },
  {
    name: "two ways of framing",
    request: post("/", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", ""),
    act: readsAll,
    status: 400,
    reason: "FL_BAD_FRAMING",
  },
  {
    name: "a malformed chunk",
    request: post("/", "Transfer-Encoding: chunked\r\n", "zz\r\n"),
    act: readsAll,
    status: 400,
    reason: "FL_BAD_CHUNK",
  },
  {
    name: "another version",
    request: get("/").replace("1.1", "2.5"),
    act: readsAll,
    status: 505,
    reason: "FL_BAD_VERSION",
  },
  {
    name: "CONNECT",
    request: "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n",
    act: readsAll,
    status: 501,
    reason: "FL_CONNECT_REFUSED_BY_POLICY",
  },
  {
    name: "a target over the limit",
    request: get(`/${"a".repeat(9_000)}`),
    act: readsAll,
    status: 414,
    reason: "FL_TARGET_TOO_LONG",
  },
  {
    name: "a head over the limit",
    request: get("/", `X: ${"a".repeat(33_000)}\r\n`),
    act: readsAll,
    status: 431,
    reason: "FL_HEADER_TOO_LARGE",
  },
  {
    name: "an unknown expectation",
    request: get("/", "Expect: wonders\r\n"),
    act: readsAll,
    status: 417,
    reason: "FL_EXPECTATION_FAILED",
  },
  // Backends that fail.
  {
    name: "a backend that refuses",
    request: get("/dead"),
    status: 502,
    reason: "FL_CONNECT_REFUSED",
    route: "dead",
    line: { pool: "dead", backend: "gone" },
  },
  {
    name: "a pool without a backend",
    request: get("/none"),
    status: 503,
    reason: "FL_NO_BACKEND",
    route: "none",
    line: { backend: "-" },
  },
  {
    name: "a backend that closes",
    request: get("/closes"),
    status: 502,
    reason: "FL_UPSTREAM_CLOSED",
    line: { backend: "one" },
  },
  {
    name: "an answer that is malformed",
    request: get("/malformed"),
    status: 502,
    reason: "FL_BAD_RESPONSE",
  },
  {
    name: "an answer that is cut",
    request: get("/cut"),
    act: readsAll,
    status: 200,
    reason: "FL_UPSTREAM_TRUNCATED",
  },
  // Timed out.
  {
    name: "a head that does not end",
    request: "GET / HTTP/1.1\r\nHost: a.ex",
    act: readsAll,
    status: 408,
    reason: "FL_HEADER_TIMEOUT",
    atLeastMs: 300,
  },
  {
    name: "a body that does not come",
    request: post("/", "Content-Length: 50000\r\n", "abc"),
    act: readsAll,
    status: 408,
    reason: "FL_BODY_TOO_SLOW",
    atLeastMs: 300,
  },
  {
    name: "a backend that does not answer",
    request: get("/never"),
    status: 504,
    reason: "FL_FIRST_BYTE_TIMEOUT",
    atLeastMs: 300,
  },
  {
    name: "an answer that stops",
    request: get("/stalls"),
    act: readsAll,
    status: 200,
    reason: "FL_UPSTREAM_IDLE",
    atLeastMs: 300,
  },
  {
    name: "a client that does not read",
    request: get("/large"),
    async act(client) {
      client.socket.pause();
      await fairlead.log(seen.length + 1);
    },
    status: 200,
    reason: "FL_CLIENT_TOO_SLOW",
    atLeastMs: 300,
    cutShort: true,
  },
  {
    name: "a tunnel that rests",
    request: get("/websocket", HANDSHAKE),
    act: readsAll,
    status: 101,
    reason: "FL_TUNNEL_IDLE",
    atLeastMs: 300,
  },
  // Aborted.
  {
    name: "a client that leaves before the answer",
    request: get("/never"),
    act: leaves,
    status: 499,
    reason: "FL_CLIENT_ABORT",
    route: "all",
    line: { backend: "one" },
  },
  {
    name: "a client that leaves inside its body",
    request: post("/", "Content-Length: 9\r\n", "abc"),
    act: leaves,
    status: 499,
    reason: "FL_CLIENT_ABORT",
  },
  // Upgraded.
  {
    name: "a WebSocket",
    request: get("/websocket", HANDSHAKE),
    async act(client) {
      await client.answer();
      const connection = origin.raw.connections.at(-1)!;
      connection.send("to the client");
      client.send("to the backend");
      await client.until(() => client.received.length === 13);
      await until(() => connection.everything.includes("to the backend"), "the backend has the bytes");
      client.socket.end();
      connection.end();
      await client.end();
    },
    status: 101,
    reason: "-",
  },
];

let origin: Origin;
let fairlead: Fairlead;

beforeAll(async () => {
  origin = await Origin.start();
  fairlead = await startFairlead(yaml(origin.raw.url));
});

afterAll(async () => {
  origin.held.resolve();
  await fairlead[Symbol.asyncDispose]();
  origin.raw.close();
});

/** Lines that the cases have made so far. */
const seen: LogLine[] = [];

/** Lines of the access log as they are; waits for up to 2 s until there are `count`. */
async function rawLines(of: Fairlead, count: number): Promise<string[]> {
  const read = (): string[] =>
    readFileSync(join(of.directory, "access.log"), "latin1").split("\n").slice(0, -1);
  for (const end = performance.now() + 2_000; read().length < count && performance.now() < end;)
    await Bun.sleep(10);
  return read();
}

/** Waits for the line of the request that has just ended: exactly one more than before. */
async function nextLine(): Promise<LogLine> {
  const lines = await fairlead.log(seen.length + 1);
  expect(lines.length).toBe(seen.length + 1);
  const line = lines.at(-1)!;
  seen.push(line);
  return line;
}

/** True when the other end of a connection to `port`, from `peer`, has been accepted and read to its last byte. */
function isRead(port: number, peer: number): boolean {
  const hex = (number: number) => number.toString(16).toUpperCase().padStart(4, "0");
  // Local address and port, remote ones, state (01 = established), bytes to send and to read (proc(5)).
  const line = new RegExp(`: [0-9A-F]+:${hex(port)} [0-9A-F]+:${hex(peer)} 01 [0-9A-F]+:0{8} `);
  return line.test(readFileSync("/proc/net/tcp", "utf8"));
}

const PHASES = ["queue_ms", "connect_ms", "first_byte_ms", "other_ms"] as const;
const microseconds = (value: unknown): number => Math.round(Number(value) * 1_000);

function checkTimes(line: LogLine, elapsedMs: number, atLeastMs = 0): void {
  const parts = PHASES.map((name) => microseconds(line[name]));
  expect(parts.every((part) => part >= 0)).toBe(true);
  expect(parts.reduce((sum, part) => sum + part)).toBe(microseconds(line["duration_ms"]));
  expect(Number(line["duration_ms"])).toBeLessThanOrEqual(elapsedMs);
  expect(Number(line["duration_ms"])).toBeGreaterThanOrEqual(atLeastMs);
}

for (const one of CASES) {
  test(`H-J12 ${one.name} has one line with reason, exact bytes and times that add up`, async () => {
    const begin = performance.now();
    using client = await rawClient(fairlead.port());
    let received = 0;
    client.socket.on("data", (bytes: Buffer) => (received += bytes.length));
    client.send(one.request);
    await (one.act ?? ((it) => it.answer()))(client);
    const line = await nextLine();
    expect(line).toMatchObject({
      status: one.status,
      reason: one.reason,
      ...one.line,
    });
    if (one.route !== undefined) expect(line["route"]).toBe(one.route);
    expect(line["client"]).toBe("127.0.0.1");
    expect(line["id"]).toMatch(/^[0-9a-f]{32}$/);
    checkTimes(line, performance.now() - begin, one.atLeastMs);
    const sent = client.socket.bytesWritten;
    if (one.cutShort === true) {
      expect(Number(line["bytes_in"])).toBeLessThanOrEqual(sent);
      expect(Number(line["bytes_out"])).toBeLessThan(LARGE_BYTES);
    } else {
      expect(line["bytes_in"]).toBe(sent);
      expect(line["bytes_out"]).toBe(received);
    }
  });
}

test("H-J12 two pipelined requests have two lines, in order, each with its own bytes", async () => {
  using client = await rawClient(fairlead.port());
  const [first, second] = [get("/first"), get("/the-second")];
  client.send(first + second);
  const answers = [await client.answer(), await client.answer()];
  await fairlead.log(seen.length + 2);
  const lines = (await fairlead.log(seen.length + 2)).slice(seen.length);
  seen.push(...lines);
  expect(lines.map(({ path }) => path)).toEqual(["/first", "/the-second"]);
  expect(lines.map((line) => line["bytes_in"])).toEqual([first.length, second.length]);
  expect(lines.map((line) => line["bytes_out"])).toEqual(answers.map(({ raw }) => raw.length));
});

test("H-J12 a head that comes in two parts has begun with the first", async () => {
  using client = await rawClient(fairlead.port());
  const begin = performance.now();
  client.send("GET /parts HTT");
  await until(() => isRead(fairlead.port(), client.socket.localPort!), "the first part has been read");
  await Bun.sleep(80);
  client.send("P/1.1\r\nHost: a.example\r\n\r\n");
  await client.answer();
  const line = await nextLine();
  checkTimes(line, performance.now() - begin, 70);
  expect(line["bytes_in"]).toBe(get("/parts").length);
});

test.each(["FIN", "RST"])(
  "H-J12 a client that leaves inside the head by %s has its line, one that said nothing has none",
  async (how) => {
    using silent = await rawClient(fairlead.port());
    using client = await rawClient(fairlead.port());
    client.send("GET /unfini");
    await until(() => isRead(fairlead.port(), client.socket.localPort!), "what was sent has been read");
    for (const { socket } of [silent, client]) {
      if (how === "FIN") socket.end();
      else socket.resetAndDestroy();
    }
    expect(await nextLine()).toMatchObject({
      status: 499,
      reason: "FL_CLIENT_ABORT",
      bytes_in: 11,
      bytes_out: 0,
      path: "",
    });
  },
);

test("H-J12 requests that wait in a queue, find it full or wait too long say so", async () => {
  using holder = await rawClient(fairlead.port());
  using waiter = await rawClient(fairlead.port());
  using surplus = await rawClient(fairlead.port());
  const before = origin.raw.requests.length;
  const queued = () => fairlead.metric("queue_length", 'pool="narrow"');
  holder.send(get("/hold"));
  await until(() => origin.raw.requests.length > before, "the backend is busy");
  waiter.send(get("/narrow"));
  await until(() => queued() === 1, "one waits");
  expect((await surplus.ask(get("/narrow"))).status).toBe(503);
  expect(await nextLine()).toMatchObject({
    status: 503,
    reason: "FL_QUEUE_FULL",
    route: "narrow",
    backend: "-",
    queue_ms: 0,
  });
  expect((await waiter.answer()).status).toBe(503);
  const late = await nextLine();
  expect(late).toMatchObject({
    status: 503,
    reason: "FL_QUEUE_TIMEOUT",
    route: "narrow",
    backend: "-",
  });
  expect(Number(late["queue_ms"])).toBeGreaterThanOrEqual(200);
  expect(fairlead.metric("queue_timeouts_total", 'pool="narrow"')).toBe(1);
  const begin = performance.now();
  waiter.send(get("/narrow"));
  await until(() => queued() === 1, "one waits again");
  await Bun.sleep(30);
  origin.held.resolve();
  expect((await holder.answer()).status).toBe(200);
  expect((await waiter.answer()).status).toBe(200);
  const lines = (await fairlead.log(seen.length + 2)).slice(seen.length);
  seen.push(...lines);
  const served = lines.find(({ path }) => path === "/narrow")!;
  expect(served).toMatchObject({ status: 200, reason: "-", backend: "one" });
  expect(Number(served["queue_ms"])).toBeGreaterThanOrEqual(30);
  checkTimes(served, performance.now() - begin, 30);
});

test("H-J12 log, metrics and what clients did agree to the request and to the byte", async () => {
  const lines = await fairlead.log(seen.length);
  expect(lines.length).toBe(seen.length);
  expect(new Set(lines.map(({ id }) => id)).size).toBe(lines.length);
  const found = parseExposition(fairlead.metrics.text("fairlead", fairlead.instance.supervisor.counters()));
  const sum = (name: string): number => lines.reduce((total, line) => total + Number(line[name]), 0);
  expect(found.sum("fairlead_http_requests_total")).toBe(lines.length);
  expect(found.sum("fairlead_http_request_duration_seconds_count")).toBe(lines.length);
  expect(found.sum("fairlead_http_request_duration_seconds_sum") * 1_000).toBeCloseTo(sum("duration_ms"), 0);
  expect(found.sum("fairlead_http_request_bytes_total")).toBe(sum("bytes_in"));
  expect(found.sum("fairlead_http_response_bytes_total")).toBe(sum("bytes_out"));
  for (const code of Object.keys(ERRORS)) {
    const ended = lines.filter(({ reason }) => reason === code).length;
    expect([code, found.value("fairlead_request_errors_total", { code })]).toEqual([code, ended]);
  }
  for (const route of new Set(lines.map((line) => String(line["route"])))) {
    const taken = lines.filter((line) => line["route"] === route).length;
    expect([route, found.sum("fairlead_http_requests_total", { route })]).toEqual([route, taken]);
  }
});

test("H-J12 what a drain cuts has its line", async () => {
  using origin = await rawOrigin(() => undefined);
  await using fairlead = await startFairlead(
    `timeouts: { drain: 50ms, drain_tunnels: 50ms }\npools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ pool: app }]`,
  );
  using client = await rawClient(fairlead.port());
  client.send(get("/cut-by-drain"));
  await until(() => origin.requests.length === 1, "the request is at the backend");
  await fairlead.instance.stop();
  await client.end();
  expect(await fairlead.log(1)).toMatchObject([
    {
      path: "/cut-by-drain",
      status: 503,
      reason: "FL_DRAINED",
      bytes_in: get("/cut-by-drain").length,
      bytes_out: 0,
    },
  ]);
});

// What nobody may read.

const SECRET = "hunter2";
const SECRET_FIELDS =
  `Authorization: Bearer ${SECRET}\r\nCookie: session=${SECRET}\r\nProxy-Authorization: Basic ${SECRET}\r\n` +
  `X-Api-Key: ${SECRET}\r\nReferer: https://a:${SECRET}@a.example/?token=${SECRET}\r\n`;
const SECRET_QUERY = `?user=ann&password=${SECRET}&Access_Token=${SECRET}&x=1&api%5fkey=${SECRET}`;

/** Requests with secrets in every place, that end in every way: answered, refused, failed. */
const SECRET_REQUESTS = [
  get(`/${SECRET_QUERY}`, SECRET_FIELDS),
  get(`/dead${SECRET_QUERY}`, SECRET_FIELDS),
  get(`/nowhere${SECRET_QUERY}`, SECRET_FIELDS),
  get(`/secret${SECRET_QUERY}`, SECRET_FIELDS),
  get(`/%zz${SECRET_QUERY}`, SECRET_FIELDS),
  get(`/closes${SECRET_QUERY}`, SECRET_FIELDS),
  get(`/${SECRET_QUERY}`, `${SECRET_FIELDS}Bad Name: x\r\n`),
  get(`/${SECRET_QUERY}`, `${SECRET_FIELDS}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n`),
  get(`/${SECRET_QUERY}`, `${SECRET_FIELDS}Expect: wonders\r\n`),
  get(`http://ann:${SECRET}@a.example/`, SECRET_FIELDS),
  get(`http://a.example/${SECRET_QUERY}`, SECRET_FIELDS),
  get("/secret", `Authorization: Basic ${btoa(`ann:${SECRET}`)}\r\n`),
];

test.each(["json", "clf"])(
  "H-J14/log secrets in fields, query and target are in no %s line, no answer of ours and no message of the program",
  async (format) => {
    using origin = await rawOrigin((request, connection) => {
      if (!request.target.startsWith("/closes")) return answerText("hello");
      connection.end();
      return undefined;
    });
    const logged = "[authorization, cookie, proxy-authorization, x-api-key, referer, x-plain]";
    await using fairlead = await startFairlead(
      `${yaml(origin.url)}\nobservability: { access_log: { path: access.log, format: ${format}, flush: 10ms, headers: ${logged} } }`,
    );
    const answers: string[] = [];
    for (const request of SECRET_REQUESTS) {
      for (const accept of ["text/html", "application/json", "text/plain"]) {
        using client = await rawClient(fairlead.port());
        client.send(request.replace("\r\n", `\r\nAccept: ${accept}\r\nX-Plain: shown\r\n`));
        answers.push((await client.answer()).raw.toString("latin1"));
      }
    }
    const lines = await rawLines(fairlead, answers.length);
    expect(lines.length).toBe(answers.length);
    expect(lines.filter((line) => line.includes("REDACTED")).length).toBeGreaterThanOrEqual(
      answers.length - 6,
    );
    expect(lines.filter((line) => line.includes("shown")).length).toBeGreaterThan(answers.length / 2);
    const base64 = btoa(`ann:${SECRET}`);
    for (const text of [...lines, ...answers, JSON.stringify(fairlead.instance.events)]) {
      expect(text).not.toContain(SECRET);
      expect(text).not.toContain(base64);
    }
    const metrics = await (await fetch(`http://${fairlead.admin}/metrics`)).text();
    expect(metrics).not.toContain(SECRET);
  },
);

test("H-J14/config a dump of the configuration and what is wrong with it show no secret", async () => {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-secrets-"));
  try {
    const file = join(directory, "fairlead.yaml");
    const ALL = [[], ["--json"], ["--origin"], ["--origin", "--json"]];
    const check = async (text: string, modes = ALL): Promise<string> => {
      writeFileSync(file, text);
      let said = "";
      const output = {
        out: (part: string) => void (said += part),
        error: (part: string) => void (said += part),
      };
      for (const options of modes)
        await checkCommand(["-c", file, ...options], await parts.config(), output, { HASH });
      return said;
    };
    const HASH = `{SHA}${Buffer.from(`${SECRET}${"x".repeat(13)}`).toString("base64")}`;
    const user = (text: string): string =>
      `listeners: { web: { address: "127.0.0.1:0" } }\nroutes: [{ respond: { status: 200 }, middlewares: [{ basic_auth: { users: [${JSON.stringify(text)}] } }] }]`;
    const good = await check(user("ann:${HASH}"));
    expect(good).toContain(": ok: ");
    expect(good).toContain("REDACTED");
    for (const bad of [`ann:${SECRET}`, `${SECRET}`, `ann:$2y$99$${SECRET}`, `ann:$argon2id$${SECRET}`]) {
      const said = await check(user(bad));
      expect(said).toContain("1 problem");
      expect(said).not.toContain(SECRET);
    }
    expect(good).not.toContain(HASH.slice(5));
    const url = await check(
      `pools: { app: { backends: [{ url: "http://ann:${SECRET}@127.0.0.1:1" }] } }`,
      ALL.slice(0, 2),
    );
    expect(url).toContain("1 problem");
    expect(url).not.toContain(SECRET);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

// What nobody may forge.

const FIELD_OF_CLF =
  /^(\S+) - (\S+) \[[^\]]+\] "([^"]*)" (\d{3}) (\d+) "([^"]*)" "([^"]*)" "([^"]*)" "([^"]*)" (\S+) ([\d.]+) "([^"]*)" "([^"]*)"$/;

const INJECTIONS = [
  '/" 200 0 "-" "-"',
  '/","status":200,"x":"',
  "/\\",
  "/\u001b[2J\u001b]0;title\u0007",
  "/\u0000\u0001\u007f",
  "/\r\n192.0.2.1 - - [x]",
  "/\n{}",
  "/\u0085\u009b\u00ff\u00c3\u00a4",
  "/%0d%0a%22",
  "/<script>alert(1)</script>",
  "/${jndi:ldap://x}",
];

test("H-J15 what targets, methods, Host and fields hold stays inside its value, in JSON and in CLF", async () => {
  for (const format of ["json", "clf"] as const) {
    using origin = await rawOrigin(() => answerText("hello"));
    await using fairlead = await startFairlead(
      `pools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ pool: app }]\n` +
        `observability: { access_log: { path: access.log, format: ${format}, flush: 10ms, headers: [x-evil] } }`,
    );
    let count = 0;
    for (const evil of INJECTIONS) {
      for (const request of [
        get(evil, "X-Mark: target\r\n"),
        get("/agent", `User-Agent: ${evil}\r\nX-Evil: ${evil}\r\nX-Evil: ${evil}\r\nReferer: ${evil}\r\n`),
        get("/host").replace("a.example", evil),
        get("/method").replace("GET", `G${evil}`),
        get("/id", `X-Request-ID: ${evil}\r\nX-Forwarded-For: ${evil}\r\n`),
      ]) {
        using client = await rawClient(fairlead.port());
        client.send(request);
        await client.answer();
        count++;
        const lines = await rawLines(fairlead, count);
        expect(lines.length).toBe(count);
        const line = lines.at(-1)!;
        expect(line).toMatch(/^[ -~]+$/);
        if (format === "json") expect(JSON.parse(line)).toMatchObject({ client: "127.0.0.1" });
        else expect(line).toMatch(FIELD_OF_CLF);
      }
    }
  }
});

test("H-J15 whatever bytes a client sends, there are as many lines as answers, and each is valid JSON", async () => {
  using origin = await rawOrigin(() => answerText("hello"));
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ pool: app }]\n` +
      "observability: { access_log: { path: access.log, flush: 10ms, headers: [x-any] } }",
  );
  // Mostly what a parser lets through, so that lines have something to escape.
  const byte = (min: number, max: number) =>
    fc.integer({ min, max }).map((code) => String.fromCharCode(code));
  const unit = fc.oneof(
    { weight: 20, arbitrary: byte(0x21, 0x7e) },
    { weight: 5, arbitrary: fc.constantFrom('"', "\\", "<", "'") },
    { weight: 3, arbitrary: byte(0x80, 0xff) },
    { weight: 1, arbitrary: byte(0, 0x20) },
  );
  const anyByte = fc.string({ unit, maxLength: 20 });
  const parts = fc.record({
    method: fc.option(anyByte, { freq: 1 }),
    target: anyByte,
    host: fc.option(anyByte, { freq: 1 }),
    any: anyByte,
  });
  let count = 0;
  const samples = fc.sample(parts, { numRuns: 300, seed: 20_261_125 });
  for (const { method, target, host, any } of samples) {
    using client = await rawClient(fairlead.port());
    // One request each: what follows an end of a head inside the random bytes is not read.
    client.send(
      `${method ?? "GET"} /${target} HTTP/1.1\r\nHost: ${host ?? "a.example"}\r\nX-Any: ${any}\r\nConnection: close\r\n\r\n`,
    );
    await client.end();
    count += client.received.toString("latin1").match(/^HTTP\/1\.1 [2-5]/gm)?.length ?? 0;
  }
  const lines = await rawLines(fairlead, count);
  expect(lines.length).toBe(count);
  expect(count).toBeGreaterThanOrEqual(samples.length);
  for (const line of lines) {
    expect(line).toMatch(/^[ -~]+$/);
    const found = JSON.parse(line) as LogLine;
    expect(Object.keys(found).slice(0, 3)).toEqual(["time", "id", "client"]);
    expect(found["status"]).toBeGreaterThanOrEqual(200);
  }
  const passed = lines.map((line) => JSON.parse(line) as LogLine).filter(({ status }) => status === 200);
  expect(passed.length).toBe(origin.requests.length);
  expect(passed.length).toBeGreaterThan(20);
  for (const [index, { path, method }] of passed.entries())
    expect([path, method]).toEqual([origin.requests[index]!.target, origin.requests[index]!.method]);
});

// What nobody may blow up.

test("H-J17 random hosts, methods, paths and fields add no series and no label", async () => {
  using origin = await rawOrigin((request) => answerText("x", 200 + (request.target.length % 300)));
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ id: one, url: "${origin.url}" }] } }\n` +
      'routes: [{ name: mine, match: "HostRegexp(`^a`)", pool: app }]',
  );
  const scrape = async (): Promise<Exposition> =>
    parseExposition(await (await fetch(`http://${fairlead.admin}/metrics`)).text());
  using client = await rawClient(fairlead.port());
  const random = (): string => Math.random().toString(36).slice(2, 12).padEnd(6, "x");
  const tokens: string[] = [];
  const attack = async (count: number): Promise<void> => {
    for (let index = 0; index < count; index++) {
      const [method, host, path, field] = [random(), random(), random(), random()];
      tokens.push(host, path, field);
      const name =
        index % 3 === 0 ? method.toUpperCase().replace(/[0-9]/g, "Z") : METHODS[index % METHODS.length];
      if (name === "CONNECT" || name === "TRACE") continue;
      client.send(
        `${name} /${path}?${field}=1 HTTP/1.1\r\nHost: ${index % 2 === 0 ? "a" : "b"}${host}.example\r\n` +
          `X-Forwarded-For: ${field}\r\nX-${field}: ${field}\r\nUser-Agent: ${field}\r\nAccept: ${path}\r\n\r\n`,
      );
      await client.answer({ head: name === "HEAD" });
    }
  };
  await attack(300);
  const first = await scrape();
  await attack(1_500);
  const last = await scrape();
  const requests = last.samples.filter(({ name }) => name === "fairlead_http_requests_total");
  // Two routes (one of them for requests without one), known methods, classes of statuses.
  expect(requests.length).toBeLessThanOrEqual(2 * METHODS.length * STATUS_CLASSES.length);
  expect(last.sum("fairlead_http_requests_total")).toBeGreaterThan(1_500);
  expect(last.sum("fairlead_http_requests_total", { method: "OTHER" })).toBeGreaterThan(500);
  expect(new Set(requests.map(({ labels }) => labels["route"]))).toEqual(new Set(["-", "mine"]));
  // Everything there can be was there after the first part: the rest of the attack added nothing but counts.
  const series = ({ samples }: Exposition): number => samples.length;
  expect(series(last) - series(first)).toBeLessThanOrEqual(4);
  const text = JSON.stringify(last.samples);
  for (const token of tokens) expect(text).not.toContain(token);
});
