/** Bounds: queues, requests in flight, connections, and what idle or black-holed ones cost (groups B, E and H). */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { issueCertificate } from "../../src/platform/issue_certificate.ts";
import { ManualClock } from "../../src/platform/clock.ts";
import { raiseOpenFileLimit } from "../../src/platform/processes.ts";
import { closeDescriptor, openListeningSocket, queuedConnections } from "../../src/platform/sockets.ts";
import { pass, startFairlead, until, type Fairlead } from "../support/fairlead.ts";
import { askOnce, rawClient, tlsClient, type RawClient } from "../support/raw_client.ts";
import { answerText, rawOrigin, type OriginConnection, type ReceivedRequest } from "../support/raw_origin.ts";
import { requirement } from "../support/require.ts";
import { stopped } from "../support/stopped.ts";
import { runFairlead } from "./processes_program.ts";

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a.example\r\n\r\n`;
const GET = get("/");

const descriptors = (pid: number | "self") => readdirSync(`/proc/${pid}/fd`).length;
const residentBytes = (pid: number) =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) * 1_024;

const queued = (fairlead: Fairlead) => fairlead.instance.program.stats()["queued"];

/** An origin that answers when the test says so, in front of which the requests of a pool wait. */
async function heldOrigin() {
  const held: { request: ReceivedRequest; connection: OriginConnection }[] = [];
  const origin = await rawOrigin((request, connection) => void held.push({ request, connection }));
  return {
    origin,
    /** Answers the oldest request that came. */
    answer() {
      const { request, connection } = held.shift()!;
      connection.send(answerText(request.target));
    },
    [Symbol.dispose]: () => origin.close(),
  };
}

test("H-H24 requests over a backend's limit wait their turn, first come first served", async () => {
  using backend = await heldOrigin();
  const { origin } = backend;
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${origin.url}", max_in_flight: 1 }] } }\nroutes: [{ pool: app }]`,
  );
  const clients: RawClient[] = [];
  for (let index = 0; index < 6; index++) {
    const client = await rawClient(fairlead.port());
    client.send(get(`/${index}`));
    clients.push(client);
    await until(() => origin.requests.length === 1 && queued(fairlead) === index, "the request waits");
  }
  expect(fairlead.metric("queue_length", 'pool="app"')).toBe(5);
  for (let index = 0; index < 6; index++) {
    await until(() => origin.requests.length === index + 1, "the next one goes out");
    backend.answer();
    expect((await clients[index]!.answer()).body.toString()).toBe(`/${index}`);
  }
  expect(origin.requests.map(({ target }) => target)).toEqual(["/0", "/1", "/2", "/3", "/4", "/5"]);
  expect(fairlead.metric("queue_length", 'pool="app"')).toBe(0);
  const lines = await fairlead.log(6);
  expect(lines.map(({ queue_ms }) => Number(queue_ms) > 0)).toEqual([false, true, true, true, true, true]);
  for (const client of clients) client.close();
});

test("H-H24 a request that waits too long gets 503, one over the queue's size at once", async () => {
  const clock = new ManualClock();
  using backend = await heldOrigin();
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${backend.origin.url}", max_in_flight: 1 }], queue: { size: 2, timeout: 5s } } }\nroutes: [{ pool: app }]`,
    { clock },
  );
  using first = await rawClient(fairlead.port());
  using second = await rawClient(fairlead.port());
  using third = await rawClient(fairlead.port());
  first.send(get("/first"));
  await until(() => backend.origin.requests.length === 1, "the first is at work");
  second.send(get("/second"));
  await until(() => queued(fairlead) === 1, "the second waits");
  await pass(clock, 3_000);
  third.send(get("/third"));
  await until(() => queued(fairlead) === 2, "the third waits");
  const excess = await askOnce(fairlead.port(), get("/excess"));
  expect([excess.status, excess.get("retry-after")]).toEqual([503, "1"]);
  expect(fairlead.metric("limits_hit_total", 'limit="queue"')).toBe(1);
  await pass(clock, 2_200);
  const late = await second.answer();
  expect([late.status, late.get("retry-after"), late.get("connection")]).toEqual([503, "1", null]);
  expect([queued(fairlead), third.received.length]).toEqual([1, 0]);
  backend.answer();
  expect((await first.answer()).body.toString()).toBe("/first");
  await until(() => backend.origin.requests.length === 2, "the third goes out");
  backend.answer();
  expect((await third.answer()).body.toString()).toBe("/third");
  expect(backend.origin.requests.map(({ target }) => target)).toEqual(["/first", "/third"]);
  expect(fairlead.metric("queue_timeouts_total", 'pool="app"')).toBe(1);
  const reasons = (await fairlead.log(4)).map(({ path, reason }) => [path, reason]);
  expect(reasons).toEqual([
    ["/excess", "FL_QUEUE_FULL"],
    ["/second", "FL_QUEUE_TIMEOUT"],
    ["/first", "-"],
    ["/third", "-"],
  ]);
  // The connection of the one that gave up serves on.
  second.send(get("/again"));
  await until(() => backend.origin.requests.length === 3, "the connection serves on");
  backend.answer();
  expect((await second.answer()).status).toBe(200);
});

