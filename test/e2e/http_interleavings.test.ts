/** What can go wrong where two things happen at once: staged heads, pipelines, tunnels, queues, reloads. */
import { expect, spyOn, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import type { ConfigPart } from "../../src/config/parts.ts";
import { NEXT, type BodyStage, type Downstream, type Step } from "../../src/net/exchange.ts";
import { Head } from "../../src/net/head.ts";
import { ExchangePool, type ExchangeHandler } from "../../src/net/http_exchange.ts";
import { HttpProgram } from "../../src/planes/http/program.ts";
import { testFiles } from "../../src/platform/test_tls.ts";
import { ManualClock } from "../../src/platform/clock.ts";
import { CodecDriver, driveCodec } from "../support/http1/codec_driver.ts";
import { FakeStream } from "../support/fake_codec.ts";
import { pass, startFairlead, until } from "../support/fairlead.ts";
import { askOnce, rawClient, tlsClient } from "../support/raw_client.ts";
import { answerText, rawOrigin, type OriginConnection } from "../support/raw_origin.ts";
import { stopped } from "../support/stopped.ts";
import { programWithTestSteps, testParts, type TestObservations } from "../support/test_steps.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** `a.crt`, `a.key` and so on, beside the configuration. */
const tlsFiles = () =>
  Object.fromEntries(Object.entries(testFiles()).map(([path, text]) => [path.slice(1), text]));
const SECURE = `tls: { certificates: [{ cert: a.crt, key: a.key }] }`;
const PLAIN_AND_TLS = `listeners: { web: { address: "127.0.0.1:0" }, secure: { address: "127.0.0.1:0", ${SECURE} } }`;

/** What `startFairlead` needs for one middleware `test_step` that is `step`. */
function withStep(step: Step) {
  const part: ConfigPart = { name: "test_step", summary: "For tests.", schema: z.strictObject({}) };
  return {
    middlewares: [part],
    createProgram: (identity: ConstructorParameters<typeof HttpProgram>[0]) =>
      new HttpProgram(identity, { createStep: () => step }),
  };
}

const yamlOf = (url: string, more = "") =>
  `pools: { app: { backends: [{ url: "${url}" }]${more} } }\nroutes: [{ pool: app }]`;

test("H-C18 an empty chunked request with trailers reaches a kept connection with its own head", async () => {
  using origin = await rawOrigin();
  await using fairlead = await startFairlead(yamlOf(origin.url));
  using client = await rawClient(fairlead.port());
  expect((await client.ask(GET)).status).toBe(200);
  const answer = await client.ask(
    "POST /long/path/that/is/visible HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 9\r\n\r\n",
  );
  expect(answer.status).toBe(200);
  expect(origin.connections.length).toBe(1);
  const [, request] = origin.requests;
  expect([request!.method, request!.target, request!.trailers]).toEqual([
    "POST",
    "/long/path/that/is/visible",
    [["X-Sum", "9"]],
  ]);
});

const HANDSHAKE = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const SWITCHED = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

test("H-F1 a tunnel goes on after the backend took no bytes for a while", async () => {
  let taken = 0;
  let switched = false;
  using origin = await rawOrigin(undefined, {
    onData(connection, bytes) {
      if (switched) taken += bytes.length;
      else {
        switched = true;
        connection.send(SWITCHED);
        connection.socket.pause();
      }
      connection.everything = Buffer.alloc(0);
      return true;
    },
  });
  await using fairlead = await startFairlead(yamlOf(origin.url));
  using client = await rawClient(fairlead.port());
  expect((await client.ask(HANDSHAKE)).status).toBe(101);
  const size = 24 * 1024 * 1024;
  client.send(Buffer.alloc(size, 97));
  await stopped(() => client.socket.writableLength);
  expect(client.socket.writableLength).toBeGreaterThan(0);
  origin.connections[0]!.socket.resume();
  await until(() => taken === size, `all ${size} bytes arrive, not ${taken}`, 12_000);
}, 15_000);

test("H-F1 a backend that dies in a tunnel takes the client's connection with it", async () => {
  using origin = await rawOrigin(undefined, {
    onData(connection) {
      connection.send(SWITCHED);
      return true;
    },
  });
  await using fairlead = await startFairlead(yamlOf(origin.url));
  using client = await rawClient(fairlead.port());
  expect((await client.ask(HANDSHAKE)).status).toBe(101);
  origin.connections[0]!.resetNow();
  await client.until(() => client.closed, 2_000);
});

test("H-E15 a client that sends FIN after three pipelined requests gets three answers", async () => {
  using origin = await rawOrigin(async (request) => {
    await Bun.sleep(20);
    return answerText(request.target);
  });
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ pool: app }]\n${PLAIN_AND_TLS}`,
    { files: tlsFiles() },
  );
  const requests = ["/1", "/2", "/3"].map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  for (const connect of [
    () => rawClient(fairlead.port("web")),
    () => tlsClient(fairlead.port("secure"), { allowHalfOpen: true } as never),
  ]) {
    for (const first of [1, 2, 3]) {
      using client = await connect();
      const seen = origin.requests.length;
      client.send(requests.slice(0, first).join(""));
      await until(() => origin.requests.length > seen, "the first request is at work");
      client.socket.end(requests.slice(first).join(""));
      const bodies: string[] = [];
      for (let index = 0; index < 3; index++) bodies.push((await client.answer()).body.toString());
      expect(bodies).toEqual(["/1", "/2", "/3"]);
      await client.end();
    }
  }
});

test("H-E15 a body that FIN has cut short ends its request at once, also behind another one", async () => {
  using backend = await slowOrigin("ok");
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${backend.origin.url}" }] } }\nroutes: [{ pool: app }]\n${PLAIN_AND_TLS}`,
    { files: tlsFiles() },
  );
  using client = await tlsClient(fairlead.port("secure"), { allowHalfOpen: true } as never);
  client.send(GET);
  await until(() => backend.held.length === 1, "the first request is at work");
  client.socket.end("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
  await Bun.sleep(50);
  backend.answer();
  expect((await fairlead.log(2)).map(({ reason }) => reason)).toEqual(["-", "FL_CLIENT_ABORT"]);
});

