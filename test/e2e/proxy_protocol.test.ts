/** The PROXY protocol through the whole program, from proxies in front and to backends. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { connect as connectTcp, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import { crc32c } from "../../src/net/crc32c.ts";
import { writeProxyHeader } from "../../src/net/proxy_header_writer.ts";
import { readProxyHeader } from "../../src/net/proxy_protocol.ts";
import { splitFirstWrite } from "../../src/net/test_listener.ts";
import { testFiles } from "../../src/platform/test_tls.ts";
import { startFairlead, until, type Fairlead } from "../support/fairlead.ts";
import { askOnce, rawClient, RawClient } from "../support/raw_client.ts";
import { answerText, rawOrigin, readRequest, type RawOrigin } from "../support/raw_origin.ts";

const FILES = Object.fromEntries(Object.entries(testFiles()).map(([path, text]) => [path.slice(1), text]));
const GET = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
const latin1 = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));
const V1 = latin1("PROXY TCP4 192.0.2.7 198.51.100.2 40000 443\r\n");
const V2 = writeProxyHeader("v2", "2001:db8::7", 40_000, "2001:db8::1", 8_443);
/** A version 2 header with additions: a name, one of no known type, and a checksum that is right. */
function headerWithAdditions(): Buffer {
  const plain = writeProxyHeader("v2", "192.0.2.7", 40_000, "198.51.100.2", 443);
  const additions = Buffer.concat([
    Buffer.from([0x02, 0, 6]),
    latin1("a.test"),
    Buffer.from([0xe0, 0, 1, 9, 3, 0, 4]),
  ]);
  const header = Buffer.concat([plain, additions, Buffer.alloc(4)]);
  header.writeUInt16BE(header.length - 16, 14);
  header.writeUInt32BE(crc32c(header, header.length), header.length - 4);
  return header;
}

function start(origin: RawOrigin, listener: string, pool = "", top = ""): Promise<Fairlead> {
  return startFairlead(
    `listeners: { web: { ${listener} } }\npools: { app: { backends: [{ url: "${origin.url}" }]${pool} } }\nroutes: [{ pool: app }]\n${top}`,
    { files: FILES },
  );
}

const LISTENER = `address: "127.0.0.1:0", proxy_protocol: { trusted: [127.0.0.1] }`;

async function withHeader(port: number, ...parts: readonly (string | Uint8Array)[]): Promise<RawClient> {
  const client = await rawClient(port);
  client.send(Buffer.concat(parts.map((part) => (typeof part === "string" ? latin1(part) : part))));
  return client;
}

test("H-E22 the client of a header of either version is the one in fields and log", async () => {
  using origin = await rawOrigin(() => answerText("ok"));
  await using fairlead = await start(origin, LISTENER);
  for (const [header, address, port] of [
    [V1, "192.0.2.7", "443"],
    [V2, "2001:db8::7", "8443"],
    [latin1("PROXY UNKNOWN ignored\r\n"), "127.0.0.1", String(fairlead.port())],
    [Buffer.concat([V2.subarray(0, 12), Uint8Array.of(0x20, 0, 0, 0)]), "127.0.0.1", String(fairlead.port())],
  ] as const) {
    using client = await withHeader(fairlead.port(), header, GET);
    expect((await client.answer()).status).toBe(200);
    const received = origin.requests.at(-1)!;
    expect([received.get("x-forwarded-for"), received.get("x-forwarded-port")]).toEqual([address, port]);
  }
  const clients = (await fairlead.log(4)).map((line) => line["client"]);
  expect(clients).toEqual(["192.0.2.7", "2001:db8::7", "127.0.0.1", "127.0.0.1"]);
});

test("a unix socket on the sender's machine is nobody's address, and nobody to trust, whatever its path says", async () => {
  const unixHeader = (source: string): Buffer => {
    const header = Buffer.alloc(16 + 216);
    header.set(V2.subarray(0, 12));
    header.set([0x21, 0x31, 0, 216], 12);
    header.write(source, 16, "latin1");
    return header;
  };
  using origin = await rawOrigin(() => answerText("ok"));
  await using fairlead = await start(origin, `${LISTENER}, trusted_proxies: [192.0.2.1]`);
  for (const source of ["10.0.0.7", "a\r\nX-Evil: 1", "/run/x.sock", ""]) {
    const request = "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n";
    using client = await withHeader(fairlead.port(), unixHeader(source), request);
    expect((await client.answer()).status).toBe(200);
    const received = origin.requests.at(-1)!;
    expect([received.get("x-forwarded-for"), received.get("x-evil")]).toEqual(["unknown", null]);
  }
});