test("H-H24 a client that goes while it waits leaves the queue and reaches no backend", async () => {
  using backend = await heldOrigin();
  const { origin } = backend;
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${origin.url}", max_in_flight: 1 }] } }\nroutes: [{ pool: app }]`,
  );
  const clients: RawClient[] = [];
  for (let index = 0; index < 4; index++) {
    const client = await rawClient(fairlead.port());
    client.send(get(`/${index}`));
    clients.push(client);
    await until(() => origin.requests.length === 1 && queued(fairlead) === index, "the request waits");
  }
  clients[2]!.socket.resetAndDestroy();
  await until(() => queued(fairlead) === 2, "it has left the queue");
  // A half-closed client still waits for its answer.
  clients[1]!.socket.end();
  for (const index of [0, 1, 3]) {
    await until(() => origin.requests.at(-1)!.target === `/${index}`, "the next one goes out");
    backend.answer();
    expect((await clients[index]!.answer()).body.toString()).toBe(`/${index}`);
  }
  expect(origin.requests.length).toBe(3);
  const gone = (await fairlead.log(4)).find(({ path }) => path === "/2");
  expect(gone).toMatchObject({ status: 499, reason: "FL_CLIENT_ABORT", backend: "-" });
  for (const client of clients) client.close();
});

test("H-H24 where half-closed clients count as gone, a FIN is enough to leave the queue", async () => {
  using backend = await heldOrigin();
  await using fairlead = await startFairlead(
    `listeners: { web: { address: "127.0.0.1:0", half_closed_clients: abort } }\npools: { app: { backends: [{ url: "${backend.origin.url}", max_in_flight: 1 }] } }\nroutes: [{ pool: app }]`,
  );
  using first = await rawClient(fairlead.port());
  using second = await rawClient(fairlead.port());
  first.send(get("/first"));
  await until(() => backend.origin.requests.length === 1, "the first is at work");
  second.send(get("/second"));
  await until(() => queued(fairlead) === 1, "the second waits");
  second.close();
  await until(() => queued(fairlead) === 0, "it has left the queue");
  backend.answer();
  expect((await first.answer()).status).toBe(200);
  expect(backend.origin.requests.length).toBe(1);
});

test("H-H24 a large body waits at its client and then arrives whole", async () => {
  using origin = await rawOrigin((request) => {
    if (request.target === "/first") return undefined;
    return answerText(Bun.hash(request.body).toString());
  });
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${origin.url}", max_in_flight: 1 }] } }\nroutes: [{ pool: app }]`,
  );
  using first = await rawClient(fairlead.port());
  first.send(get("/first"));
  await until(() => origin.requests.length === 1, "the first is at work");
  using second = await rawClient(fairlead.port());
  const body = Buffer.alloc(16_000_000, "0123456789abcdef-");
  second.send(`POST /second HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`);
  second.send(body);
  await until(() => queued(fairlead) === 1, "the second waits");
  await stopped(() => second.socket.writableLength);
  // Buffers of the two kernels' sides hold some megabytes; the rest is still with the client.
  expect(second.socket.writableLength).toBeGreaterThan(6_000_000);
  origin.connections[0]!.send(answerText("one"));
  expect((await second.answer({ timeoutMs: 20_000 })).body.toString()).toBe(Bun.hash(body).toString());
}, 30_000);

