/** Reuse, retries, timeouts and limits towards backends (rows of group E). */
import { expect, test } from "bun:test";
import { connect, createServer } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import { ManualClock } from "../../src/platform/clock.ts";
import { closeDescriptor, openListeningSocket, queuedConnections } from "../../src/platform/sockets.ts";
import { testFiles, testPeople } from "../../src/platform/test_tls.ts";
import { pass, startFairlead, until } from "../support/fairlead.ts";
import { askOnce, rawClient, type RawClient } from "../support/raw_client.ts";
import { answerText, rawOrigin, type OriginConnection, type RawOrigin } from "../support/raw_origin.ts";

const GET = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
const post = (body: string) =>
  `POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

const poolOf = (urls: readonly string[], more = "") =>
  `pools: { app: { backends: [${urls.map((url) => `{ url: "${url}" }`).join(", ")}]${more} } }\nroutes: [{ pool: app }]`;

/** A port on which nothing listens. */
async function deadPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** An origin whose kept connections die when the second request comes. */
async function dyingOrigin() {
  const used = new Set<OriginConnection>();
  return await rawOrigin((request, connection) => {
    if (used.has(connection)) {
      connection.socket.destroy();
      return undefined;
    }
    used.add(connection);
    return answerText(`${request.method} ${request.body}`);
  });
}

test("H-E1 a kept connection that dies as a GET is sent costs the client nothing", async () => {
  using origin = await dyingOrigin();
  await using fairlead = await startFairlead(poolOf([origin.url]));
  using client = await rawClient(fairlead.port());
  expect((await client.ask(GET)).status).toBe(200);
  expect((await client.ask(GET)).status).toBe(200);
  expect(origin.connections.length).toBe(2);
  expect(origin.requests.length).toBe(3);
});

test("H-E2 the same with a POST becomes 502, unless the pool retries those too and no body is out", async () => {
  const retried = ", retries: { non_idempotent: true }";
  for (const [retries, body, status] of [
    ["", "two", 502],
    ["", "", 502],
    [retried, "two", 502],
    [retried, "", 200],
  ] as const) {
    using origin = await dyingOrigin();
    await using fairlead = await startFairlead(poolOf([origin.url], retries));
    expect((await askOnce(fairlead.port(), post("one"))).status).toBe(200);
    const second = await askOnce(fairlead.port(), post(body));
    expect([retries, body, second.status]).toEqual([retries, body, status]);
    expect(origin.requests.length).toBe(status === 200 ? 3 : 2);
  }
});

test("H-E3 a refused connection sends any method to the next backend", async () => {
  using origin = await rawOrigin((request) => answerText(`${request.method} ${request.body}`));
  const dead = await deadPort();
  await using fairlead = await startFairlead(
    poolOf([`http://127.0.0.1:${dead}`, origin.url], ", strategy: sequential"),
  );
  for (const method of ["GET", "POST", "PATCH", "DELETE"]) {
    const answer = await askOnce(
      fairlead.port(),
      `${method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc`,
    );
    expect([answer.status, answer.body.toString()]).toEqual([200, `${method} abc`]);
  }
  expect(fairlead.metric("retries_total", 'reason="FL_CONNECT_REFUSED"')).toBe(4);
});

test("H-E4 a retry never takes the same backend while another exists", async () => {
  using first = await rawOrigin(() => answerText("no", 503));
  using second = await rawOrigin(() => answerText("yes"));
  await using fairlead = await startFairlead(
    poolOf([first.url, second.url], ", retries: { on_status: [503], budget: 100% }"),
  );
  for (let index = 0; index < 20; index++)
    expect((await askOnce(fairlead.port(), GET)).body.toString()).toBe("yes");
  expect(first.requests.length).toBeGreaterThan(0);
  expect(second.requests.length).toBe(20);
});

test("H-E5 without budget the first error is the answer, and it is counted", async () => {
  using origin = await rawOrigin(() => answerText("never"));
  const dead = await deadPort();
  await using fairlead = await startFairlead(
    poolOf(
      [`http://127.0.0.1:${dead}`, origin.url],
      ", strategy: sequential, retries: { budget: 0%, budget_min: 0 }",
    ),
  );
  expect((await askOnce(fairlead.port(), GET)).status).toBe(502);
  expect(fairlead.metric("retry_budget_exhausted_total", 'pool="app"')).toBe(1);
  expect(origin.requests.length).toBe(0);
});

