import { afterAll, expect, test } from "bun:test";
import { createServer, type Server, type TLSSocket, type TlsOptions } from "node:tls";
import { connect as connectTcp, createServer as createTcpServer, type AddressInfo } from "node:net";
import type { UpstreamTlsPlan } from "../core/plan.ts";
import { Attempt, createConnector, TLS_FAILED, type ClientTlsOptions } from "./connect.ts";
import { issueCertificate } from "./issue_certificate.ts";
import { socketAddress } from "./socket_address.ts";
import { testFiles, testPeople } from "./test_tls.ts";
import { prepareUpstreamTls, upstreamTlsProblem } from "./tls_upstream.ts";

const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) server.close();
});

/** A backend that sends a byte and notes who came. */
async function backend(options: TlsOptions): Promise<{ port: number; seen: TLSSocket[]; reused: boolean[] }> {
  const seen: TLSSocket[] = [];
  const reused: boolean[] = [];
  const server = createServer({ ...options, requestCert: true, rejectUnauthorized: false }, (socket) => {
    seen.push(socket);
    reused.push(socket.isSessionReused());
    socket.on("error", () => {}).on("data", () => {});
    socket.write("x");
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return { port: (server.address() as AddressInfo).port, seen, reused };
}

class Try extends Attempt {
  readonly done: (result: string) => void;

  constructor(done: (result: string) => void) {
    super();
    this.done = done;
  }
}

const connector = createConnector<Try>({
  connected() {},
  failed: (attempt, code, reason) => attempt.done(code === TLS_FAILED ? reason : String(code)),
  // Session tickets come about when the first byte does.
  data: (attempt) => void setTimeout(() => attempt.done("connected"), 5),
  drain() {},
  end() {},
  closed: (attempt) => attempt.done("closed"),
});

function connect(
  port: number,
  tls: ClientTlsOptions | null,
  prelude: Uint8Array | null = null,
): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const attempt: Try = new Try((result) => {
    connector.cancel(attempt);
    resolve(result);
  });
  connector.connect(socketAddress({ kind: "tcp", host: "127.0.0.1", port }), attempt, tls, prelude);
  return promise;
}

const PLAN: UpstreamTlsPlan = { ca: "/ca.crt", cert: null, key: null, server_name: null, verify: true };
const { a, authority, client, stranger } = testPeople();
const prepare = (fields: Partial<UpstreamTlsPlan> = {}, host = "a.test", files = testFiles()) =>
  prepareUpstreamTls({ ...PLAN, ...fields }, host, files);

test("a backend is verified by the pool's authority and its name", async () => {
  const { port, seen } = await backend(a);
  expect(await connect(port, prepare())).toBe("connected");
  expect(seen[0]!.servername).toBe("a.test");
  expect(await connect(port, prepare({ server_name: "q.w.test" }, "10.0.0.1"))).toBe("connected");
  expect(seen[1]!.servername).toBe("q.w.test");
  expect(await connect(port, prepare({}, "c.test"))).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
  expect(await connect(port, prepare({ ca: "/stranger.crt" }))).toBe("SELF_SIGNED_CERT_IN_CHAIN");
  expect(await connect(port, prepareUpstreamTls(null, "a.test", {}))).toBe("SELF_SIGNED_CERT_IN_CHAIN");
  expect(await connect(port, prepare({ verify: false, ca: null }, "c.test"))).toBe("connected");
});

test("an address is verified and not sent as a name", async () => {
  const right = await backend(issueCertificate({ commonName: "x", names: ["127.0.0.1"], issuer: authority }));
  const options = prepare({}, "127.0.0.1");
  for (let round = 0; round < 3; round++) expect(await connect(right.port, options)).toBe("connected");
  expect(right.reused).toEqual([false, true, true]);
  expect(right.seen[0]!.servername || "").toBe("");
  const wrong = await backend(issueCertificate({ commonName: "x", names: ["127.0.0.2"], issuer: authority }));
  expect(await connect(wrong.port, prepare({}, "127.0.0.1"))).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
  const foreign = await backend(
    issueCertificate({ commonName: "x", names: ["127.0.0.1"], issuer: stranger }),
  );
  expect(await connect(foreign.port, prepare({}, "127.0.0.1"))).toBe("SELF_SIGNED_CERT_IN_CHAIN");
  const both = await backend(issueCertificate({ commonName: "x", names: ["127.0.0.2"], issuer: stranger }));
  expect(await connect(both.port, prepare({}, "127.0.0.1"))).toBe("SELF_SIGNED_CERT_IN_CHAIN");
  expect(await connect(both.port, prepare({ verify: false }, "127.0.0.1"))).toBe("connected");
  const named = await backend(a);
  expect(await connect(named.port, prepare({}, "127.0.0.1"))).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
  const plain = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: (socket) => socket.terminate() },
  });
  expect(await connect(plain.port, prepare({}, "127.0.0.1"))).toBe("104");
  plain.stop(true);
});