test("a backend never gets more than max_in_flight requests, and all of 64 clients are served", async () => {
  const most = [0, 0];
  const now = [0, 0];
  const origins = await Promise.all(
    [0, 1].map((which) =>
      rawOrigin(async () => {
        most[which] = Math.max(most[which]!, ++now[which]!);
        await Bun.sleep(1);
        now[which]!--;
        return answerText("x");
      }),
    ),
  );
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [${origins.map(({ url }) => `{ url: "${url}", max_in_flight: 4 }`).join(", ")}], queue: { timeout: 30s } } }\nroutes: [{ pool: app }]`,
  );
  const statuses = new Map<number, number>();
  await Promise.all(
    Array.from({ length: 64 }, async () => {
      using client = await rawClient(fairlead.port());
      for (let index = 0; index < 10; index++) {
        const { status } = await client.ask(GET, { timeoutMs: 20_000 });
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    }),
  );
  expect([...statuses]).toEqual([[200, 640]]);
  expect(most).toEqual([4, 4]);
  expect(origins.every(({ connections }) => connections.length <= 4)).toBe(true);
  for (const origin of origins) origin.close();
}, 30_000);

test("whatever ends a request gives its place at the backend back", async () => {
  const clock = new ManualClock();
  using origin = await rawOrigin((request, connection) => {
    if (request.target === "/reset") connection.resetNow();
    else if (request.target === "/bad") return "HTTP/1.1 abc\r\n\r\n";
    else if (request.target === "/cut") connection.end("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
    else if (request.target !== "/silent") return answerText("served");
    return undefined;
  });
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${origin.url}", max_in_flight: 1 }], queue: { size: 0 }, retries: { attempts: 0 } } }\nroutes: [{ pool: app }]`,
    { clock },
  );
  const served = async () => expect((await askOnce(fairlead.port(), GET)).status).toBe(200);
  for (const path of ["/reset", "/bad"]) {
    expect((await askOnce(fairlead.port(), get(path).replace("GET", "POST"))).status).toBe(502);
    await served();
  }
  using cut = await rawClient(fairlead.port());
  cut.send(get("/cut"));
  await cut.until(() => cut.closed);
  await served();
  using silent = await rawClient(fairlead.port());
  silent.send(get("/silent"));
  await until(() => origin.requests.at(-1)!.target === "/silent", "it is at work");
  expect((await askOnce(fairlead.port(), GET)).status).toBe(503);
  await pass(clock, 31_000);
  expect((await silent.answer()).status).toBe(504);
  await served();
  silent.send(get("/silent"));
  await until(() => origin.open.length > 0 && origin.requests.at(-1)!.target === "/silent", "it is at work");
  silent.socket.resetAndDestroy();
  await until(() => fairlead.instance.program.stats()["active"] === 0, "the client is gone");
  await served();
  origin.close();
  expect((await askOnce(fairlead.port(), GET)).status).toBe(502);
  expect((await askOnce(fairlead.port(), GET)).status).toBe(502);
  expect(fairlead.metric("limits_hit_total", 'limit="queue"')).toBe(1);
});

test("a try that cannot go elsewhere is no retry", async () => {
  using origin = await rawOrigin();
  const { url } = origin;
  origin.close();
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${url}" }], retries: { budget_min: 0 } } }\nroutes: [{ pool: app }]`,
  );
  expect((await askOnce(fairlead.port(), GET)).status).toBe(502);
  expect((await fairlead.log(1))[0]).toMatchObject({ retries: 0, reason: "FL_CONNECT_REFUSED" });
  expect(fairlead.metric("retries_total")).toBe(0);
  expect(fairlead.metric("retry_budget_exhausted_total")).toBe(0);
});

