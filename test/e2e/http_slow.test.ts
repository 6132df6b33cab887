/** Slow and stuck clients and backends on a virtual clock (rows of groups B, D and E). */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock } from "../../src/platform/clock.ts";
import { issueCertificate } from "../../src/platform/issue_certificate.ts";
import { pass, startFairlead, until, type FairleadOptions } from "../support/fairlead.ts";
import { rawClient, tlsClient } from "../support/raw_client.ts";
import {
  answerText,
  rawOrigin,
  type OriginHandler,
  type RawOrigin,
  type RawOriginOptions,
} from "../support/raw_origin.ts";
import { SlowReader } from "../support/slow_reader.ts";
import { stopped } from "../support/stopped.ts";

const GET = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

/** A program whose time stands still, in front of one origin. */
async function setUp(
  handler?: OriginHandler,
  options: RawOriginOptions & FairleadOptions & { backend?: string; pool?: string; top?: string } = {},
) {
  const clock = new ManualClock();
  const origin = await rawOrigin(handler, options);
  const fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${origin.url}"${options.backend ?? ""} }]${options.pool ?? ""} } }\nroutes: [{ pool: app }]\n${options.top ?? ""}`,
    { ...options, clock },
  );
  return {
    clock,
    origin,
    fairlead,
    get port() {
      return fairlead.port();
    },
    async [Symbol.asyncDispose]() {
      origin.close();
      await fairlead[Symbol.asyncDispose]();
    },
  };
}

test("H-B8 a head that comes byte by byte ends with 408 at its timeout, and others are served meanwhile", async () => {
  await using it = await setUp();
  using slow = await rawClient(it.port);
  using other = await rawClient(it.port);
  const head = "GET / HTTP/1.1\r\nHost: a.example\r\nX-Slow: ";
  for (let index = 0; index < 9; index++) {
    slow.send(head.charAt(index));
    expect((await other.ask(GET)).status).toBe(200);
    await pass(it.clock, 1_000);
  }
  await pass(it.clock, 900);
  expect(slow.received.length).toBe(0);
  await pass(it.clock, 200, 50);
  const answer = await slow.answer();
  expect([answer.status, answer.get("connection")]).toEqual([408, "close"]);
  await slow.end();
  expect((await other.ask(GET)).status).toBe(200);
  const lines = await it.fairlead.log(11);
  expect(lines.filter(({ status }) => status === 408)).toMatchObject([{ reason: "FL_HEADER_TIMEOUT" }]);
  expect(it.origin.requests.length).toBe(10);
});

const BODY_HEAD = (length: number) => `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`;

test("H-E17 a body above the minimum rate goes on for 30 minutes", async () => {
  await using it = await setUp((request) => answerText(String(request.body.length)));
  using client = await rawClient(it.port);
  const parts = 360;
  const part = "x".repeat(300 * 5);
  client.send(BODY_HEAD(parts * part.length));
  for (let index = 1; index <= parts; index++) {
    client.send(part);
    await until(
      () =>
        (it.origin.connections[0]?.received.length ?? 0) >= index * part.length ||
        it.origin.requests.length > 0,
      "the part arrives",
    );
    await pass(it.clock, 5_000);
    expect(client.closed).toBe(false);
  }
  const answer = await client.answer();
  expect([answer.status, answer.body.toString()]).toEqual([200, String(parts * part.length)]);
}, 30_000);

test("H-E17 a body below the minimum rate ends with 408", async () => {
  await using it = await setUp();
  using client = await rawClient(it.port);
  client.send(BODY_HEAD(100_000));
  const start = it.clock.now();
  while (!client.ended && it.clock.now() - start < 60_000) {
    client.send("x".repeat(100));
    await pass(it.clock, 1_000);
  }
  const answer = await client.answer();
  expect([answer.status, answer.get("connection")]).toEqual([408, "close"]);
  expect(it.clock.now() - start).toBeWithin(10_000, 13_001);
  await until(() => it.origin.connections.every(({ closed }) => closed), "the backend's side is cut");
  expect(it.origin.requests.length).toBe(0);
  expect((await it.fairlead.log(1))[0]).toMatchObject({ status: 408, reason: "FL_BODY_TOO_SLOW" });
  expect(it.fairlead.metric("limits_hit_total", 'limit="minimum_rate"')).toBe(1);
});

test("H-E17 who was fast at first is cut soon after becoming slow, not after the mean has come down", async () => {
  await using it = await setUp();
  using client = await rawClient(it.port);
  client.send(BODY_HEAD(10_000_000));
  client.send("x".repeat(2_000_000));
  await until(() => (it.origin.connections[0]?.received.length ?? 0) > 1_990_000, "the fast part arrives");
  const start = it.clock.now();
  while (!client.ended && it.clock.now() - start < 200_000) {
    client.send("x");
    await pass(it.clock, 1_000);
  }
  expect((await client.answer()).status).toBe(408);
  expect(it.clock.now() - start).toBeWithin(55_000, 75_001);
});