test("our certificate is shown", async () => {
  const { port, seen } = await backend({ ...a, ca: authority.cert });
  expect(await connect(port, prepare({ cert: "/client.crt", key: "/client.key" }))).toBe("connected");
  expect(seen[0]!.getPeerCertificate().subject as unknown).toMatchObject({ CN: "client" });
  expect(client.commonName).toBe("client");
});

test("the next connection resumes the session, and one that is not verified leaves none", async () => {
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    const { port, reused } = await backend({ ...a, maxVersion });
    const options = prepare();
    for (let round = 0; round < 3; round++) expect(await connect(port, options)).toBe("connected");
    expect([maxVersion, reused]).toEqual([maxVersion, [false, true, true]]);
    const wrong = prepare({}, "c.test");
    for (let round = 0; round < 2; round++)
      expect(await connect(port, wrong)).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
    expect(wrong.session).toBeNull();
  }
});

test("H-E23/connector a prelude goes before TLS, and before the first byte of a plain connection", async () => {
  const { port, seen } = await backend({ ...a, ca: authority.cert });
  const prelude = new TextEncoder().encode("PROXY UNKNOWN\r\n");
  let first = "";
  let cut = false;
  // Takes the prelude off, as a backend that expects it does.
  const front = createTcpServer((near) => {
    near.once("data", (bytes: Buffer) => {
      first = bytes.subarray(0, prelude.length).toString();
      if (cut) return near.destroy();
      const far = connectTcp(port, "127.0.0.1");
      far.write(bytes.subarray(prelude.length));
      near.pipe(far).on("error", () => {});
      return far.pipe(near).on("error", () => {});
    });
  });
  await new Promise<void>((done) => front.listen(0, "127.0.0.1", done));
  const { port: frontPort } = front.address() as AddressInfo;
  const options = prepare({ cert: "/client.crt", key: "/client.key" });
  for (let round = 0; round < 2; round++)
    expect(await connect(frontPort, options, prelude)).toBe("connected");
  expect([first, seen.length, seen[0]!.servername]).toEqual(["PROXY UNKNOWN\r\n", 2, "a.test"]);
  expect(seen[0]!.getPeerCertificate().subject as unknown).toMatchObject({ CN: "client" });
  expect(await connect(frontPort, prepare({}, "c.test"), prelude)).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
  cut = true;
  expect(await connect(frontPort, options, prelude)).toMatch(/^(104|ECONNRESET)$/);
  front.close();
  const plain = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket, bytes) {
        first = bytes.toString();
        socket.write("x");
      },
    },
  });
  expect(await connect(plain.port, null, prelude)).toBe("connected");
  expect(first).toBe("PROXY UNKNOWN\r\n");
  plain.stop(true);
  expect(await connect(plain.port, options, prelude)).toBe("111");
  expect(await connect(plain.port, null, prelude)).toBe("111");
});

test("each failure has its words", async () => {
  const expired = issueCertificate({
    commonName: "a.test",
    names: ["a.test"],
    issuer: authority,
    notBefore: 0,
    notAfter: 1,
  });
  expect(upstreamTlsProblem(await connect((await backend(expired)).port, prepare()))).toBe(
    "TLS to the backend failed: its certificate has expired",
  );
  const alone = issueCertificate({ commonName: "a.test", names: ["a.test"] });
  expect(upstreamTlsProblem(await connect((await backend(alone)).port, prepare()))).toBe(
    "TLS to the backend failed: its certificate comes from an unknown authority",
  );
  const plain = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: (socket) => void socket.write("HTTP/1.1 400\r\n") },
  });
  expect(upstreamTlsProblem(await connect(plain.port, prepare()))).toContain("does not speak TLS as we do");
  plain.stop(true);
  expect(upstreamTlsProblem("SOMETHING_NEW")).toBe("TLS to the backend failed: SOMETHING_NEW");
});

test("files that cannot be used are named", () => {
  const files = testFiles();
  expect(() => prepare({ ca: "/missing.crt" })).toThrow("/missing.crt has not been read");
  expect(() => prepare({ ca: "/a.key" })).toThrow("/a.key holds no certificate");
  expect(() => prepare({ cert: "/a.crt", key: "/b.key" })).toThrow("/b.key is not the key");
  expect(() => prepare({ cert: "/a.crt", key: "/a.key" }, "x", { ...files, "/a.key": "x" })).toThrow(
    "/a.key holds no",
  );
});