test("limits of heads are counted by their names", async () => {
  using origin = await rawOrigin();
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ pool: app }]\nlimits: { header_fields: 10, header_bytes: 1KiB, target_bytes: 100 }`,
  );
  const ask = async (request: string) => {
    using client = await rawClient(fairlead.port());
    const { status } = await client.ask(request);
    await client.end();
    return status;
  };
  expect(await ask(get(`/${"x".repeat(100)}`))).toBe(414);
  expect(await ask(`GET / HTTP/1.1\r\nHost: a\r\n${"X: y\r\n".repeat(10)}\r\n`)).toBe(431);
  expect(await ask(`GET / HTTP/1.1\r\nHost: a\r\nX: ${"y".repeat(1_024)}\r\n\r\n`)).toBe(431);
  const count = (limit: string) => fairlead.metric("limits_hit_total", `limit="${limit}"`);
  expect([count("target_bytes"), count("header_fields"), count("header_bytes")]).toEqual([1, 1, 1]);
  expect((await fairlead.log(3)).map(({ status, reason }) => [status, reason])).toEqual([
    [414, "FL_TARGET_TOO_LONG"],
    [431, "FL_HEADER_TOO_LARGE"],
    [431, "FL_HEADER_TOO_LARGE"],
  ]);
  expect(origin.requests.length).toBe(0);
});

const certificate = issueCertificate({ commonName: "a.example", names: ["a.example"] });

for (const scheme of ["http", "https"]) {
  test(`${scheme} connections that idle for too long are closed, whether or not their clients close theirs`, async () => {
    const clock = new ManualClock();
    using origin = await rawOrigin();
    const tls = scheme === "https" ? ", tls: { certificates: [{ cert: c.pem, key: k.pem }] }" : "";
    await using fairlead = await startFairlead(
      `listeners: { web: { address: "127.0.0.1:0"${tls} } }\npools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ pool: app }]`,
      { clock, files: { "c.pem": certificate.cert, "k.pem": certificate.key } },
    );
    const open = () =>
      scheme === "https"
        ? tlsClient(fairlead.port(), { allowHalfOpen: true } as never)
        : rawClient(fairlead.port());
    const clients: RawClient[] = [];
    for (let index = 0; index < 20; index++) {
      const client = await open();
      if (index % 2 === 0) expect((await client.ask(GET)).status).toBe(200);
      clients.push(client);
    }
    await until(() => fairlead.instance.program.stats()["connections"] === 20, "all are open");
    const before = descriptors("self");
    await pass(clock, 70_000);
    expect(clients.some(({ ended, closed }) => ended || closed)).toBe(false);
    for (const { socket } of clients) socket.pause();
    await pass(clock, 6_000);
    await until(() => fairlead.instance.program.stats()["connections"] === 0, "all are gone");
    await until(() => descriptors("self") <= before - 20, "their descriptors are free");
    // The clients have not even noticed.
    expect(descriptors("self")).toBeGreaterThan(before - 30);
    for (const { socket } of clients) socket.resume();
    await Promise.all(clients.map((client) => client.end()));
    expect(clients.every(({ reset }) => !reset)).toBe(true);
    for (const client of clients) client.close();
  });
}

test("connections to backends that idle for too long are closed", async () => {
  const clock = new ManualClock();
  using origin = await rawOrigin();
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ pool: app }]`,
    { clock },
  );
  const clients = await Promise.all(Array.from({ length: 5 }, () => rawClient(fairlead.port())));
  await Promise.all(clients.map((client) => client.ask(GET)));
  const { length } = origin.open;
  expect(length).toBeGreaterThan(1);
  await pass(clock, 30_000);
  expect((await clients[0]!.ask(GET)).status).toBe(200);
  await pass(clock, 29_000);
  expect(origin.open.length).toBe(length);
  await pass(clock, 3_000);
  await until(() => origin.open.length === 1, "all but the one that was used are closed");
  await pass(clock, 30_000);
  await until(() => origin.open.length === 0, "and this one too");
  expect(origin.connections.every(({ reset }) => !reset)).toBe(true);
  expect(fairlead.metric("backend_connections_open")).toBe(0);
  for (const client of clients) client.close();
});