test("H-E22 additions are skipped, a wrong checksum is refused", async () => {
  using origin = await rawOrigin(() => answerText("ok"));
  await using fairlead = await start(origin, LISTENER);
  const header = headerWithAdditions();
  using good = await withHeader(fairlead.port(), header, GET);
  expect((await good.answer()).status).toBe(200);
  expect(origin.requests[0]!.get("x-forwarded-for")).toBe("192.0.2.7");
  header[header.length - 1]! ^= 1;
  using bad = await withHeader(fairlead.port(), header, GET);
  await bad.end();
  expect([bad.received.length, origin.requests.length]).toEqual([0, 1]);
});

test("H-E22 a missing, truncated, malformed or overlong header, and any from another peer, closes without an answer", async () => {
  using origin = await rawOrigin(() => answerText("ok"));
  await using fairlead = await start(origin, LISTENER);
  const refused = [
    latin1(GET),
    latin1("PROXY TCP4 192.0.2.7 198.51.100.2 40000\r\n"),
    latin1(`PROXY UNKNOWN ${"x".repeat(92)}\r\n`),
    V2.slice().fill(0x41, 13, 14),
  ];
  for (const header of refused) {
    using client = await withHeader(fairlead.port(), header, GET);
    await client.end();
    expect(client.received.length).toBe(0);
  }
  using cut = await withHeader(fairlead.port(), V1.subarray(0, 20));
  cut.socket.end();
  await cut.end();
  await using strict = await start(
    origin,
    `address: "127.0.0.1:0", proxy_protocol: { trusted: [10.0.0.0/8] }`,
  );
  using stranger = await withHeader(strict.port(), V1, GET);
  await stranger.end();
  expect([stranger.received.length, origin.requests.length]).toEqual([0, 0]);
  await until(
    () => fairlead.metric("request_errors_total", "FL_BAD_PROXY_HEADER") === 5,
    "refusals are counted",
  );
  expect(strict.metric("request_errors_total", "FL_BAD_PROXY_HEADER")).toBe(1);
});

test("H-E22 H-G8 the header at every split, in one segment with a ClientHello and around its border", async () => {
  using origin = await rawOrigin(() => answerText("ok"));
  await using plain = await start(origin, LISTENER);
  for (let split = 1; split <= V1.length; split += 3) {
    using client = await rawClient(plain.port());
    client.send(V1.subarray(0, split));
    await new Promise((resolve) => setImmediate(resolve));
    client.send(Buffer.concat([V1.subarray(split), latin1(GET)]));
    expect((await client.answer()).status).toBe(200);
  }
  await using secure = await start(
    origin,
    `${LISTENER}, tls: { certificates: [{ cert: a.crt, key: a.key }] }`,
  );
  for (const split of [0, 10, V1.length, V1.length + 1, V1.length + 100]) {
    const socket = splitFirstWrite(secure.port(), split, V1);
    const tls = connectTls({ socket, servername: "a.test", rejectUnauthorized: false });
    using client = new RawClient(tls as never);
    expect((await client.ask(GET)).status).toBe(200);
    const received = origin.requests.at(-1)!;
    expect([received.get("x-forwarded-for"), received.get("x-forwarded-proto")]).toEqual([
      "192.0.2.7",
      "https",
    ]);
  }
});

test("H-G8 the client's address over a unix socket: by header, by trusted field, or unknown", async () => {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-proxy-"));
  using origin = await rawOrigin(() => answerText("ok"));
  const address = (name: string) => `address: "unix:${join(directory, name)}"`;
  {
    await using fairlead = await start(origin, `${address("a")}, proxy_protocol: { trusted: [10.0.0.0/8] }`);
    using client = await rawClient({ path: join(directory, "a") });
    client.send(Buffer.concat([V1, latin1(GET)]));
    expect((await client.answer()).status).toBe(200);
    expect(origin.requests.at(-1)!.get("x-forwarded-for")).toBe("192.0.2.7");
    expect((await fairlead.log(1))[0]!["client"]).toBe("192.0.2.7");
  }
  {
    await using fairlead = await start(origin, `${address("b")}, trusted_proxies: [10.0.0.0/8]`);
    using client = await rawClient({ path: join(directory, "b") });
    const request = GET.replace("\r\n\r\n", "\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n");
    expect((await client.ask(request)).status).toBe(200);
    expect((await fairlead.log(1))[0]!["client"]).toBe("203.0.113.9");
  }
  rmSync(directory, { recursive: true });
});

test("H-E22 limits per address count the client of the header", async () => {
  using origin = await rawOrigin(() => answerText("ok"));
  await using fairlead = await start(origin, LISTENER, "", "limits: { connections_per_ip: 1 }");
  using first = await withHeader(fairlead.port(), V1, GET);
  expect((await first.answer()).status).toBe(200);
  using second = await withHeader(fairlead.port(), V1, GET);
  await second.end();
  using other = await withHeader(fairlead.port(), V2, GET);
  expect((await other.answer()).status).toBe(200);
  first.close();
  await until(() => fairlead.metric("connections_open") === 1, "the first connection is gone");
  using third = await withHeader(fairlead.port(), V1, GET);
  expect((await third.answer()).status).toBe(200);
});