test("H-E6 a body that has begun to leave is not sent a second time", async () => {
  using first = await rawOrigin(undefined, {
    onData(connection) {
      if (connection.everything.length > 10_000) connection.resetNow();
      return true;
    },
  });
  using second = await rawOrigin(() => answerText("second"));
  await using fairlead = await startFairlead(
    poolOf(
      [first.url, second.url],
      ", strategy: sequential, retries: { non_idempotent: true, budget: 100% }",
    ),
  );
  using client = await rawClient(fairlead.port());
  client.send(`PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n${"x".repeat(200_000)}`);
  const answer = await client.answer();
  expect(answer.status).toBe(502);
  expect(second.requests.length).toBe(0);
});

test("H-E7 the time of one try and the time of all tries both hold", async () => {
  using first = await rawOrigin(() => undefined);
  using second = await rawOrigin(() => undefined);
  const pool = (timeouts: string) =>
    poolOf(
      [first.url, second.url],
      `, strategy: sequential, retries: { budget: 100% }, timeouts: { ${timeouts} }`,
    );
  await using fairlead = await startFairlead(pool("first_byte: 300ms"));
  const began = performance.now();
  expect((await askOnce(fairlead.port(), GET)).status).toBe(504);
  expect(performance.now() - began).toBeGreaterThanOrEqual(590);
  expect([first.requests.length, second.requests.length]).toEqual([1, 1]);
  await fairlead.reload(pool("first_byte: 300ms, total: 450ms"));
  const again = performance.now();
  expect((await askOnce(fairlead.port(), GET)).status).toBe(504);
  expect(performance.now() - again).toBeGreaterThanOrEqual(440);
  expect([first.requests.length, second.requests.length]).toEqual([2, 2]);
  expect((await fairlead.log(2)).map(({ reason }) => reason)).toEqual([
    "FL_FIRST_BYTE_TIMEOUT",
    "FL_TOTAL_TIMEOUT",
  ]);
});