test("H-D16 a backend that ends its connection while the client reads nothing loses no byte", async () => {
  const size = 3 * 1024 * 1024;
  for (const head of [
    "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
    `HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\nConnection: close\r\n\r\n`,
  ]) {
    using origin = await rawOrigin((_, connection) => {
      connection.send(head);
      connection.end(Buffer.alloc(size, 97));
    });
    await using fairlead = await startFairlead(yamlOf(origin.url));
    using client = await rawClient(fairlead.port());
    client.socket.pause();
    client.send(GET);
    await until(() => origin.requests.length === 1, "the backend answers");
    await stopped(() => origin.connections[0]!.socket.writableLength);
    client.socket.resume();
    expect((await client.answer()).body.length).toBe(size);
  }
});

test("the head of an answer leaves at once although a stage keeps the body", async () => {
  const kept: Uint8Array[] = [];
  const keeping: BodyStage = {
    keepsLength: true,
    write: (_exchange, bytes, from, to) => kept.push(bytes.slice(from, to)) > 0,
    end(_exchange, trailers, next) {
      for (const part of kept.splice(0)) next.write(part, 0, part.length);
      next.end(trailers);
    },
  };
  for (const [head, end] of [
    ["HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", ""],
    ["HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", "end"],
  ] as const) {
    using origin = await rawOrigin((_, connection) => connection.send(`${head}first`));
    await using fairlead = await startFairlead(
      yamlOf(origin.url).replace("pool: app }]", "pool: app, middlewares: [{ test_step: {} }] }]"),
      withStep({ name: "test_step", responseStage: () => keeping }),
    );
    using client = await rawClient(fairlead.port());
    client.send(GET);
    await client.until(() => client.received.includes("\r\n\r\n"));
    if (end === "") origin.connections[0]!.send("-last");
    else origin.connections[0]!.end("-last");
    expect((await client.answer()).body.toString()).toBe("first-last");
  }
});