/** An origin that reads a PROXY header before the first request of each connection. */
async function proxiedOrigin() {
  const headers: Buffer[] = [];
  const origin = await rawOrigin(() => {}, {
    onData(connection, bytes) {
      const known = Buffer.concat([connection.received, bytes]);
      connection.received = known;
      const header = connection.everything.length === known.length ? readProxyHeader(known) : null;
      if (header !== null) {
        headers.push(known.subarray(0, header.length));
        connection.received = known.subarray(header.length);
      }
      const request = readRequest(connection.received);
      if (request === null) return true;
      connection.received = connection.received.subarray(request.raw.length);
      connection.send(answerText("ok"));
      return true;
    },
  });
  return Object.assign(origin, { headers });
}

test("H-E23 backends get a header of the pool's version with the client's addresses", async () => {
  for (const version of ["v1", "v2"] as const) {
    using origin = await proxiedOrigin();
    await using fairlead = await start(origin, `address: "127.0.0.1:0"`, `, proxy_protocol: ${version}`);
    using client = await rawClient(fairlead.port());
    for (let round = 0; round < 2; round++) expect((await client.ask(GET)).status).toBe(200);
    const { localPort } = client.socket;
    const expected = writeProxyHeader(version, "127.0.0.1", localPort!, "127.0.0.1", fairlead.port());
    expect(origin.headers.map((bytes) => bytes.toString("hex"))).toEqual([
      Buffer.from(expected).toString("hex"),
    ]);
    expect((await askOnce(fairlead.port(), GET)).status).toBe(200);
    // A connection that told of one client serves no other.
    expect(origin.headers.length).toBe(2);
  }
});

test("H-E23 IPv6 clients, clients of a unix socket, and those that a header tells of", async () => {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-proxy-"));
  const path = join(directory, "web");
  for (const version of ["v1", "v2"] as const) {
    using origin = await proxiedOrigin();
    const pool = `, proxy_protocol: ${version}`;
    {
      await using fairlead = await start(origin, `address: "[::1]:0"`, pool);
      using client = await rawClient({ host: "::1", port: fairlead.port() });
      expect((await client.ask(GET)).status).toBe(200);
      expect(readProxyHeader(origin.headers[0]!)!.addresses).toEqual({
        family: "ip",
        source: "::1",
        sourcePort: client.socket.localPort!,
        destination: "::1",
        destinationPort: fairlead.port(),
      });
    }
    {
      await using fairlead = await start(origin, `address: "unix:${path}"`, pool);
      using client = await rawClient({ path });
      expect((await client.ask(GET)).status).toBe(200);
      expect(fairlead.directory).not.toBe("");
      const header = origin.headers[1]!;
      if (version === "v1") expect(header.toString()).toBe("PROXY UNKNOWN\r\n");
      else expect(header.subarray(12, 16).toString("hex")).toBe("213100d8");
    }
    {
      await using fairlead = await start(origin, LISTENER, pool);
      using client = await withHeader(fairlead.port(), V1, GET);
      expect((await client.answer()).status).toBe(200);
      expect(readProxyHeader(origin.headers[2]!)!.addresses).toEqual(readProxyHeader(V1)!.addresses);
    }
  }
  rmSync(directory, { recursive: true });
});

test("H-E23 the header goes before TLS", async () => {
  const tls = createTlsServer({ cert: FILES["a.crt"]!, key: FILES["a.key"]! }, (socket) => {
    socket.on("error", () => {}).on("data", () => socket.write(answerText("secured")));
  });
  await new Promise<void>((done) => tls.listen(0, "127.0.0.1", done));
  const headers: string[] = [];
  using front = await rawOrigin(() => {}, {
    onData(connection, bytes) {
      if (connection.everything.length > bytes.length) return true;
      const header = readProxyHeader(bytes);
      headers.push(header?.addresses?.source ?? "none");
      const far = connectTcp((tls.address() as AddressInfo).port, "127.0.0.1");
      far.on("error", () => {}).write(bytes.subarray(header?.length ?? 0));
      connection.socket.pipe(far).pipe(connection.socket);
      return true;
    },
  });
  const url = `https://127.0.0.1:${front.port}`;
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${url}" }], proxy_protocol: v2, tls: { ca: ca.crt, server_name: a.test } } }\nroutes: [{ pool: app }]`,
    { files: FILES },
  );
  const answer = await askOnce(fairlead.port(), GET);
  expect([answer.status, answer.body.toString(), headers]).toEqual([200, "secured", ["127.0.0.1"]]);
  tls.close();
});
