import { afterAll, expect, test } from "bun:test";
import { socketAddress } from "../platform/socket_address.ts";
import type { ProbeResult } from "./contract.ts";
import { http } from "./http.ts";
import { tcp } from "./tcp.ts";
import {
  answering,
  backend,
  certificate,
  checkOnce,
  openDescriptors,
  targetOf,
  testDirectory,
  until,
  type TestBackend,
  type TestCertificate,
} from "./test_backend.ts";

const directory = testDirectory();
afterAll(() => directory[Symbol.dispose]());
const own = certificate(directory, "web.test");
const client = certificate(directory, "client.test");
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** The backend is reached by TLS under its name, as the plan says; the address is that of `server`. */
const secureTarget = (server: TestBackend, settings: Parameters<typeof targetOf>[1] = {}) =>
  targetOf({ kind: "tcp", host: "web.test", port: server.port }, { tls: true, ...settings });
const pool = { ca: own.certPath, cert: null, key: null, server_name: null, verify: true };

test("H-H5/tls: the pool's settings hold, and the probe's own ones come before them", async () => {
  using server = answering(OK, { tls: { cert: own.cert, key: own.key } });
  const { endpoint } = server;
  const check = (options: object, settings: Parameters<typeof targetOf>[1] = {}) =>
    checkOnce(http, options, secureTarget(server, settings), { endpoint });
  expect(await check({}, { pool_tls: pool })).toEqual({ healthy: true, reason: "status 200" });
  expect(server.received[0]).toContain(`\r\nHost: web.test:${server.port}\r\n`);
  expect(await check({})).toEqual({
    healthy: false,
    reason: "the TLS handshake failed (DEPTH_ZERO_SELF_SIGNED_CERT)",
  });
  expect((await check({}, { pool_tls: { ...pool, verify: false, ca: null } })).healthy).toBe(true);
  expect((await check({ tls: { verify: false } })).healthy).toBe(true);
  expect((await check({ tls: { ca: own.certPath } })).healthy).toBe(true);
  expect((await check({ tls: { ca: own.certPath, server_name: "web.test" } }, { endpoint })).healthy).toBe(
    true,
  );
  expect(await check({ tls: { server_name: "other.test" } }, { pool_tls: pool })).toEqual({
    healthy: false,
    reason: "the TLS handshake failed (ERR_TLS_CERT_ALTNAME_INVALID)",
  });
  expect((await check({ tls: true }, { tls: false, pool_tls: pool })).healthy).toBe(true);
  expect((await check({ tls: false }, { pool_tls: pool })).healthy).toBe(false);
  expect(
    (await checkOnce(tcp, { tls: { ca: own.certPath } }, secureTarget(server), { endpoint })).reason,
  ).toBe("connected");
});

test("H-H5/tls: a client certificate is shown", async () => {
  using server = answering(OK, {
    tls: { cert: own.cert, key: own.key, ca: client.cert, requestCert: true, rejectUnauthorized: true },
  });
  const { endpoint } = server;
  const shown = { tls: { cert: client.certPath, key: client.keyPath } };
  expect((await checkOnce(http, shown, secureTarget(server, { pool_tls: pool }), { endpoint })).healthy).toBe(
    true,
  );
  expect((await checkOnce(http, {}, secureTarget(server, { pool_tls: pool }), { endpoint })).healthy).toBe(
    false,
  );
});

/** A backend with the certificate `shown` that notes which name each connection asked for, and if it was resumed. */
function noting(shown: TestCertificate) {
  const names: string[] = [];
  const resumed: boolean[] = [];
  const server = answering(
    (_, socket) => {
      names.push(socket.getServername() || "");
      resumed.push((socket as unknown as Bun.TLSSocket).isSessionReused());
      return OK;
    },
    { tls: { cert: shown.cert, key: shown.key } },
  );
  return { server, names, resumed, [Symbol.dispose]: () => server[Symbol.dispose]() };
}

test("H-H5/tls: an address is looked for in the certificate and not sent as a name", async () => {
  const header = "PROXY UNKNOWN\r\n";
  const right = certificate(directory, "127.0.0.1");
  const wrong = certificate(directory, "127.0.0.2");
  for (const proxy_protocol of ["none", "v1"] as const) {
    const judge = async (shown: TestCertificate, fields: object = {}, options: object = {}) => {
      using noted = noting(shown);
      using outer = behindHeader(noted.server, header.length, []);
      const { endpoint } = proxy_protocol === "none" ? noted.server : outer;
      const pool_tls = { ...pool, ca: shown.certPath, ...fields };
      const found = await checkOnce(
        http,
        options,
        targetOf(endpoint, { tls: true, pool_tls, proxy_protocol }),
      );
      return [found.reason, ...noted.names];
    };
    const refusal = "the TLS handshake failed (ERR_TLS_CERT_ALTNAME_INVALID)";
    expect(await judge(right)).toEqual(["status 200", ""]);
    expect(await judge(wrong)).toEqual([refusal]);
    expect(await judge(own)).toEqual([refusal]);
    expect(await judge(right, { ca: own.certPath })).toEqual([
      "the TLS handshake failed (DEPTH_ZERO_SELF_SIGNED_CERT)",
    ]);
    expect(await judge(wrong, { verify: false })).toEqual(["status 200", ""]);
    expect(await judge(wrong, {}, { tls: { verify: false } })).toEqual(["status 200", ""]);
    expect(await judge(own, { server_name: "web.test" })).toEqual(["status 200", "web.test"]);
    expect(await judge(own, {}, { tls: { server_name: "web.test" } })).toEqual(["status 200", "web.test"]);
  }
});

