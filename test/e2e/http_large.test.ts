/** Bodies that are larger than memory should ever be (rows of group D). */
import { expect, test } from "bun:test";
import { pass, startFairlead } from "../support/fairlead.ts";
import { rawClient, readChunked, tlsClient } from "../support/raw_client.ts";
import { rawOrigin } from "../support/raw_origin.ts";
import { SlowReader } from "../support/slow_reader.ts";
import { stopped as stoppedFor } from "../support/stopped.ts";
import { StreamClient, StreamOrigin } from "../support/stream_ends.ts";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock } from "../../src/platform/clock.ts";
import { issueCertificate } from "../../src/platform/issue_certificate.ts";
import { runFairlead } from "./processes_program.ts";

const { cert, key } = issueCertificate({ commonName: "a.example", names: ["a.example"] });
const MIB = 2 ** 20;
const GIB = 2 ** 30;
const residentBytes = (pid: number) =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) * 1_024;

/** Many connections of several processes: one may rest while another moves. */
const stopped = (read: () => number) => stoppedFor(read, 300);

/** Resident memory of a process, looked at all the time. */
class MemoryWatch {
  readonly #pid: number;
  readonly #timer: ReturnType<typeof setInterval>;
  highest = 0;

  constructor(pid: number) {
    this.#pid = pid;
    this.#timer = setInterval(() => this.#look(), 20);
  }