test("H-E9 each timeout answers 504 with its own reason", async () => {
  using origin = await rawOrigin((request, connection) => {
    if (request.target === "/idle") connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    return undefined;
  });
  const hole = openListeningSocket(
    { kind: "tcp", host: "127.0.0.1", port: 0, dual_stack: false },
    { backlog: 0, reusePort: false, exclusive: false },
  );
  // Nobody accepts there: once its queue is full the kernel answers no SYN.
  const fillers = [connect(hole.port, "127.0.0.1"), connect(hole.port, "127.0.0.1")];
  await until(() => queuedConnections(hole.fd) > 0, "the queue is full");
  await using fairlead = await startFairlead(`pools:
  silent: { backends: [{ url: "${origin.url}" }], timeouts: { first_byte: 150ms, idle_progress: 150ms }, retries: { attempts: 0 } }
  total: { backends: [{ url: "${origin.url}" }], timeouts: { total: 150ms } }
  hole: { backends: [{ url: "http://127.0.0.1:${hole.port}" }], timeouts: { connect: 150ms }, retries: { attempts: 0 } }
routes:
  - { match: "Path(\`/total\`)", pool: total }
  - { match: "Path(\`/hole\`)", pool: hole }
  - { pool: silent }`);
  const ask = (path: string) => askOnce(fairlead.port(), `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  expect((await ask("/silent")).status).toBe(504);
  expect((await ask("/total")).status).toBe(504);
  expect((await ask("/hole")).status).toBe(504);
  using client = await rawClient(fairlead.port());
  client.send("GET /idle HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.until(() => client.closed);
  expect((await fairlead.log(4)).map(({ reason }) => reason)).toEqual([
    "FL_FIRST_BYTE_TIMEOUT",
    "FL_TOTAL_TIMEOUT",
    "FL_CONNECT_TIMEOUT",
    "FL_UPSTREAM_IDLE",
  ]);
  for (const filler of fillers) filler.destroy();
  closeDescriptor(hole.fd);
});

/** A backend with TLS that answers with the name that it was asked for and the client's certificate. */
async function tlsOrigin(connections: TLSSocket[]) {
  const { a } = testPeople();
  const options = { cert: a.cert, key: a.key, requestCert: true, rejectUnauthorized: false };
  const server = createTlsServer(options, (socket) => {
    connections.push(socket);
    const peer = socket.getPeerCertificate().subject as { CN?: string } | undefined;
    const text = answerText(`${socket.servername || "none"} ${peer?.CN ?? "none"}`);
    socket.on("error", () => {}).on("data", () => socket.write(text));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `https://127.0.0.1:${(server.address() as { port: number }).port}`,
    [Symbol.dispose]() {
      server.close();
      for (const socket of connections) socket.destroy();
    },
  };
}

test("H-E10 connections are shared only by what is equal in TLS name, client certificate, PROXY header and Host policy", async () => {
  /** Answers with the number of the connection, its PROXY header and the Host. */
  using origin = await rawOrigin(undefined, {
    onData(connection, bytes) {
      const text = bytes.toString("latin1");
      const header = /^PROXY .*(?=\r\n)/.exec(text)?.[0];
      if (header !== undefined) proxied.push(header.split(" ")[4]!);
      connection.send(answerText(`${connection.index} ${/^host: (.*)\r$/im.exec(text)![1]}`));
      return true;
    },
  });
  const proxied: string[] = [];
  const connections: TLSSocket[] = [];
  using secure = await tlsOrigin(connections);
  await using fairlead = await startFairlead(
    `pools:
  pass: { backends: [{ url: "${origin.url}" }] }
  fixed: { backends: [{ url: "${origin.url}" }], host_header: "fixed.example" }
  proxied: { backends: [{ url: "${origin.url}" }], proxy_protocol: v1 }
  a: { backends: [{ url: "${secure.url}" }], tls: { ca: ca.crt, server_name: a.test } }
  w: { backends: [{ url: "${secure.url}" }], tls: { ca: ca.crt, server_name: x.w.test } }
  known: { backends: [{ url: "${secure.url}" }], tls: { ca: ca.crt, server_name: a.test, cert: client.crt, key: client.key } }
routes:
${["pass", "fixed", "proxied", "a", "w", "known"].map((name) => `  - { match: "Path(\`/${name}\`)", pool: ${name} }`).join("\n")}`,
    { files: Object.fromEntries(Object.entries(testFiles()).map(([path, text]) => [path.slice(1), text])) },
  );
  using one = await rawClient(fairlead.port());
  using other = await rawClient(fairlead.port());
  const ask = async (client: RawClient, pool: string) =>
    (await client.ask(`GET /${pool} HTTP/1.1\r\nHost: a.example\r\n\r\n`)).body.toString();
  for (let round = 0; round < 3; round++) {
    expect([await ask(one, "pass"), await ask(other, "pass")]).toEqual(["0 a.example", "0 a.example"]);
    expect([await ask(one, "fixed"), await ask(other, "fixed")]).toEqual([
      "1 fixed.example",
      "1 fixed.example",
    ]);
    expect([await ask(one, "proxied"), await ask(other, "proxied")]).toEqual(["2 a.example", "3 a.example"]);
    for (const client of [one, other]) {
      expect(await ask(client, "a")).toBe("a.test none");
      expect(await ask(client, "w")).toBe("x.w.test none");
      expect(await ask(client, "known")).toBe("a.test client");
    }
  }
  expect(origin.connections.length).toBe(4);
  expect(proxied).toEqual([one, other].map(({ socket }) => String(socket.localPort)));
  expect(connections.length).toBe(3);
});

test("H-E11 a connection that NTLM or Negotiate authenticates serves its client alone", async () => {
  for (const scheme of ["NTLM", "Negotiate"]) {
    using origin = await rawOrigin((request, connection) => {
      if (request.target === "/login") return answerText("who", 401, `WWW-Authenticate: ${scheme}\r\n`);
      return answerText(String(connection.index));
    });
    await using fairlead = await startFairlead(poolOf([origin.url]));
    using first = await rawClient(fairlead.port());
    using second = await rawClient(fairlead.port());
    const ask = async (client: RawClient) => [scheme, (await client.ask(GET)).body.toString()];
    expect((await first.ask("GET /login HTTP/1.1\r\nHost: a\r\n\r\n")).status).toBe(401);
    expect(await ask(second)).toEqual([scheme, "1"]);
    expect(await ask(first)).toEqual([scheme, "0"]);
    expect(await ask(second)).toEqual([scheme, "1"]);
    first.close();
    await until(() => origin.connections[0]!.closed, "the client's own connection ends with it");
    expect(await ask(second)).toEqual([scheme, "1"]);
  }
});

test("H-E12 connections end after their number of requests and their age, on both sides, each with a share of its own", async () => {
  const clock = new ManualClock();
  using origin = await rawOrigin();
  await using fairlead = await startFairlead(
    `${poolOf([origin.url], ", requests_per_connection: 30")}\nlimits: { requests_per_connection: 20 }`,
    { clock },
  );
  const perClient: number[] = [];
  while (perClient.length < 30) {
    using client = await rawClient(fairlead.port());
    let answered = 1;
    while ((await client.ask(GET)).get("connection") === null) answered++;
    await client.end();
    perClient.push(answered);
  }
  const perBackend = origin.connections.map(
    ({ everything }) => everything.toString("latin1").split("GET / ").length - 1,
  );
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
  expect(sum(perBackend)).toBe(sum(perClient));
  // The last connection to the backend has served for a part of its time only.
  for (const [counts, limit] of [
    [perClient, 20],
    [perBackend.slice(0, -1), 30],
  ] as const) {
    for (const count of counts) expect(count).toBeWithin(limit * 0.9, limit + 1);
    expect(new Set(counts).size).toBeGreaterThan(1);
  }
  await fairlead.reload(
    `${poolOf([origin.url], ", timeouts: { upstream_age: 100ms }")}\ntimeouts: { client_age: 100ms }`,
  );
  using old = await rawClient(fairlead.port());
  const before = origin.connections.length;
  expect((await old.ask(GET)).get("connection")).toBeNull();
  await pass(clock, 250);
  expect((await old.ask(GET)).get("connection")).toBe("close");
  await old.end();
  expect((await askOnce(fairlead.port(), GET)).status).toBe(200);
  expect(origin.connections.length).toBeGreaterThan(before);
});

test("H-E13 an HTTP/1.0 client that asks for it keeps its connection, with lengths", async () => {
  using origin = await rawOrigin();
  await using fairlead = await startFairlead(poolOf([origin.url]));
  using client = await rawClient(fairlead.port());
  for (let round = 0; round < 2; round++) {
    const answer = await client.ask("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
    expect([answer.status, answer.get("connection"), answer.delimited]).toEqual([
      200,
      "keep-alive",
      "length",
    ]);
  }
  const last = await client.ask("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
  expect(last.get("connection")).toBe("close");
  await client.end();
});

test("H-E14 what follows a request with Connection: close is ignored", async () => {
  using origin = await rawOrigin();
  await using fairlead = await startFairlead(poolOf([origin.url]));
  using client = await rawClient(fairlead.port());
  client.send(`GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n${GET}`);
  expect((await client.answer()).get("connection")).toBe("close");
  await client.end();
  expect(client.received.length).toBe(0);
  expect(origin.requests.map(({ target }) => target)).toEqual(["/a"]);
});

test("H-E15 clients that half-close are taken as gone where the listener says so", async () => {
  using origin = await rawOrigin(() => undefined);
  await using fairlead = await startFairlead(
    `listeners: { web: { address: "127.0.0.1:0", half_closed_clients: abort } }\n${poolOf([origin.url])}`,
  );
  using client = await rawClient(fairlead.port());
  client.send(GET);
  await until(() => origin.requests.length === 1, "the origin has the request");
  client.socket.end();
  await until(() => origin.connections[0]!.closed, "the backend's side is cut");
  expect((await fairlead.log(1))[0]!["reason"]).toBe("FL_CLIENT_ABORT");
});

test("H-E16 at the limit the oldest idle connection makes room", async () => {
  using origin = await rawOrigin();
  await using fairlead = await startFairlead(`${poolOf([origin.url])}\nlimits: { connections: 3 }`);
  const clients = [];
  for (let index = 0; index < 4; index++) {
    const client = await rawClient(fairlead.port());
    expect((await client.ask(GET)).status).toBe(200);
    clients.push(client);
  }
  await clients[0]!.end();
  expect(clients.slice(1).every(({ ended, closed }) => !ended && !closed)).toBe(true);
  expect(fairlead.metric("limits_hit_total", 'limit="idle_connections"')).toBe(1);
  for (const client of clients) client.close();
});

test("H-E19 connections over the limit of a listener or an address are refused and the others go on", async () => {
  using origin = await rawOrigin(() => undefined);
  await using fairlead = await startFairlead(`${poolOf([origin.url])}\nlimits: { connections: 2 }`);
  const busy = [await rawClient(fairlead.port()), await rawClient(fairlead.port())];
  for (const client of busy) client.send(GET);
  await until(() => origin.requests.length === 2, "both are at work");
  const excess = await rawClient(fairlead.port()).catch(() => null);
  await excess?.until(() => excess.closed || excess.ended);
  expect(excess?.received.length ?? 0).toBe(0);
  expect(fairlead.metric("limits_hit_total", 'limit="connections"')).toBe(1);
  for (const { socket } of origin.connections) socket.write(answerText("done"));
  for (const client of busy) expect((await client.answer()).status).toBe(200);
  for (const client of busy) client.close();
  await until(() => fairlead.instance.program.stats()["connections"] === 0, "all are gone");
  await fairlead.reload(`${poolOf([origin.url])}\nlimits: { connections_per_ip: 1 }`);
  using only = await rawClient(fairlead.port());
  only.send(GET);
  await until(() => origin.requests.length === 3, "one is at work");
  const second = await rawClient(fairlead.port()).catch(() => null);
  await second?.until(() => second.closed || second.ended);
  expect(second?.received.length ?? 0).toBe(0);
  expect(fairlead.metric("limits_hit_total", 'limit="connections_per_ip"')).toBe(1);
  using other = await rawClient({ host: "127.0.0.1", port: fairlead.port(), localAddress: "127.0.0.2" });
  other.send(GET);
  await until(() => origin.requests.length === 4, "that of another address is at work");
  for (const { socket, closed } of origin.connections) if (!closed) socket.write(answerText("done"));
  for (const client of [only, other]) {
    expect((await client.answer()).status).toBe(200);
    client.send(GET);
  }
  await until(() => origin.requests.length === 6, "both go on");
});

test("H-E24 a dead kept connection and then a refused one in the same request cost no client an error", async () => {
  using living = await rawOrigin();
  let dies = false;
  // From then on it listens no more, and the connection that stands ends when the next request comes.
  using dying: RawOrigin = await rawOrigin((_, connection) => {
    if (!dies) return answerText("ok");
    dying.server.close();
    connection.socket.destroy();
    return undefined;
  });
  await using fairlead = await startFairlead(poolOf([living.url, dying.url]));
  const ask = async () => expect((await askOnce(fairlead.port(), GET)).status).toBe(200);
  while (dying.requests.length === 0) await ask();
  dies = true;
  for (let index = 0; index < 20; index++) await ask();
  const retries = (reason: string) => fairlead.metric("retries_total", `reason="${reason}"`);
  expect(retries("FL_UPSTREAM_CLOSED") + retries("FL_UPSTREAM_RESET")).toBe(1);
  expect(retries("FL_CONNECT_REFUSED")).toBeGreaterThan(0);
  const asked = living.requests.length + dying.requests.length - 1;
  const lines = await fairlead.log(asked);
  expect([lines.length, Math.max(...lines.map(({ retries: made }) => Number(made)))]).toEqual([asked, 2]);
});

test("H-E25 a first candidate that refuses: six POSTs of 200 kB arrive whole at the second, once each", async () => {
  using origin = await rawOrigin((request) => answerText(Bun.hash(request.body).toString()));
  const dead = await deadPort();
  await using fairlead = await startFairlead(
    poolOf([`http://127.0.0.1:${dead}`, origin.url], ", strategy: sequential"),
  );
  for (let index = 0; index < 6; index++) {
    const body = Buffer.alloc(200_000, `${index} abcdefg`);
    using client = await rawClient(fairlead.port());
    client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`);
    client.send(body);
    const answer = await client.answer();
    expect([answer.status, answer.body.toString()]).toEqual([200, Bun.hash(body).toString()]);
  }
  expect(origin.requests.length).toBe(6);
});

test("H-E26 a second answer behind one without a body reaches nobody", async () => {
  const stray = answerText("stray");
  using origin = await rawOrigin((request) => {
    switch (request.target) {
      case "/204":
        return `HTTP/1.1 204 No Content\r\n\r\n${stray}`;
      case "/zero":
        return `HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n${stray}`;
      case "/head":
        return `HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n${stray}`;
      case "/late":
        return answerText("own");
      default:
        return answerText(request.target);
    }
  });
  await using fairlead = await startFairlead(poolOf([origin.url]));
  using client = await rawClient(fairlead.port());
  for (const path of ["/204", "/zero", "/head", "/late"]) {
    const method = path === "/head" ? "HEAD" : "GET";
    const answer = await client.ask(`${method} ${path} HTTP/1.1\r\nHost: a\r\n\r\n`, {
      head: path === "/head",
    });
    expect(answer.body.toString()).toBe(path === "/late" ? "own" : "");
    if (path === "/late") {
      const connection = origin.connections.at(-1)!;
      connection.send(stray);
      await until(() => connection.closed, "the connection that said more is ended");
    }
    expect((await client.ask(`GET /after${path} HTTP/1.1\r\nHost: a\r\n\r\n`)).body.toString()).toBe(
      `/after${path}`,
    );
  }
});

test("H-B21 an origin's and clients' Connection: close stay where they came from", async () => {
  using origin = await rawOrigin((request) =>
    answerText("x", 200, request.target === "/close" ? "Connection: close\r\n" : ""),
  );
  await using fairlead = await startFairlead(poolOf([origin.url]));
  using client = await rawClient(fairlead.port());
  expect((await client.ask("GET /close HTTP/1.1\r\nHost: a\r\n\r\n")).get("connection")).toBeNull();
  expect((await client.ask(GET)).status).toBe(200);
  const before = origin.connections.length;
  for (let index = 0; index < 5; index++) {
    const answer = await askOnce(fairlead.port(), "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    expect(answer.get("connection")).toBe("close");
  }
  expect(origin.connections.length).toBe(before);
  expect(origin.requests.every((request) => request.get("connection") === null)).toBe(true);
});

test("H-C23 bytes after a complete answer end the connection and reach no other client", async () => {
  using origin = await rawOrigin((request) =>
    request.target === "/poison" ? `${answerText("one")}${answerText("poison")}` : answerText("clean"),
  );
  await using fairlead = await startFairlead(poolOf([origin.url]));
  expect((await askOnce(fairlead.port(), "GET /poison HTTP/1.1\r\nHost: a\r\n\r\n")).body.toString()).toBe(
    "one",
  );
  for (let index = 0; index < 5; index++)
    expect((await askOnce(fairlead.port(), GET)).body.toString()).toBe("clean");
  expect(origin.connections.length).toBe(2);
});

test("a backend that dies before it has answered costs no GET: another one answers, one only; a POST gets 502", async () => {
  const reset = () => rawOrigin((_, { socket }) => void socket.destroy());
  using dead = await reset();
  using alive = await rawOrigin(() => answerText("alive"));
  await using fairlead = await startFairlead(poolOf([dead.url, alive.url], ", strategy: sequential"));
  const answer = await askOnce(fairlead.port(), GET);
  expect([answer.status, answer.body.toString()]).toEqual([200, "alive"]);
  expect((await askOnce(fairlead.port(), GET.replace("GET", "POST"))).status).toBe(502);
  expect([dead.requests.length, alive.requests.length]).toEqual([2, 1]);

  using other = await reset();
  await fairlead.reload(poolOf([dead.url, other.url, alive.url], ", strategy: sequential"));
  expect((await askOnce(fairlead.port(), GET)).status).toBe(502);
  expect([dead.requests.length, other.requests.length, alive.requests.length]).toEqual([3, 1, 1]);
});