test("H-H5/tls: every run of a check sees the certificate, none resumes a session", async () => {
  using noted = noting(own);
  const options = http.schema.parse({});
  const check = http.create(options, secureTarget(noted.server, { pool_tls: pool }));
  const address = socketAddress(noted.server.endpoint);
  for (let round = 0; round < 3; round++) {
    const { healthy } = await new Promise<ProbeResult>((done) => void check.start(address, done));
    expect(healthy).toBe(true);
  }
  expect(noted.resumed).toEqual([false, false, false]);
});

test("H-H5/tls: files that cannot be used are named when the check is made", () => {
  const target = targetOf({ kind: "tcp", host: "web.test", port: 1 }, { tls: true, pool_tls: pool });
  const create = (tls: object) => () => tcp.create(tcp.schema.parse({ tls }), target);
  expect(create({ ca: own.keyPath })).toThrow(`${own.keyPath} holds no certificate`);
  expect(create({ cert: own.certPath, key: client.keyPath })).toThrow(`${client.keyPath} is not the key`);
  expect(create({ cert: client.certPath, key: client.keyPath })).not.toThrow();
});

test("H-H6/tls a peer that says nothing, no TLS, or breaks off during the handshake", async () => {
  const before = openDescriptors();
  const cases = [
    [backend({}), /^timeout$/],
    [backend({ data: (socket) => void socket.write("220 hello\r\n") }), /^the TLS handshake failed/],
    [backend({ data: (socket) => void socket.end() }), /^the TLS|no connection|lost|closed/],
  ] as const;
  for (const [server, reason] of cases) {
    for (const proxy_protocol of ["none", "v2"] as const) {
      const target = secureTarget(server, { pool_tls: pool, proxy_protocol });
      const result = await checkOnce(http, {}, target, { endpoint: server.endpoint, timeoutMs: 100 });
      expect([result.healthy, result.reason]).toEqual([false, expect.stringMatching(reason)]);
      await until("the backend sees the end", () => server.open === 0);
    }
    server[Symbol.dispose]();
  }
  await until("descriptors are back", () => openDescriptors() <= before);
});

/** Takes the first bytes off each connection, and passes the rest to and fro. */
function behindHeader(server: TestBackend, headerBytes: number, headers: string[]): TestBackend {
  const outer = backend({
    async open(socket) {
      const inner = await Bun.connect({
        hostname: "127.0.0.1",
        port: server.port,
        socket: {
          data: (_, bytes) => void socket.write(bytes),
          close: () => void socket.end(),
        },
      });
      socket.data = Object.assign(socket.data, { inner });
    },
    async data(socket, received) {
      await until("the inner connection stands", () => "inner" in socket.data);
      const { inner, sent = 0 } = socket.data as never as { inner: Bun.Socket; sent?: number };
      if (sent === 0) headers.push(received.slice(0, headerBytes));
      const from = Math.max(sent, headerBytes);
      Object.assign(socket.data, { sent: received.length });
      inner.write(Buffer.from(received.slice(from), "latin1"));
    },
    end(socket) {
      (socket.data as never as { inner?: Bun.Socket }).inner?.end();
    },
  });
  return outer;
}

test("a backend that expects a PROXY header gets one that names no client, before TLS too", async () => {
  const cases = [
    ["v1", "PROXY UNKNOWN\r\n"],
    ["v2", "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"],
  ] as const;
  for (const [proxy_protocol, header] of cases) {
    using plain = answering(OK);
    using secure = answering(OK, { tls: { cert: own.cert, key: own.key } });
    for (const server of [plain, secure]) {
      const headers: string[] = [];
      using outer = behindHeader(server, header.length, headers);
      const tls = server === secure;
      const target = secureTarget(server, { tls, pool_tls: tls ? pool : null, proxy_protocol });
      const options = { expect_body: "ok" };
      expect(await checkOnce(http, options, target, { endpoint: outer.endpoint })).toEqual({
        healthy: true,
        reason: "status 200",
      });
      expect(headers).toEqual([header]);
      const wrong = { ...target, pool_tls: { ...pool, server_name: "other.test" } };
      if (tls)
        expect(await checkOnce(http, options, wrong, { endpoint: outer.endpoint })).toEqual({
          healthy: false,
          reason: "the TLS handshake failed (ERR_TLS_CERT_ALTNAME_INVALID)",
        });
    }
  }
});
