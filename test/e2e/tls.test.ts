/** TLS through the whole program: certificates by name, client certificates, renewal, timeouts, TLS to backends. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type TLSSocket } from "node:tls";
import { issueCertificate } from "../../src/platform/issue_certificate.ts";
import { testFiles, testPeople } from "../../src/platform/test_tls.ts";
import { startFairlead, until, type Fairlead } from "../support/fairlead.ts";
import { rawClient, tlsClient, type Answer } from "../support/raw_client.ts";
import { answerText, rawOrigin } from "../support/raw_origin.ts";
import { requireTool } from "../support/require.ts";
import { runFairlead } from "./processes_program.ts";

/** `a.crt`, `a.key`, `ca.crt` and so on, beside the configuration. */
const FILES = Object.fromEntries(Object.entries(testFiles()).map(([path, text]) => [path.slice(1), text]));
const { a, client, foreignClient } = testPeople();
const A = "{ cert: a.crt, key: a.key }";
const B = "{ cert: b.crt, key: b.key }";

/** `tls` is what stands in the listener's section. */
function start(tls: string, more = "", files: Record<string, string> = FILES): Promise<Fairlead> {
  const route = more.includes("routes:") ? "" : "routes: [{ respond: { status: 200, body: hello } }]";
  const listener = `listeners: { web: { address: "127.0.0.1:0", tls: { ${tls} } } }`;
  return startFairlead(`${listener}\n${route}\n${more}`, { files });
}

const GET = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";

interface Visit {
  /** Common name of the certificate, or the code of the error. */
  readonly name: string;
  /** Status of the answer, or what happened instead. */
  readonly outcome: number | string;
}

/** Connects, asks once. */
async function visit(port: number, options: Parameters<typeof tlsClient>[1], request = GET): Promise<Visit> {
  try {
    using connection = await tlsClient(port, options);
    const name = String((connection.socket as TLSSocket).getPeerCertificate().subject.CN);
    try {
      return { name, outcome: (await connection.ask(request)).status };
    } catch {
      return { name, outcome: "closed" };
    }
  } catch (error) {
    return { name: (error as { code?: string }).code ?? "", outcome: "no handshake" };
  }
}

test("a request over TLS: answer, forwarding fields, log line, keep-alive, counters", async () => {
  using origin = await rawOrigin(() => answerText("ok"));
  await using fairlead = await start(
    `certificates: [${A}, ${B}]`,
    `pools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ pool: app }]`,
  );
  using connection = await tlsClient(fairlead.port(), { servername: "b.test", ALPNProtocols: ["http/1.1"] });
  for (let round = 0; round < 3; round++) expect((await connection.ask(GET)).body.toString()).toBe("ok");
  const [received] = origin.requests;
  expect(received!.get("x-forwarded-proto")).toBe("https");
  expect(received!.get("x-forwarded-port")).toBe(String(fairlead.port()));
  expect(received!.get("x-forwarded-for")).toBe("127.0.0.1");
  expect((await fairlead.log(3)).map((line) => [line["client"], line["tls"]])).toEqual(
    Array.from({ length: 3 }, () => ["127.0.0.1", "1.3"]),
  );
  expect(fairlead.metric("tls_handshakes_total")).toBe(1);
  expect(fairlead.metric("connections_open")).toBe(1);
  connection.close();
  await until(() => fairlead.metric("connections_open") === 0, "the connection is counted out");
});

test("H-F25 names in any case, one label for a wildcard, else the default certificate", async () => {
  await using fairlead = await start(`certificates: [${B}, ${A}]`);
  for (const [servername, name] of [
    ["a.test", "a.test"],
    ["A.TEST", "a.test"],
    ["q.W.test", "a.test"],
    ["q.q.w.test", "b.test"],
    ["w.test", "b.test"],
    ["unknown.test", "b.test"],
    ["", "b.test"],
  ] as const)
    expect([servername, await visit(fairlead.port(), { servername })]).toEqual([
      servername,
      { name, outcome: 200 },
    ]);
});