test("H-E17 a body that stops ends with 408 after the time without progress", async () => {
  await using it = await setUp(undefined, { top: "limits: { minimum_rate: 0 }" });
  using client = await rawClient(it.port);
  client.send(`${BODY_HEAD(100)}xxxxx`);
  await until(() => (it.origin.connections[0]?.received.length ?? 0) > 0, "the request is on its way");
  await pass(it.clock, 59_000);
  expect(client.received.length).toBe(0);
  await pass(it.clock, 2_500);
  expect((await client.answer()).status).toBe(408);
});

test("H-E17 a body after a long rest is not taken for a slow one", async () => {
  // Without deadlines of its own the wheel has slept meanwhile.
  await using it = await setUp(undefined, { top: "timeouts: { client_idle: 0s }" });
  using client = await rawClient(it.port);
  expect((await client.ask(GET)).status).toBe(200);
  await pass(it.clock, 300_000, 5_000);
  client.send(BODY_HEAD(1_000));
  client.send("x".repeat(500));
  await until(() => (it.origin.connections.at(-1)?.received.length ?? 0) > 500, "the first half arrives");
  await pass(it.clock, 5_000);
  client.send("x".repeat(500));
  expect((await client.answer()).status).toBe(200);
});

const ANSWER_BYTES = 16_000_000;
/** What a slow reader takes per virtual second; its kernel tells the sender of it in steps of up to a buffer. */
const READ_BYTES = 4_000;

/** Waits until no byte of the answer has left the origin for a while: all buffers on its way are full. */
async function buffersFull(origin: RawOrigin): Promise<void> {
  await until(() => origin.requests.length === 1, "the origin answers");
  await stopped(() => origin.connections[0]!.socket.writableLength);
}

/** Reads until the time is over or the client has been cut, which it would notice only behind all that it has. */
async function readSlowly(
  { clock, fairlead }: Awaited<ReturnType<typeof setUp>>,
  reader: SlowReader,
  bytesPerSecond: number,
  seconds: number,
): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    if (fairlead.instance.program.stats()["connections"] === 0) return;
    reader.read(bytesPerSecond);
    await pass(clock, 1_000);
  }
}

test("H-E18 a client that reads slowly, but above the minimum rate, keeps its answer", async () => {
  await using it = await setUp(() => answerText("x".repeat(ANSWER_BYTES)));
  using reader = new SlowReader(it.port, GET);
  await buffersFull(it.origin);
  await readSlowly(it, reader, READ_BYTES, 600);
  expect(reader.received).toBeGreaterThan(READ_BYTES * 500);
  expect(it.fairlead.instance.program.stats()).toMatchObject({ connections: 1, active: 1 });
});

test("H-E18 a client that reads below the minimum rate is cut and the backend is freed", async () => {
  await using it = await setUp(() => answerText("x".repeat(ANSWER_BYTES)), {
    top: "limits: { minimum_rate: 64KiB }",
  });
  using reader = new SlowReader(it.port, GET);
  await buffersFull(it.origin);
  const start = it.clock.now();
  await readSlowly(it, reader, READ_BYTES, 60);
  expect(it.clock.now() - start).toBeWithin(9_000, 20_000);
  await until(() => it.origin.connections[0]!.closed, "the backend's side is cut");
  expect(it.origin.connections[0]!.reset).toBe(true);
  expect(it.fairlead.instance.program.stats()).toMatchObject({ connections: 0, active: 0 });
  expect((await it.fairlead.log(1))[0]).toMatchObject({ status: 200, reason: "FL_CLIENT_TOO_SLOW" });
  expect(it.fairlead.metric("limits_hit_total", 'limit="minimum_rate"')).toBe(1);
  expect(it.fairlead.metric("request_errors_total", 'code="FL_CLIENT_TOO_SLOW"')).toBe(1);
});

test("H-E18 a client that stops to read is cut also without a minimum rate", async () => {
  await using it = await setUp(() => answerText("x".repeat(ANSWER_BYTES)), {
    top: "limits: { minimum_rate: 0 }",
  });
  using reader = new SlowReader(it.port, GET);
  await buffersFull(it.origin);
  const start = it.clock.now();
  await readSlowly(it, reader, 0, 120);
  expect(it.clock.now() - start).toBeWithin(59_000, 63_000);
  await until(() => it.origin.connections[0]!.closed, "the backend's side is cut");
  expect((await it.fairlead.log(1))[0]).toMatchObject({ status: 200, reason: "FL_CLIENT_IDLE" });
  expect(it.fairlead.metric("limits_hit_total", 'limit="minimum_rate"')).toBe(0);
});