test("a body over the limit of a step is refused although it came while an earlier step waited", async () => {
  const seen: TestObservations = { teed: [], peeked: [], done: [] };
  using origin = await rawOrigin((request) => answerText(`got ${request.body.length}`));
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${origin.url}" }] } }
routes: [{ pool: app, middlewares: [{ test_wait: { ms: 50 } }, { test_peek: { bytes: 10, whole: true } }] }]`,
    { middlewares: testParts, createProgram: programWithTestSteps(seen) },
  );
  const post = (size: number) =>
    askOnce(
      fairlead.port(),
      `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${size.toString(16)}\r\n${"a".repeat(size)}\r\n0\r\n\r\n`,
    );
  expect((await post(10)).status).toBe(200);
  for (const size of [11, 12, 200]) expect((await post(size)).status).toBe(413);
  expect(seen.peeked).toEqual(["a".repeat(10)]);
  expect(origin.requests.length).toBe(1);
});

/** An origin that answers with its name when the test calls `answer`. */
async function slowOrigin(name: string, listen = 0) {
  const held: OriginConnection[] = [];
  const origin = await rawOrigin((_, connection) => void held.push(connection), { listen });
  return {
    origin,
    held,
    answer: () => held.shift()!.send(answerText(name)),
    [Symbol.dispose]: () => origin.close(),
  };
}

test("a backend that a reload has removed gets nothing of what waits in the queue", async () => {
  using old = await slowOrigin("old");
  using fresh = await slowOrigin("fresh");
  const yaml = (url: string) =>
    `pools: { app: { backends: [{ url: "${url}", max_in_flight: 1 }] } }\nroutes: [{ pool: app }]`;
  await using fairlead = await startFairlead(yaml(old.origin.url));
  const queued = () => fairlead.instance.program.stats()["queued"];
  const first = askOnce(fairlead.port(), GET);
  await until(() => old.held.length === 1, "the first is at work");
  await fairlead.reload(yaml(fresh.origin.url));
  const second = askOnce(fairlead.port(), GET);
  await until(() => fresh.held.length === 1, "the second is at work");
  const third = askOnce(fairlead.port(), GET);
  await until(() => queued() === 1, "the third waits");
  old.answer();
  expect((await first).body.toString()).toBe("old");
  await Bun.sleep(50);
  expect(old.held.length).toBe(0);
  fresh.answer();
  expect((await second).body.toString()).toBe("fresh");
  await until(() => fresh.held.length === 1, "the third is at work");
  fresh.answer();
  expect((await third).body.toString()).toBe("fresh");
});

test("a request that waits for one backend does not hold up those that may go to another", async () => {
  const refusing = await rawOrigin();
  const { port } = refusing;
  refusing.close();
  using good = await slowOrigin("good");
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "http://127.0.0.1:${port}", max_in_flight: 1 }, { url: "${good.origin.url}", max_in_flight: 1 }] } }
routes: [{ pool: app }]`,
  );
  const waiting = (count: number) =>
    until(() => fairlead.instance.program.stats()["queued"] === count, `${count} wait`);
  const ask = () => askOnce(fairlead.port(), GET).then(({ body }) => body.toString());
  const one = ask();
  await until(() => good.held.length === 1, "one is at work at the second backend");
  const two = ask();
  await waiting(1);
  using again = await slowOrigin("again", port);
  const three = ask();
  await until(() => again.held.length === 1, "the third is at work at the first backend");
  const four = ask();
  await waiting(2);
  again.answer();
  expect(await three).toBe("again");
  await until(() => again.held.length === 1, "the fourth is at work there too");
  again.answer();
  expect(await four).toBe("again");
  good.answer();
  await until(() => good.held.length === 1, "the second is at work at last");
  good.answer();
  expect(await Promise.all([one, two])).toEqual(["good", "good"]);
});

test("a reload sends nobody from the queue to a backend that is known to be down", async () => {
  const gone = await rawOrigin();
  gone.close();
  using up = await slowOrigin("up");
  const yaml = (more: string) =>
    `pools: { app: { health_check: { type: tcp, interval: 50ms, healthy_after: 1 }, backends: [{ url: "${up.origin.url}", max_in_flight: 1 }${more}] } }
routes: [{ pool: app }]`;
  await using fairlead = await startFairlead(yaml(""));
  const health = () => Object.values(fairlead.instance.snapshot().health).join();
  await until(() => health() === "healthy", "the backend is known to be up");
  const first = askOnce(fairlead.port(), GET);
  await until(() => up.held.length === 1, "the first is at work");
  const second = askOnce(fairlead.port(), GET);
  await until(() => fairlead.instance.program.stats()["queued"] === 1, "the second waits");
  await fairlead.reload(yaml(`, { url: "${gone.url}" }`));
  for (const answer of [first, second]) {
    await until(() => up.held.length === 1, "one is at work");
    up.answer();
    expect((await answer).status).toBe(200);
  }
  expect((await fairlead.log(2)).map(({ retries }) => retries)).toEqual([0, 0]);
});