test("H-F17 an unknown name gets the default certificate, with strict_sni the alert unrecognized_name", async () => {
  {
    await using fairlead = await start(`certificates: [${A}]`);
    expect(await visit(fairlead.port(), { servername: "unknown.test" })).toEqual({
      name: "a.test",
      outcome: 200,
    });
  }
  await using fairlead = await start(`strict_sni: true, certificates: [${A}]`);
  expect(await visit(fairlead.port(), { servername: "a.test" })).toEqual({ name: "a.test", outcome: 200 });
  for (const servername of ["unknown.test", ""])
    expect(await visit(fairlead.port(), { servername })).toEqual({
      name: "ERR_SSL_TLSV1_ALERT_UNRECOGNIZED_NAME",
      outcome: "no handshake",
    });
  expect(fairlead.metric("tls_handshake_failures_total")).toBe(2);
  await until(() => fairlead.metric("connections_open") === 0, "refused connections are counted out");
});

const CLIENTS = { none: {}, known: pem(client), other: pem(foreignClient) };
const RULES = {
  none: ["none", "known", "other"],
  request: ["none", "known", "other"],
  require_any: ["known", "other"],
  verify_if_given: ["none", "known"],
  require_and_verify: ["known"],
} as const;

for (const [rule, welcome] of Object.entries(RULES))
  test(`H-F18 client_auth ${rule}: ${welcome.join(", ")} may come in`, async () => {
    const settings = `client_auth: ${rule}${rule.includes("verify") ? ", client_ca: ca.crt" : ""}`;
    await using everywhere = await start(`${settings}, certificates: [${A}]`);
    await using forOne = await start(`certificates: [${A}, { cert: b.crt, key: b.key, ${settings} }]`);
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      for (const [kind, certificate] of Object.entries(CLIENTS)) {
        const expected = (welcome as readonly string[]).includes(kind);
        const common = { maxVersion, ...certificate };
        const forB = GET.replace("a.test", "b.test");
        const seen = [
          (await visit(everywhere.port(), { servername: "a.test", ...common })).outcome === 200,
          (await visit(forOne.port(), { servername: "b.test", ...common }, forB)).outcome === 200,
          (await visit(forOne.port(), { servername: "a.test", ...common })).outcome === 200,
        ];
        expect([kind, maxVersion, ...seen]).toEqual([kind, maxVersion, expected, expected, true]);
      }
    }
  });