test("H-E9 a backend that does not take the body ends with 504, and its connection is cut", async () => {
  await using it = await setUp(undefined, { onConnection: ({ socket }) => void socket.pause() });
  using client = await rawClient(it.port);
  client.send(BODY_HEAD(ANSWER_BYTES));
  client.send(Buffer.alloc(ANSWER_BYTES));
  await until(() => it.origin.connections.length === 1, "the backend has the connection");
  await stopped(() => client.socket.writableLength);
  const start = it.clock.now();
  while (client.received.length === 0 && it.clock.now() - start < 200_000) await pass(it.clock, 1_000);
  expect(it.clock.now() - start).toBeWithin(59_000, 78_000);
  expect((await client.answer()).status).toBe(504);
  expect((await it.fairlead.log(1))[0]).toMatchObject({ status: 504, reason: "FL_UPSTREAM_IDLE" });
  expect(it.fairlead.instance.program.stats()["active"]).toBe(0);
});

test("H-E9 a backend that takes the body slowly is waited for", async () => {
  await using it = await setUp(undefined, { onConnection: ({ socket }) => void socket.pause() });
  using client = await rawClient(it.port);
  client.send(BODY_HEAD(ANSWER_BYTES));
  client.send(Buffer.alloc(ANSWER_BYTES));
  await until(() => it.origin.connections.length === 1, "the backend has the connection");
  const { socket } = it.origin.connections[0]!;
  for (let minute = 0; minute < 10; minute++) {
    await stopped(() => client.socket.writableLength);
    await pass(it.clock, 50_000);
    expect(client.received.length).toBe(0);
    socket.resume();
    await new Promise((resolve) => socket.once("data", resolve));
    socket.pause();
  }
  socket.resume();
  expect((await client.answer()).status).toBe(200);
});

test("H-E9 the time to the first byte counts from the end of the request", async () => {
  await using it = await setUp(async () => {
    // 28 seconds after the end of a request that took 28 seconds.
    await pass(it.clock, 28_000);
    return answerText("late");
  });
  using client = await rawClient(it.port);
  client.send(BODY_HEAD(280 * 100));
  for (let second = 0; second < 28; second++) {
    client.send("x".repeat(1_000));
    if (second < 27) await pass(it.clock, 1_000);
  }
  expect((await client.answer()).body.toString()).toBe("late");
});

test("H-E9 the total time holds while an answer flows", async () => {
  await using it = await setUp(
    (_, connection) => connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"),
    { pool: ", timeouts: { total: 100s }" },
  );
  using client = await rawClient(it.port);
  client.send(GET);
  await client.until(() => client.received.length > 0);
  const start = it.clock.now();
  while (!client.closed && it.clock.now() - start < 300_000) {
    it.origin.connections[0]!.send("x".repeat(1_000));
    await pass(it.clock, 1_000);
  }
  expect(it.clock.now() - start).toBeWithin(99_000, 102_000);
  expect((await it.fairlead.log(1))[0]).toMatchObject({ status: 200, reason: "FL_TOTAL_TIMEOUT" });
});

/**
 * A client that has not read, of an answer that the backend has sent to its last byte. The buffer of a unix socket has a
 * fixed size: a probe finds it, then the answer is a little larger.
 */
async function backendThrough(pool: string) {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-slow-"));
  const path = join(directory, "web.sock");
  let body = "x".repeat(4_000_000);
  const it = await setUp((request) => answerText(request.target === "/" ? body : "small"), {
    top: `listeners: { web: { address: "unix:${path}" } }\nlimits: { minimum_rate: 0 }`,
    backend: ", max_in_flight: 1",
    pool,
  });
  const probe = new SlowReader({ path }, GET);
  await stopped(() => probe.unread);
  const room = probe.unread;
  probe[Symbol.dispose]();
  await until(() => it.origin.connections[0]!.closed, "the probe is gone");
  body = "x".repeat(room + 20_000);
  const reader = new SlowReader({ path }, GET);
  await stopped(() => reader.unread);
  expect(reader.unread).toBeLessThan(body.length);
  return {
    ...it,
    path,
    reader,
    length: body.length,
    async [Symbol.asyncDispose]() {
      reader[Symbol.dispose]();
      await it[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true });
    },
  };
}

test("H-E18 a slow client may take its time for what the backend has long sent", async () => {
  await using it = await backendThrough(", timeouts: { idle_progress: 20s }");
  const { reader } = it;
  await readSlowly(it, reader, 2_000, 50);
  expect(it.fairlead.instance.program.stats()).toMatchObject({ connections: 1, active: 1 });
  for (let round = 0; round < 100 && reader.received < it.length; round++) {
    reader.read(it.length);
    await Bun.sleep(5);
  }
  expect(reader.received).toBeGreaterThan(it.length);
  expect((await it.fairlead.log(2))[1]).toMatchObject({ status: 200, reason: "-" });
});