test("thousands that wait for a backend that has just died get their answers", async () => {
  const held: OriginConnection[] = [];
  const directory = mkdtempSync(join(tmpdir(), "fairlead-test-"));
  const path = join(directory, "origin.sock");
  const origin = await rawOrigin((_, connection) => void held.push(connection), { listen: path });
  const count = 6_000;
  try {
    await using fairlead = await startFairlead(
      `pools: { app: { backends: [{ url: "unix:${path}", max_in_flight: 1 }], queue: { size: ${count} } } }
routes: [{ pool: app }]`,
    );
    const { plane } = fairlead.instance.program as HttpProgram;
    const streams = Array.from(
      { length: count },
      () => new FakeStream(plane, { method: "GET", target: "/", host: "a" }),
    );
    await until(() => held.length === 1, "one is at work");
    origin.close();
    await until(() => streams.every(({ ended }) => ended), "all have ended", 4_000);
    expect(streams.every(({ status }) => status === 502)).toBe(true);
    expect(fairlead.instance.program.stats()).toMatchObject({ active: 0, queued: 0 });
  } finally {
    origin.close();
    rmSync(directory, { recursive: true });
  }
});

test("H-E23 a PROXY header speaks for one client, also where a trusted proxy brings many on one connection", async () => {
  const headers: string[] = [];
  using origin = await rawOrigin(undefined, {
    onData(connection) {
      const text = connection.everything.toString("latin1");
      const header = /^PROXY [^\r]*\r\n/.exec(text)?.[0] ?? "";
      for (const request of text.slice(header.length).split("\r\n\r\n").slice(0, -1)) {
        const named = /^x-forwarded-for: ([^,\r]*)/im.exec(request)![1]!;
        headers.push(`${named} by ${header.split(" ")[2]}`);
        connection.send(answerText("ok"));
      }
      connection.everything = Buffer.from(header);
      return true;
    },
  });
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${origin.url}" }], proxy_protocol: v1 } }
routes: [{ pool: app }]
listeners: { web: { address: "127.0.0.1:0", trusted_proxies: [127.0.0.0/8] } }`,
  );
  using client = await rawClient(fairlead.port());
  for (const address of ["192.0.2.1", "192.0.2.2", "192.0.2.2", "192.0.2.1"])
    await client.ask(`GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: ${address}\r\n\r\n`);
  expect(headers).toEqual([
    "192.0.2.1 by 192.0.2.1",
    "192.0.2.2 by 192.0.2.2",
    "192.0.2.2 by 192.0.2.2",
    "192.0.2.1 by 192.0.2.1",
  ]);
  expect(origin.connections.length).toBe(3);
});

test("a request behind one that is refused after a wait meets all its steps, and its backend once", async () => {
  const seen: TestObservations = { teed: [], peeked: [], done: [] };
  using origin = await rawOrigin((request) => answerText(`${request.target} ${request.body.length}`));
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${origin.url}" }] } }
routes: [{ pool: app, middlewares: [{ buffering: { max_request_body_bytes: 10 } }, { test_wait: { ms: 200 } }] }]`,
    { middlewares: testParts, createProgram: programWithTestSteps(seen) },
  );
  using client = await rawClient(fairlead.port());
  const chunk = `8\r\n${"a".repeat(8)}\r\n`;
  const began = performance.now();
  client.send("POST /large HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  // In segments of their own, so that they are held as parts.
  for (let part = 0; part < 3; part++) {
    client.send(chunk);
    await Bun.sleep(2);
  }
  client.send(
    `0\r\n\r\nPOST /next HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}0\r\n\r\n`,
  );
  expect((await client.answer()).status).toBe(413);
  const next = await client.answer();
  expect([next.status, next.body.toString()]).toEqual([200, "/next 8"]);
  expect(performance.now() - began).toBeGreaterThanOrEqual(390);
  expect(origin.requests.map(({ target }) => target)).toEqual(["/next"]);
});