test("H-A16 a connection made under one rule for client certificates carries no request for a host under another", async () => {
  await using fairlead = await start(
    `certificates: [${A}, { cert: b.crt, key: b.key, client_auth: require_and_verify, client_ca: ca.crt }]`,
  );
  const ask = (host: string) => `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  using plain = await tlsClient(fairlead.port(), { servername: "a.test" });
  expect((await plain.ask(ask("a.test"))).status).toBe(200);
  expect((await plain.ask(ask("b.test"))).status).toBe(421);
  expect((await plain.ask(ask("B.test:8443"))).status).toBe(421);
  expect((await plain.ask(ask("a.test"))).status).toBe(200);
  using known = await tlsClient(fairlead.port(), { servername: "b.test", ...pem(client) });
  expect((await known.ask(ask("b.test"))).status).toBe(200);
  expect((await known.ask(ask("a.test"))).status).toBe(421);
  await using loose = await start(`certificates: [${A}, ${B}]`);
  using connection = await tlsClient(loose.port(), { servername: "a.test" });
  expect((await connection.ask(ask("b.test"))).status).toBe(200);
});

test("H-F19 renewed files are served within a second, the default certificate too, and no handshake fails", async () => {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-tls-"));
  const write = (name: string, { cert, key }: { cert: string; key: string }) => {
    writeFileSync(join(directory, `${name}.crt`), cert);
    writeFileSync(join(directory, `${name}.key`), key, { mode: 0o600 });
  };
  const { a: first, b: second } = testPeople();
  write("a", first);
  write("b", second);
  const [forA, forB] = ["a", "b"].map(
    (name) => `{ cert: ${directory}/${name}.crt, key: ${directory}/${name}.key }`,
  );
  await using fairlead = await runFairlead(
    `workers: 2\nlisteners: { web: { address: "127.0.0.1:0", tls: { certificates: [${forA}, ${forB}] } } }\nroutes: [{ respond: { status: 200, body: hello } }]`,
  );
  let going = true;
  const failures: Visit[] = [];
  let visits = 0;
  const load = ["a.test", "b.test", ""].map(async (servername) => {
    while (going) {
      const seen = await visit(fairlead.port(), { servername });
      visits++;
      if (seen.outcome !== 200) failures.push(seen);
    }
  });
  for (const [name, servername] of [
    ["a", ""],
    ["b", "b.test"],
    ["a", "a.test"],
  ] as const) {
    const commonName = `renewed for ${servername || "nobody"}`;
    write(name, issueCertificate({ commonName, names: [`${name}.test`] }));
    const written = performance.now();
    // Many times in turn: both workers serve it.
    for (let inTurn = 0; inTurn < 16;) {
      const seen = await visit(fairlead.port(), { servername });
      if (seen.outcome !== 200) failures.push(seen);
      inTurn = seen.name === commonName ? inTurn + 1 : 0;
      if (inTurn === 0) expect(performance.now() - written).toBeLessThan(1_000);
    }
  }
  going = false;
  await Promise.all(load);
  rmSync(directory, { recursive: true });
  expect(failures).toEqual([]);
  expect(visits).toBeGreaterThan(10);
});

test("sessions outlive a reload that keeps the certificate", async () => {
  const yaml = (body: string) =>
    `listeners: { web: { address: "127.0.0.1:0", tls: { certificates: [${A}] } } }\nroutes: [{ respond: { status: 200, body: ${body} } }]`;
  await using fairlead = await startFairlead(yaml("one"), { files: FILES });
  let session: Buffer | null = null;
  using first = await tlsClient(fairlead.port(), { servername: "a.test" });
  first.socket.on("session", (ticket: Buffer) => (session = ticket));
  expect((await first.ask(GET)).body.toString()).toBe("one");
  await until(() => session !== null, "a session ticket");
  expect(await fairlead.reload(yaml("two"))).toMatchObject({ ok: true });
  using second = await tlsClient(fairlead.port(), { servername: "a.test", session: session! });
  expect((second.socket as TLSSocket).isSessionReused()).toBe(true);
  expect((await second.ask(GET)).body.toString()).toBe("two");
});

test("files that do not fit are refused with their names, and what ran goes on", async () => {
  const yaml = (key: string) =>
    `listeners: { web: { address: "127.0.0.1:0", tls: { certificates: [{ cert: a.crt, key: ${key} }] } } }\nroutes: [{ respond: { status: 200, body: hello } }]`;
  await using fairlead = await startFairlead(yaml("a.key"), { files: FILES });
  const result = await fairlead.reload(yaml("b.key"));
  expect(result.ok).toBe(false);
  expect(JSON.stringify(result)).toMatch(/b\.key is not the key of the certificate of CN=a\.test/);
  expect(await visit(fairlead.port(), { servername: "a.test" })).toEqual({ name: "a.test", outcome: 200 });
});

test("H-F22 a handshake that stands still is cut at its timeout, and other connections are not", async () => {
  await using fairlead = await start(`certificates: [${A}]`, "timeouts: { tls_handshake: 300ms }");
  using idle = await tlsClient(fairlead.port(), { servername: "a.test" });
  const began = performance.now();
  const closed = await Promise.all(
    [new Uint8Array(0), Uint8Array.of(22, 3, 1, 0, 200, 1)].map(async (bytes) => {
      const socket = connect(fairlead.port(), "127.0.0.1");
      socket.on("error", () => {}).resume();
      if (bytes.length > 0) socket.write(bytes);
      await new Promise<void>((done) => socket.once("close", () => done()));
      return performance.now() - began;
    }),
  );
  for (const after of closed) expect(after).toBeGreaterThan(250);
  expect((await idle.ask(GET)).status).toBe(200);
  expect(fairlead.metric("tls_handshake_failures_total")).toBe(2);
  await until(() => fairlead.metric("connections_open") === 1, "what was cut is counted out");
});

test("large bodies go both ways over TLS byte for byte", async () => {
  const body = Buffer.alloc(5_000_000);
  for (let index = 0; index < body.length; index++) body[index] = (index * 7 + (index >> 8)) & 255;
  using origin = await rawOrigin(({ body: sent }) =>
    Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${sent.length}\r\n\r\n`), sent]),
  );
  await using fairlead = await start(
    `certificates: [${A}]`,
    `pools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ pool: app }]`,
  );
  using connection = await tlsClient(fairlead.port(), { servername: "a.test" });
  connection.send(`POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${body.length}\r\n\r\n`);
  connection.send(body);
  const answer: Answer = await connection.answer({ timeoutMs: 20_000 });
  expect([answer.body.length, answer.body.equals(body)]).toEqual([body.length, true]);
}, 30_000);