test("10,000 requests on one connection leave nothing behind", async () => {
  using origin = await rawOrigin();
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ pool: app }]`,
  );
  using client = await rawClient(fairlead.port());
  const requests = GET.repeat(100);
  for (let round = 0; round < 100; round++) {
    client.send(requests);
    for (let index = 0; index < 100; index++) expect((await client.answer()).status).toBe(200);
    origin.requests.length = 0;
    origin.connections[0]!.everything = Buffer.alloc(0);
  }
  expect(origin.connections.length).toBe(1);
  expect(fairlead.metric("http_requests_total", 'class="2xx"')).toBe(10_000);
  expect(client.received.length).toBe(0);
}, 30_000);

test("100 pipelined requests of different kinds are answered in order", async () => {
  using origin = await rawOrigin(async (request) => {
    if (request.target.endsWith("7")) await Bun.sleep(1);
    return answerText(`${request.target} ${request.body}`);
  });
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ match: "Path(\`/local\`)", respond: { status: 200, body: local } }, { pool: app }]`,
  );
  using client = await rawClient(fairlead.port());
  const kinds = [
    (index: number) => [get(`/${index}`), `/${index} `],
    () => [get("/local"), "local"],
    (index: number) => [
      `POST /${index} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody`,
      `/${index} body`,
    ],
    (index: number) => [
      `POST /${index} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`,
      `/${index} abcde`,
    ],
  ] as const;
  const all = Array.from({ length: 100 }, (_, index) => kinds[index % kinds.length]!(index));
  client.send(all.map(([request]) => request).join(""));
  for (const [, body] of all) expect((await client.answer()).body.toString()).toBe(body!);
  expect(origin.connections.length).toBe(1);
});