test("what a stage writes after the end of its answer goes nowhere", async () => {
  const late: (() => void)[] = [];
  const step: Step = {
    name: "test_step",
    responseStage: () => ({
      write(_exchange, bytes, from, to, next) {
        late.push(() => (next.write(Buffer.from("stale"), 0, 5), next.end(null)));
        return next.write(bytes, from, to);
      },
      end: (_exchange, trailers, next) => next.end(trailers),
    }),
  };
  using origin = await rawOrigin((request, connection) => {
    if (request.target === "/one") return answerText("one");
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ntwo");
    return undefined;
  });
  await using fairlead = await startFairlead(
    yamlOf(origin.url).replace("pool: app }]", "pool: app, middlewares: [{ test_step: {} }] }]"),
    withStep(step),
  );
  using client = await rawClient(fairlead.port());
  expect((await client.ask("GET /one HTTP/1.1\r\nHost: a\r\n\r\n")).body.toString()).toBe("one");
  client.send("GET /two HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.until(() => client.received.includes("two"));
  late[0]!();
  origin.connections[0]!.send("end");
  expect((await client.answer()).body.toString()).toBe("twoend");
});

test("an exchange that waits for its next request holds no body, stage or plan", async () => {
  const pool = new ExchangePool();
  const exchange = pool.take(10);
  exchange.begin({ writtenBytes: 0 } as Downstream, {} as ExchangeHandler, 0);
  exchange.bodyBytes = new Uint8Array(1_000);
  exchange.requestStage = exchange.responseStage = { write: () => true, end() {} };
  exchange.route = {};
  pool.give(exchange);
  const { bodyBytes, requestStage, responseStage, route } = exchange;
  expect([bodyBytes, requestStage, responseStage, route]).toEqual([null, null, null, null]);
  expect(pool.take(10)).toBe(exchange);
});

test("H-E18 a client that reads nothing is cut also when its body ends after the answer has begun", async () => {
  const size = 32 * 1024 * 1024;
  let begun = false;
  using origin = await rawOrigin(undefined, {
    onData(connection) {
      if (!begun) {
        connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
        connection.send(Buffer.alloc(size));
      }
      begun = true;
      return true;
    },
  });
  const clock = new ManualClock();
  await using fairlead = await startFairlead(yamlOf(origin.url), { clock });
  using client = await rawClient(fairlead.port());
  client.socket.pause();
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nfirst");
  await until(() => begun, "the answer has begun");
  await stopped(() => origin.connections[0]!.socket.writableLength);
  client.send("-last");
  await until(() => origin.connections[0]!.everything.toString().endsWith("-last"), "the body has ended");
  await pass(clock, 70_000);
  expect(fairlead.instance.program.stats()).toMatchObject({ connections: 0, active: 0 });
});

test("a request that has been answered by us is sent to no backend, while its answer still leaves", async () => {
  /** A client that takes nothing of an answer of ours. */
  class StuckStream extends FakeStream {
    override writeLocal(): void {}
  }
  using backend = await slowOrigin("ok");
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${backend.origin.url}", max_in_flight: 1 }] } }\nroutes: [{ pool: app }]`,
  );
  const { plane } = fairlead.instance.program as HttpProgram;
  const stats = () => fairlead.instance.program.stats();
  const request = { method: "POST", target: "/", host: "a", length: -1 };
  const connecting = new StuckStream(plane, request);
  connecting.exchange!.fail("FL_BAD_CHUNK");
  const first = new FakeStream(plane, { method: "GET", target: "/", host: "a" });
  await until(() => backend.held.length === 1, "the first is at work");
  const queued = new StuckStream(plane, request);
  expect(stats()["queued"]).toBe(1);
  queued.exchange!.fail("FL_BAD_CHUNK");
  expect(stats()["queued"]).toBe(0);
  backend.answer();
  await until(() => first.ended, "the first has its answer");
  await Bun.sleep(50);
  for (const stream of [connecting, queued]) stream.exchange!.finish();
  expect(stats()["active"]).toBe(0);
  const received = backend.origin.connections.map(({ everything }) => everything.toString());
  expect(received.filter((text) => text !== "").map((text) => text.slice(0, 3))).toEqual(["GET"]);
});