test("a connection that we end is closed in order though the client stays", async () => {
  await using fairlead = await start(`certificates: [${A}]`);
  using connection = await tlsClient(fairlead.port(), { servername: "a.test", allowHalfOpen: true } as never);
  expect((await connection.ask("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")).status).toBe(
    200,
  );
  await connection.end();
  expect(connection.reset).toBe(false);
  await until(() => fairlead.metric("connections_open") === 0, "the connection is gone at once");
});

const noOpenssl = requireTool("openssl");

test.skipIf(noOpenssl !== null)(
  "OpenSSL's client: both versions, resumption, chain, verification",
  async () => {
    await using fairlead = await start(`certificates: [${A}, ${B}]`);
    const run = async (...args: string[]): Promise<string> => {
      const command = [
        "openssl",
        "s_client",
        "-connect",
        `127.0.0.1:${fairlead.port()}`,
        "-servername",
        "b.test",
      ];
      const child = Bun.spawn([...command, "-CAfile", "ca.crt", "-ign_eof", ...args], {
        cwd: fairlead.directory,
        stdin: Buffer.from("GET / HTTP/1.1\r\nHost: b.test\r\nConnection: close\r\n\r\n"),
        stdout: "pipe",
        stderr: "ignore",
      });
      return await new Response(child.stdout).text();
    };
    for (const version of ["-tls1_2", "-tls1_3"]) {
      const first = await run(version, "-sess_out", "session.pem");
      expect(first).toContain("Verify return code: 0 (ok)");
      expect(first).toMatch(/^New, TLSv1/m);
      expect(first).toContain("HTTP/1.1 200");
      const second = await run(version, "-sess_in", "session.pem");
      expect(second).toMatch(/^Reused, TLSv1/m);
      expect(second).toContain("HTTP/1.1 200");
    }
  },
);

/** A backend with TLS that answers each request with the name it was asked for and the client's certificate. */
async function tlsBackend(certificate: { cert: string; key: string }) {
  const sockets: TLSSocket[] = [];
  const options = { ...pem(certificate), ca: FILES["ca.crt"]!, requestCert: true, rejectUnauthorized: false };
  const server = createServer(options, (socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    const peer = socket.getPeerCertificate().subject as { CN?: string } | undefined;
    const text = `name ${socket.servername || "none"}, client ${peer?.CN ?? "none"}`;
    socket.on("data", () => socket.write(answerText(text)));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    [Symbol.dispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

test("TLS to backends: own authority, server name, client certificate, verification", async () => {
  using backend = await tlsBackend(a);
  const ask = async (tls: string): Promise<string> => {
    const pool = `pools: { app: { retries: { attempts: 0 }, backends: [{ url: "https://127.0.0.1:${backend.port}" }], tls: { ${tls} } } }`;
    await using fairlead = await startFairlead(`${pool}\nroutes: [{ pool: app }]`, { files: FILES });
    using connection = await rawClient(fairlead.port());
    const answers = [await connection.ask(GET), await connection.ask(GET)];
    expect(answers[0]!.status).toBe(answers[1]!.status);
    return answers[1]!.status === 200 ? answers[1]!.body.toString() : String(answers[1]!.status);
  };
  expect(await ask("ca: ca.crt, server_name: a.test")).toBe("name a.test, client none");
  expect(backend.sockets.length).toBe(1);
  expect(await ask("ca: ca.crt, server_name: a.test, cert: client.crt, key: client.key")).toBe(
    "name a.test, client client",
  );
  expect(await ask("ca: ca.crt")).toBe("502");
  expect(await ask("ca: ca.crt, server_name: c.test")).toBe("502");
  expect(await ask("ca: stranger.crt, server_name: a.test")).toBe("502");
  expect(await ask("server_name: a.test")).toBe("502");
  expect(await ask("verify: false")).toBe("name none, client none");
});

function pem({ cert, key }: { cert: string; key: string }): { cert: string; key: string } {
  return { cert, key };
}