  #look(): void {
    this.highest = Math.max(this.highest, residentBytes(this.#pid));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** A program in a process of its own before an origin of streams. */
async function setUp(tls: boolean) {
  const origin = new StreamOrigin();
  const directory = mkdtempSync(join(tmpdir(), "fairlead-large-"));
  writeFileSync(join(directory, "cert.pem"), cert);
  writeFileSync(join(directory, "key.pem"), key, { mode: 0o600 });
  const certificates = `tls: { certificates: [{ cert: ${directory}/cert.pem, key: ${directory}/key.pem }] }`;
  const fairlead = await runFairlead(
    `workers: 0\nlisteners: { web: { address: "127.0.0.1:0"${tls ? `, ${certificates}` : ""} } }\n` +
      `pools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ pool: app }]`,
  );
  return {
    origin,
    fairlead,
    pid: fairlead.program.child.pid,
    async [Symbol.asyncDispose]() {
      origin[Symbol.dispose]();
      await fairlead[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true });
    },
  };
}

for (const [scheme, size] of [
  ["http", GIB],
  ["https", GIB / 4],
] as const) {
  const words = size === GIB ? "a gigabyte" : "a quarter of a gigabyte";
  test(`H-D17 ${words} each way over ${scheme}: every byte is right, and memory stays where it was`, async () => {
    await using it = await setUp(scheme === "https");
    using client = await StreamClient.connect(it.fairlead.port(), scheme === "https");
    const ask = async (sends: number, takes: number) => {
      using watch = new MemoryWatch(it.pid);
      const began = performance.now();
      expect(await client.ask(sends, takes)).toEqual({ status: 200, bytes: takes, faultAt: -1 });
      console.log(
        `note: ${scheme}, ${sends / MIB} MiB up, ${takes / MIB} MiB down: ` +
          `${Math.round(performance.now() - began)} ms, at most ${Math.round(watch.highest / MIB)} MiB resident`,
      );
      return watch.highest;
    };
    const up = await ask(size, 0);
    const down = await ask(0, size);
    const both = await ask(size, size);
    expect([it.origin.bodyBytes, it.origin.faultAt]).toEqual([2 * size, -1]);
    expect(both).toBeLessThan(Math.max(up, down) + 64 * MIB);
    expect(both).toBeLessThan(256 * MIB);
    expect(it.origin.connections.length).toBe(1);
  }, 60_000);
}

for (const scheme of ["http", "https"] as const) {
  test(`H-D16 clients that do not read cost a bounded amount of memory over ${scheme}, and their backends wait`, async () => {
    await using it = await setUp(scheme === "https");
    const tls = scheme === "https";
    const port = it.fairlead.port();
    using other = await StreamClient.connect(port, tls);
    await other.ask(MIB, MIB);
    const before = residentBytes(it.pid);
    const count = 40;
    const clients = await Promise.all(Array.from({ length: count }, () => StreamClient.connect(port, tls)));
    for (const client of clients) client.stare(256 * MIB);
    const sent = () => it.origin.connections.reduce((sum, { writer }) => sum + (writer?.sent ?? 0), 0);
    await stopped(sent);
    const perClient = (residentBytes(it.pid) - before) / count;
    const perBackend = sent() / count;
    console.log(
      `note: ${scheme}, ${Math.round(perClient / 1_024)} KiB for a client that does not read, ` +
        `${Math.round(perBackend / MIB)} MiB taken from its backend`,
    );
    expect(it.origin.connections.length).toBe(count);
    // The buffers of four kernel sockets hold up to 20 MiB.
    expect(perBackend).toBeLessThan(24 * MIB);
    expect(perClient).toBeLessThan(1.5 * MIB);
    // Another client is served meanwhile, and those that go free their backends.
    expect(await other.ask(MIB, MIB)).toEqual({ status: 200, bytes: MIB, faultAt: -1 });
    for (const client of clients) client[Symbol.dispose]();
    await stopped(() => it.origin.connections.filter(({ closed }) => !closed).length);
    expect(it.origin.connections.filter(({ closed }) => !closed).length).toBe(1);
  }, 60_000);
}

test("a chunked upload of 100 MB stops while its backend does not read, and then arrives whole", async () => {
  const parts: Buffer[] = [];
  let taken: Socket | null = null;
  const server = createServer((socket) => {
    taken = socket;
    socket.on("data", (bytes: Buffer) => {
      parts.push(bytes);
      if (bytes.toString("latin1", bytes.length - 5) === "0\r\n\r\n")
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    socket.pause();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await using fairlead = await runFairlead(
    `workers: 0\npools: { app: { backends: [{ url: "http://127.0.0.1:${port}" }] } }\nroutes: [{ pool: app }]`,
  );
  const { pid } = fairlead.program.child;
  using client = await rawClient(fairlead.port());
  const chunk = Buffer.alloc(100_000, "a chunk of bytes ");
  const count = 1_000;
  client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (let index = 0; index < count; index++) {
    client.send(`${chunk.length.toString(16)}${index % 10 === 0 ? ";n=1" : ""}\r\n`);
    client.send(chunk);
    client.send("\r\n");
  }
  client.send("0\r\n\r\n");
  using watch = new MemoryWatch(pid);
  const held = count * chunk.length - (await stopped(() => client.socket.writableLength));
  console.log(
    `note: ${Math.round(held / MIB)} MiB taken of an upload, at most ${Math.round(watch.highest / MIB)} MiB resident`,
  );
  expect(held).toBeLessThan(24 * MIB);
  expect(watch.highest).toBeLessThan(160 * MIB);
  taken!.resume();
  expect((await client.answer({ timeoutMs: 20_000 })).body.toString()).toBe("ok");
  expect(watch.highest).toBeLessThan(256 * MIB);
  const all = Buffer.concat(parts);
  const { body } = readChunked(all, all.indexOf("\r\n\r\n") + 4)!;
  expect(body.length).toBe(count * chunk.length);
  for (let index = 0; index < count; index++) {
    const part = body.subarray(index * chunk.length, (index + 1) * chunk.length);
    if (Buffer.compare(part, chunk) !== 0) throw new Error(`chunk ${index} is not what was sent`);
  }
  server.close();
}, 60_000);

test("H-D16 interim answers without end wait for a client that does not read them", async () => {
  const interim = Buffer.from(
    `HTTP/1.1 103 Early Hints\r\nLink: </${"x".repeat(1_000)}>\r\n\r\n`.repeat(256),
  );
  const total = 128 * MIB;
  const origin: { sent: number; socket: Socket | null } = { sent: 0, socket: null };
  const server = createServer((socket) => {
    const go = () => {
      while (origin.sent < total) {
        origin.sent += interim.length;
        if (!socket.write(interim)) return;
      }
    };
    origin.socket = socket.on("drain", go).on("error", () => {});
    socket.once("data", go);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "http://127.0.0.1:${port}" }] } }\nroutes: [{ pool: app }]`,
  );
  using reader = new SlowReader(fairlead.port(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await stopped(() => origin.sent);
  expect(origin.sent).toBeWithin(1, 24 * MIB);
  // They flow again when the client reads.
  for (const until = origin.sent + 4 * MIB; origin.sent < until; await Bun.sleep(1)) reader.read(MIB);
  origin.socket?.destroy();
  server.close();
});

const BODY = Buffer.alloc(16_000_000, "0123456789abcdef+");

for (const [scheme, framing] of [
  ["http", `Content-Length: ${BODY.length}\r\n`],
  ["http", ""],
  ["https", ""],
] as const) {
  const words = framing === "" ? "without a length" : "with a length";
  test(`an answer ${words} whose ${scheme} backend has closed long ago is whole for a slow client`, async () => {
    const serve = (socket: Socket) =>
      socket.once("data", () => {
        socket.write(`HTTP/1.1 200 OK\r\nConnection: close\r\n${framing}\r\n`);
        socket.end(BODY);
      });
    const server = scheme === "http" ? createServer(serve) : createTlsServer({ cert, key }, serve);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    await using fairlead = await startFairlead(
      `pools: { app: { backends: [{ url: "${scheme}://127.0.0.1:${port}" }], tls: { verify: false } } }\nroutes: [{ pool: app }]`,
    );
    using reader = new SlowReader(fairlead.port(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await stopped(() => reader.unread);
    const { program } = fairlead.instance;
    for (let round = 0; program.stats()["active"] !== 0 && round < 5_000; round++, await Bun.sleep(1))
      reader.read(500_000);
    expect((await fairlead.log(1))[0]).toMatchObject({ status: 200, reason: "-" });
    for (let round = 0; reader.received < BODY.length && round < 1_000; round++, await Bun.sleep(1))
      reader.read(BODY.length);
    expect(reader.received).toBeGreaterThan(BODY.length);
    server.close();
  }, 20_000);
}

for (const scheme of ["http", "https"]) {
  test(`an upload over ${scheme} with its FIN behind it is whole for a slow backend`, async () => {
    let received = 0;
    let taken: Socket | null = null;
    const server = createServer((socket) => {
      taken = socket.pause();
      socket.on("data", (bytes: Buffer) => {
        received += bytes.length;
        if (received > BODY.length) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const tls = scheme === "https" ? ", tls: { certificates: [{ cert: cert.pem, key: key.pem }] }" : "";
    await using fairlead = await startFairlead(
      `listeners: { web: { address: "127.0.0.1:0"${tls} } }\npools: { app: { backends: [{ url: "http://127.0.0.1:${port}" }] } }\nroutes: [{ pool: app }]`,
      { files: { "cert.pem": cert, "key.pem": key } },
    );
    using client = await (scheme === "https"
      ? tlsClient(fairlead.port(), { allowHalfOpen: true } as never)
      : rawClient(fairlead.port()));
    client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${BODY.length}\r\n\r\n`);
    client.send(BODY);
    client.socket.end();
    await stopped(() => client.socket.writableLength);
    for (let round = 0; received < BODY.length && round < 2_000; round++, await Bun.sleep(1)) {
      taken!.resume();
      await Bun.sleep(1);
      taken!.pause();
    }
    taken!.resume();
    expect((await client.answer()).body.toString()).toBe("ok");
    expect((await fairlead.log(1))[0]).toMatchObject({ status: 200, reason: "-" });
    server.close();
  }, 20_000);
}

const EARLY_ANSWERS: readonly (readonly [status: number, body: string])[] = [
  [401, "Content-Length: 100000000\r\n\r\n"],
  [413, "Content-Length: 100000000\r\n\r\n"],
  [413, "Transfer-Encoding: chunked\r\n\r\n5f5e100\r\n"],
  [400, "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nno chunk\r\n"],
];

test("H-D12 an answer before the end of a large upload reaches a client that goes on sending", async () => {
  // It never answers: all that the clients get is ours.
  using origin = await rawOrigin(undefined, { onData: () => true });
  await using fairlead = await runFairlead(`workers: 0
pools: { app: { backends: [{ url: "${origin.url}" }] } }
middlewares: { small: { buffering: { max_request_body_bytes: 1MiB } } }
routes:
  - { match: "Path(\`/401\`)", respond: { status: 401, body: "${"who are you? ".repeat(1_000)}" } }
  - { match: "Path(\`/413\`)", pool: app, middlewares: [small] }
  - { pool: app }`);
  for (let round = 0; round < 5; round++) {
    for (const [status, body] of EARLY_ANSWERS) {
      using client = await rawClient(fairlead.port());
      client.send(`POST /${status} HTTP/1.1\r\nHost: a\r\n${body}`);
      client.send(Buffer.alloc(30_000_000));
      const answer = await client.answer();
      expect([answer.status, answer.get("connection")]).toEqual([status, "close"]);
    }
  }
}, 30_000);

test("H-D12 a client that goes on sending after an answer keeps its time to read it, and is cut then", async () => {
  const clock = new ManualClock();
  await using fairlead = await startFairlead("routes: [{ respond: { status: 401 } }]", { clock });
  using client = await rawClient(fairlead.port());
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n");
  client.send(Buffer.alloc(30_000_000));
  expect((await client.answer()).status).toBe(401);
  await stopped(() => client.socket.writableLength);
  expect(client.closed).toBe(false);
  await pass(clock, 1_500);
  expect(fairlead.instance.program.stats()["connections"]).toBe(1);
  await pass(clock, 1_000);
  await client.until(() => client.closed);
  expect(fairlead.instance.program.stats()["connections"]).toBe(0);
});