test("H-E14 a client that pipelines much behind its last request gets all of the answer to it", async () => {
  const body = "x".repeat(300_000);
  using origin = await rawOrigin(() => answerText(body));
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ pool: app }]`,
  );
  for (let round = 0; round < 10; round++) {
    using client = await rawClient(fairlead.port());
    client.send(`GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n${GET.repeat(50_000)}`);
    const answer = await client.answer();
    expect([answer.status, answer.get("connection"), answer.body.length]).toEqual([200, "close", 300_000]);
    await client.end();
    expect(client.received.length).toBe(0);
  }
  expect(origin.requests.length).toBe(10);
});

/** A client for great numbers: keeps nothing but the end of what came last. */
class ManyClient {
  readonly socket: Bun.Socket;
  last = "";
  answers = 0;
  #wake: (() => void) | null = null;
  closed = false;

  private constructor(socket: Bun.Socket) {
    this.socket = socket;
  }

  static async open(port: number): Promise<ManyClient> {
    const box: { client: ManyClient | null } = { client: null };
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        data: (_, bytes) => box.client!.#took(bytes),
        close: () => void (box.client === null || box.client.#gone()),
      },
    });
    return (box.client = new ManyClient(socket));
  }

  #took(bytes: Uint8Array): void {
    this.last = Buffer.from(bytes).toString("latin1");
    this.answers++;
    this.#wake?.();
  }

  #gone(): void {
    this.closed = true;
    this.#wake?.();
  }

  /** Sends a request and returns the status of its answer, which must come in one piece; 0 = closed. */
  async ask(request: string): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    this.socket.write(request);
    await promise;
    return this.closed ? 0 : Number(this.last.slice(9, 12));
  }
}

const fewFiles = requirement(
  "open_files",
  raiseOpenFileLimit() < 11_000 ? "a process may have fewer than 11,000 files open" : null,
);

test.skipIf(fewFiles !== null)(
  "H-E16 10,000 idle connections: descriptors and memory",
  async () => {
    using origin = await rawOrigin();
    await using fairlead = await runFairlead(
      `workers: 0\npools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ pool: app }]`,
    );
    const { pid } = fairlead.program.child;
    const count = 10_000;
    /** So many requests run at once, each over a connection to the backend. */
    const atOnce = 50;
    const warm = await ManyClient.open(fairlead.port());
    for (let index = 0; index < 200; index++) expect(await warm.ask(GET)).toBe(200);
    const before = { descriptors: descriptors(pid), bytes: residentBytes(pid) };
    const clients: ManyClient[] = [];
    const askAll = async (some: readonly ManyClient[]) => {
      const statuses = await Promise.all(some.map((client) => client.ask(GET)));
      expect(statuses.every((status) => status === 200)).toBe(true);
    };
    while (clients.length < count) {
      const some = await Promise.all(Array.from({ length: atOnce }, () => ManyClient.open(fairlead.port())));
      await askAll(some);
      clients.push(...some);
    }
    const perConnection = (residentBytes(pid) - before.bytes) / count;
    console.log(`note: ${Math.round(perConnection)} bytes per idle connection (${count})`);
    expect(descriptors(pid) - before.descriptors).toBeWithin(count, count + atOnce + 20);
    expect(perConnection).toBeLessThan(12 * 1_024);
    expect(await fairlead.metric("connections_open")).toBe(count + 1);
    // All of them still serve, and all go.
    for (let at = 0; at < count; at += atOnce) await askAll(clients.slice(at, at + atOnce));
    for (const client of clients) client.socket.end();
    for (const end = performance.now() + 10_000; descriptors(pid) > before.descriptors + atOnce + 5;) {
      if (performance.now() > end)
        throw new Error(`${descriptors(pid)} descriptors, ${before.descriptors} before`);
      await Bun.sleep(20);
    }
    warm.socket.end();
  },
  60_000,
);

test("H-E9 a backend that swallows all packets leaves the number of open files flat", async () => {
  const hole = openListeningSocket(
    { kind: "tcp", host: "127.0.0.1", port: 0, dual_stack: false },
    { backlog: 0, reusePort: false, exclusive: false },
  );
  // Nobody accepts there: once its queue is full the kernel answers no SYN.
  const fillers = [connect(hole.port, "127.0.0.1"), connect(hole.port, "127.0.0.1")];
  await until(() => queuedConnections(hole.fd) > 0, "the queue is full");
  await using fairlead = await runFairlead(
    `workers: 0\npools: { app: { backends: [{ url: "http://127.0.0.1:${hole.port}" }], timeouts: { connect: 100ms }, retries: { attempts: 0 } } }\nroutes: [{ pool: app }]`,
  );
  const { pid } = fairlead.program.child;
  const base = descriptors(pid);
  const clients = await Promise.all(Array.from({ length: 150 }, () => ManyClient.open(fairlead.port())));
  let running = true;
  const statuses = new Map<number, number>();
  const load = clients.map(async (client) => {
    while (running) {
      const status = await client.ask(GET);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  });
  const seconds = 4;
  const most: number[] = [];
  for (let second = 0; second < seconds; second++) {
    let highest = 0;
    for (const end = performance.now() + 1_000; performance.now() < end; await Bun.sleep(20))
      highest = Math.max(highest, descriptors(pid));
    most.push(highest);
  }
  running = false;
  await Promise.all(load);
  const requests = statuses.get(504) ?? 0;
  console.log(
    `note: ${Math.round(requests / seconds)} requests/s into the void, open files ${base} + ${clients.length} + ${most.map((value) => value - base - clients.length).join(", ")}`,
  );
  expect([...statuses.keys()]).toEqual([504]);
  expect(requests).toBeGreaterThan(clients.length);
  for (const highest of most) expect(highest).toBeLessThanOrEqual(base + 2 * clients.length + 15);
  await until(() => descriptors(pid) <= base + clients.length + 2, "the descriptors are free again");
  expect(await fairlead.metric("backend_connections_open")).toBe(0);
  for (const { socket } of clients) socket.end();
  for (const filler of fillers) filler.destroy();
  closeDescriptor(hole.fd);
}, 60_000);

test("a half-closed client gets all of a large answer", async () => {
  const body = Buffer.alloc(20_000_000, "0123456789abcdef+");
  using origin = await rawOrigin((_, connection) => {
    connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
    connection.send(body);
  });
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ pool: app }]`,
  );
  const socket = connect({ host: "127.0.0.1", port: fairlead.port(), allowHalfOpen: true });
  const parts: Buffer[] = [];
  socket.on("data", (bytes: Buffer) => parts.push(bytes));
  const ended = new Promise<void>((resolve, reject) => socket.once("end", resolve).once("error", reject));
  socket.end(GET);
  await ended;
  socket.destroy();
  const all = Buffer.concat(parts);
  const at = all.indexOf("\r\n\r\n") + 4;
  expect(all.subarray(0, at).toString("latin1")).toContain("Connection: close\r\n");
  expect(Bun.hash(all.subarray(at))).toBe(Bun.hash(body));
  expect((await fairlead.log(1))[0]).toMatchObject({ status: 200, reason: "-" });
});