test("H-B7/lines a head that comes byte by byte is parsed as often as it has lines", () => {
  const take = spyOn(ExchangePool.prototype, "take");
  const driver = new CodecDriver();
  try {
    const bytes = Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(30_000)}\r\n\r\n`);
    for (let at = 0; at < bytes.length; at++) driver.feed(bytes.subarray(at, at + 1));
    expect(driver.clientSocket.bytes.toString()).toStartWith("HTTP/1.1 200");
    expect(driver.backends[0]!.socket.bytes.toString()).toContain("a".repeat(30_000));
    expect(take.mock.calls.length).toBeLessThan(10);
  } finally {
    take.mockRestore();
    driver.dispose();
  }
});

test("H-D22 interim answers and the final one come byte by byte", () => {
  const answer = `HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\nHTTP/1.1 200 Fine\r\nX: ${"b".repeat(9_000)}\r\nContent-Length: 2\r\n\r\nok`;
  const parts = Array.from(Buffer.from(answer), (byte) => Buffer.from([byte]));
  const driver = driveCodec([Buffer.from(GET), Buffer.from(GET)], () => parts);
  const received = driver.clientSocket.bytes.toString("latin1");
  expect(received).toBe(answer + answer);
  expect(driver.backends.length).toBe(1);
});

test("H-B7/largest the largest limits that the configuration takes can be served", async () => {
  using origin = await rawOrigin((request) => answerText("ok", 200, `X: ${request.get("x")!}\r\n`));
  await using fairlead = await startFairlead(
    `${yamlOf(origin.url)}\nlimits: { header_bytes: 1MiB, target_bytes: 1MiB }`,
  );
  const path = `/${"p".repeat(2 ** 20 - 1)}`;
  const value = "v".repeat(2 ** 20 - 300);
  const answer = await askOnce(fairlead.port(), `GET ${path} HTTP/1.1\r\nHost: a\r\nX: ${value}\r\n\r\n`);
  expect([answer.status, answer.get("x") === value]).toEqual([200, true]);
  expect(origin.requests[0]!.target === path).toBe(true);
});

test("H-B9 thousands of names in Connection cost one look at the fields", () => {
  const find = spyOn(Head.prototype, "find");
  try {
    const fields = Array.from({ length: 90 }, (_, index) => `N${index}: x\r\n`).join("");
    const driver = driveCodec([
      Buffer.from(
        `GET / HTTP/1.1\r\nHost: a\r\n${fields}Connection: ${"n1,N2, n88 ,".repeat(2_000)}b\r\n\r\n`,
      ),
    ]);
    const sent = driver.backends[0]!.socket.bytes.toString("latin1");
    expect(sent.match(/^N\d+/gm)!.length).toBe(87);
    expect(sent).not.toMatch(/^(?:N1|N2|N88|Connection):/m);
    expect(find.mock.calls.length).toBeLessThan(10);
  } finally {
    find.mockRestore();
  }
});

const stepped = (url: string) =>
  yamlOf(url).replace("pool: app }]", "pool: app, middlewares: [{ test_step: {} }] }]");

test("a step that answers in the place of a backend's answer gives the only one", async () => {
  using origin = await rawOrigin(() => answerText("of the backend", 200, "X-Steps: yes\r\n"));
  await using fairlead = await startFairlead(
    stepped(origin.url),
    withStep({
      name: "test_step",
      onResponse: (exchange, head) => void (head.get("x-steps") && exchange.respond(403, "", "of the step")),
    }),
  );
  using client = await rawClient(fairlead.port());
  for (let round = 0; round < 2; round++) {
    const answer = await client.ask(GET);
    expect([answer.status, answer.body.toString()]).toEqual([403, "of the step"]);
  }
  expect(client.received.length).toBe(0);
});

test("a step that fails on an answer of ours gives 500", async () => {
  await using fairlead = await startFairlead(
    `routes: [{ respond: { status: 200, body: own }, middlewares: [{ test_step: {} }] }]`,
    withStep({
      name: "test_step",
      onResponse() {
        throw new Error("the step is broken");
      },
    }),
  );
  expect((await askOnce(fairlead.port(), GET)).status).toBe(500);
  expect((await fairlead.log(1))[0]!["reason"]).toBe("FL_STEP_FAILED");
});

test("H-D2 an answer that can have no body meets no stage, whatever length it declares", async () => {
  const ending: BodyStage = {
    write: (_exchange, bytes, from, to, next) => next.write(bytes, from, to),
    end(_exchange, trailers, next) {
      next.write(Buffer.from("-end"), 0, 4);
      next.end(trailers);
    },
  };
  using origin = await rawOrigin(({ method, target }) => {
    if (method === "HEAD") return "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    if (target === "/304") return "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n";
    return target === "/204" ? "HTTP/1.1 204 No Content\r\n\r\n" : answerText("body");
  });
  await using fairlead = await startFairlead(
    stepped(origin.url),
    withStep({ name: "test_step", responseStage: () => ending }),
  );
  using client = await rawClient(fairlead.port());
  for (const line of ["GET /304", "GET /204", "HEAD /", "GET /"])
    client.send(`${line} HTTP/1.1\r\nHost: a\r\n\r\n`);
  const statuses: number[] = [];
  for (const head of [false, false, true]) statuses.push((await client.answer({ head })).status);
  expect(statuses).toEqual([304, 204, 200]);
  expect((await client.answer()).body.toString()).toBe("body-end");
});

test("a request from the queue leaves at once, although another client's event let it go", async () => {
  using backend = await slowOrigin("ok");
  const yaml = (
    most: number,
  ) => `pools: { app: { backends: [{ url: "${backend.origin.url}", max_in_flight: ${most} }] } }
routes: [{ match: "Path(\`/own\`)", respond: { status: 200 }, middlewares: [{ test_step: {} }] }, { pool: app }]`;
  let act = () => {};
  await using fairlead = await startFairlead(
    yaml(2),
    withStep({
      name: "test_step",
      onRequest() {
        act();
        return NEXT;
      },
    }),
  );
  const { plane } = fairlead.instance.program as HttpProgram;
  const stream = (target: string) => new FakeStream(plane, { method: "GET", target, host: "a" });
  const both = [stream("/"), stream("/")];
  await until(() => backend.held.length === 2, "two connections stand");
  for (const _ of both) backend.answer();
  await until(() => both.every(({ ended }) => ended), "both connections are idle");
  await fairlead.reload(yaml(1));
  const first = stream("/");
  const queued = stream("/");
  expect(fairlead.instance.program.stats()["queued"]).toBe(1);
  await until(() => backend.held.length === 1, "the first is at work");
  act = () => first.abort();
  expect(stream("/own").status).toBe(200);
  await until(() => backend.origin.requests.length === 4, "the one that waited has left", 1_000);
  queued.abort();
});

test("H-E19 what shakes hands during a reload is counted before and after it", async () => {
  using backend = await slowOrigin("ok");
  const yaml = (more: string) => `pools: { app: { backends: [{ url: "${backend.origin.url}" }] } }
routes: [{ pool: app }]
limits: { connections: 2 }
listeners: { web: { address: "127.0.0.1:0", ${SECURE} }${more} }`;
  await using fairlead = await startFairlead(yaml(""), { files: tlsFiles() });
  const opened = (count: number) =>
    until(() => fairlead.metric("connections_open", 'listener="web"') === count, `${count} are open`);
  const isRefused = async () => {
    using client = await rawClient(fairlead.port());
    await client.end(2_000);
  };
  const shaking = await rawClient(fairlead.port());
  await opened(1);
  expect((await fairlead.reload(yaml(', more: { address: "127.0.0.1:0" }'))).ok).toBe(true);
  await opened(1);
  using one = await tlsClient(fairlead.port());
  one.send(GET);
  await until(() => backend.held.length === 1, "the first request is at work");
  await isRefused();
  shaking.close();
  await opened(1);
  using two = await tlsClient(fairlead.port());
  two.send(GET);
  await until(() => backend.held.length === 2, "the second request is at work");
  await isRefused();
  await opened(2);
});

test("connections of a listener that a reload renames are those of the new name", async () => {
  using origin = await rawOrigin((request) => answerText(request.get("x-forwarded-for") ?? ""));
  const directory = mkdtempSync(join(tmpdir(), "fairlead-test-"));
  const path = join(directory, "web.sock");
  const yaml = (name: string) => `pools: { app: { backends: [{ url: "${origin.url}" }] } }
routes: [{ listeners: [${name}], pool: app }]
listeners: { ${name}: { address: "unix:${path}", trusted_proxies: [192.0.2.0/24] } }`;
  try {
    await using fairlead = await startFairlead(yaml("one"));
    using client = await rawClient({ path });
    const ask = () => client.ask("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 198.51.100.1\r\n\r\n");
    const before = await ask();
    expect((await fairlead.reload(yaml("two"))).ok).toBe(true);
    expect(fairlead.metric("connections_open", 'listener="two"')).toBe(1);
    const after = await ask();
    expect([after.status, after.body.toString()]).toEqual([before.status, before.body.toString()]);
    client.close();
    await until(() => fairlead.metric("connections_open", 'listener="two"') === 0, "it is gone");
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("H-G1 no X-Forwarded field of an untrusted peer reaches a backend, whatever it is about", async () => {
  using origin = await rawOrigin();
  await using fairlead = await startFairlead(yamlOf(origin.url));
  const names = ["User", "Ssl", "Tls-Client-Cert", "Scheme", "Method", "Uri", "Anything-At-All-That-Is-Long"];
  const forged = names.map(
    (name) => `X-Forwarded-${name}: forged\r\nx_forwarded_${name.replaceAll("-", "_")}: forged\r\n`,
  );
  await askOnce(fairlead.port(), `GET / HTTP/1.1\r\nHost: a\r\n${forged.join("")}X-Other: kept\r\n\r\n`);
  const raw = origin.requests[0]!.raw.toString("latin1");
  expect(raw).not.toContain("forged");
  expect(raw).toContain("X-Other: kept");
});

test("H-B14 a client that waits for 100 is not slow while the backend thinks", async () => {
  const clock = new ManualClock();
  using origin = await rawOrigin(({ body }) => answerText(body.toString()));
  await using fairlead = await startFairlead(yamlOf(origin.url), { clock });
  using client = await rawClient(fairlead.port());
  client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  await until(
    () => origin.connections[0]?.everything.includes("\r\n\r\n") === true,
    "the backend has the head",
  );
  await pass(clock, 20_000);
  expect(client.received.length).toBe(0);
  origin.connections[0]!.send("HTTP/1.1 100 Continue\r\n\r\n");
  expect((await client.answer()).status).toBe(100);
  await pass(clock, 5_000);
  client.send("body");
  const answer = await client.answer();
  expect([answer.status, answer.body.toString()]).toEqual([200, "body"]);
});

test("H-B14 a client and a backend that wait for each other do not wait for ever", async () => {
  const clock = new ManualClock();
  using origin = await rawOrigin();
  await using fairlead = await startFairlead(yamlOf(origin.url), { clock });
  using client = await rawClient(fairlead.port());
  client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  await until(
    () => origin.connections[0]?.everything.includes("\r\n\r\n") === true,
    "the backend has the head",
  );
  await pass(clock, 40_000);
  expect((await client.answer()).status).toBe(408);
});

test("H-F1 what a client sends through a tunnel arrives although the backend has ended its direction", async () => {
  let taken = 0;
  using origin = await rawOrigin(undefined, {
    onData(connection, bytes) {
      if (connection.received.length > 0) taken += bytes.length;
      else {
        connection.received = bytes;
        connection.end(SWITCHED);
        connection.socket.pause();
      }
      connection.everything = Buffer.alloc(0);
      return true;
    },
  });
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ pool: app }]\n${PLAIN_AND_TLS}`,
    { files: tlsFiles() },
  );
  for (const connect of [
    () => rawClient(fairlead.port("web")),
    () => tlsClient(fairlead.port("secure"), { allowHalfOpen: true } as never),
  ]) {
    taken = 0;
    using client = await connect();
    expect((await client.ask(HANDSHAKE)).status).toBe(101);
    await client.until(() => client.ended);
    const size = 12 * 1024 * 1024;
    client.socket.end(Buffer.alloc(size, 97));
    await stopped(() => client.socket.writableLength);
    const backend = origin.connections.at(-1)!;
    backend.socket.resume();
    await until(() => taken === size || backend.closed, "the backend has it");
    expect(taken).toBe(size);
    await until(() => backend.closed, "both ends are over");
  }
  expect((await fairlead.log(2)).map(({ reason }) => reason)).toEqual(["-", "-"]);
}, 15_000);

test("H-F1 the last bytes of a tunnel wait for a backend that is slow to take them, and not for ever", () => {
  for (const [window, sent] of [
    [100, "abcdefgh"],
    [2, "abcde"],
  ] as const) {
    const driver = new CodecDriver(() => [Buffer.from(SWITCHED)]);
    driver.feed(Buffer.from(HANDSHAKE));
    const { connection, socket } = driver.backends[0]!;
    driver.finishBackend();
    const before = socket.bytes.length;
    socket.window = 3;
    driver.feed(Buffer.from("abcdefgh"));
    driver.finish();
    expect([driver.exchangesDone, socket.ended]).toEqual([1, false]);
    socket.window = window;
    connection.onDrain();
    expect(socket.bytes.subarray(before).toString()).toBe(sent);
    expect(connection.closed).toBe(sent === "abcdefgh");
    connection.close();
    expect([connection.closed, socket.reset]).toEqual([true, sent !== "abcdefgh"]);
    driver.dispose();
  }
});