test("H-E18 a slow client keeps no place at a backend that has sent all it had", async () => {
  await using it = await backendThrough(", timeouts: { total: 30s }");
  expect(it.fairlead.instance.program.stats()).toMatchObject({ connections: 1, active: 1, queued: 0 });
  {
    using other = await rawClient({ path: it.path });
    expect((await other.ask(GET.replace("/", "/other"))).body.toString()).toBe("small");
  }
  expect(it.fairlead.metric("backend_requests_total", 'class="2xx"')).toBe(3);
  // The time for the whole answer holds all the same.
  const start = it.clock.now();
  await readSlowly(it, it.reader, 0, 50);
  expect(it.clock.now() - start).toBeWithin(29_000, 32_000);
  expect((await it.fairlead.log(3))[2]).toMatchObject({ status: 200, reason: "FL_TOTAL_TIMEOUT" });
  expect(it.fairlead.metric("backend_requests_total")).toBe(3);
});

test("H-E17 an upload goes on after the head of the answer, as long as it moves", async () => {
  await using it = await setUp(undefined, {
    onData(connection, bytes) {
      if (connection.everything.length === bytes.length)
        connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      if (connection.everything.includes("end")) connection.send("4\r\ndone\r\n0\r\n\r\n");
      return true;
    },
  });
  using client = await rawClient(it.port);
  client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  await client.until(() => client.received.length > 0);
  for (let second = 0; second < 180; second++) {
    client.send(`200\r\n${"x".repeat(512)}\r\n`);
    await pass(it.clock, 1_000);
    expect(client.closed).toBe(false);
  }
  client.send("3\r\nend\r\n0\r\n\r\n");
  expect((await client.answer()).body.toString()).toBe("done");
});

test("H-E18 a client that still reads the answer before may begin an upload whose answer is large", async () => {
  await using it = await setUp(undefined, {
    onData(connection, bytes) {
      const text = bytes.toString("latin1");
      if (text.startsWith("GET")) connection.send(answerText("x".repeat(2_000_000)));
      else if (text.startsWith("POST")) {
        connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${ANSWER_BYTES}\r\n\r\n`);
        connection.send(Buffer.alloc(ANSWER_BYTES));
      }
      return true;
    },
  });
  using reader = new SlowReader(
    it.port,
    `${GET}POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n`,
  );
  await until(
    () => it.origin.connections.some(({ everything }) => everything.includes("POST")),
    "it is at work",
  );
  await stopped(() => it.origin.connections.at(-1)!.socket.writableLength);
  await readSlowly(it, reader, 30_000, 40);
  expect(it.fairlead.instance.program.stats()).toMatchObject({ connections: 1, active: 1 });
});

const certificate = issueCertificate({ commonName: "a.example", names: ["a.example"] });

for (const strictSni of [false, true]) {
  test(`H-E18 slow clients over TLS are judged in the same way${strictSni ? ", also after a look at their ClientHello" : ""}`, async () => {
    const settings = `certificates: [{ cert: cert.pem, key: key.pem }], strict_sni: ${strictSni}`;
    await using it = await setUp(() => answerText("x".repeat(ANSWER_BYTES)), {
      top: `listeners: { web: { address: "127.0.0.1:0", tls: { ${settings} } } }`,
      files: { "cert.pem": certificate.cert, "key.pem": certificate.key },
    });
    // TLS runs between client and program; what comes back passes through a slow reader.
    using reader = new SlowReader(it.port, "");
    const relay = createServer((socket) => {
      socket.on("data", (bytes: Buffer) => reader.write(bytes)).on("error", () => {});
      reader.onBytes = (bytes) => void socket.write(bytes);
    });
    await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
    const shaking = setInterval(() => reader.read(ANSWER_BYTES), 1);
    const { port } = relay.address() as { port: number };
    using client = await tlsClient(port, { servername: "a.example" });
    clearInterval(shaking);
    client.send(GET);
    await buffersFull(it.origin);
    await readSlowly(it, reader, READ_BYTES, 120);
    expect(it.fairlead.instance.program.stats()).toMatchObject({ connections: 1, active: 1 });
    const start = it.clock.now();
    await readSlowly(it, reader, 0, 120);
    expect(it.clock.now() - start).toBeWithin(20_000, 75_000);
    expect(it.fairlead.instance.program.stats()).toMatchObject({ connections: 0, active: 0 });
    relay.close();
  });
}
