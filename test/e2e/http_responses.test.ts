/** Answers of backends on their way to clients (rows of group D). */
import { expect, test } from "bun:test";
import { startFairlead, until } from "../support/fairlead.ts";
import { askOnce, rawClient } from "../support/raw_client.ts";
import { answerText, rawOrigin, type OriginHandler, type RawOriginOptions } from "../support/raw_origin.ts";

const GET = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

const poolOf = (url: string, more = "") =>
  `pools: { app: { backends: [{ url: "${url}" }]${more} } }\nroutes: [{ pool: app }]`;

async function setUp(
  handler: OriginHandler,
  options: RawOriginOptions & { pool?: string; top?: string } = {},
) {
  const origin = await rawOrigin(handler, options);
  const fairlead = await startFairlead(`${poolOf(origin.url, options.pool)}\n${options.top ?? ""}`);
  return {
    origin,
    fairlead,
    port: fairlead.port(),
    async [Symbol.asyncDispose]() {
      origin.close();
      await fairlead[Symbol.asyncDispose]();
    },
  };
}

test("H-D1 the answer to HEAD keeps its length, has no body, and the connections stay", async () => {
  await using it = await setUp((request) =>
    request.method === "HEAD" ? "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" : answerText("next"),
  );
  using client = await rawClient(it.port);
  const head = await client.ask("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", { head: true });
  expect(head.status).toBe(200);
  expect(head.get("content-length")).toBe("1000");
  expect((await client.ask(GET)).body.toString()).toBe("next");
  expect(it.origin.connections.length).toBe(1);
});

test("H-D2 204 and 304 have no body whatever the origin sends, and stray bytes end its connection", async () => {
  const answers: Record<string, string> = {
    "/204": "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
    "/204-body": "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
    "/304": "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: x\r\n\r\n",
    "/304-body": "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello",
  };
  await using it = await setUp((request) => answers[request.target] ?? answerText("after"));
  using client = await rawClient(it.port);
  const ask = (path: string) => client.ask(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  const none = await ask("/204");
  expect([none.status, none.get("content-length"), none.get("transfer-encoding")]).toEqual([204, null, null]);
  expect((await ask("/after")).body.toString()).toBe("after");
  expect(it.origin.connections.length).toBe(1);
  const unmodified = await ask("/304");
  expect([unmodified.status, unmodified.get("content-length")]).toEqual([304, "5"]);
  expect((await ask("/after")).body.toString()).toBe("after");
  expect(it.origin.connections.length).toBe(1);
  for (const [index, path] of ["/204-body", "/304-body"].entries()) {
    expect((await ask(path)).status).toBe(Number(path.slice(1, 4)));
    expect((await ask("/after")).body.toString()).toBe("after");
    expect(it.origin.connections.length).toBe(index + 2);
  }
});

test("H-D3 interim answers go on in order, 100 only to who waits for it, none to HTTP/1.0", async () => {
  const interim =
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n";
  await using it = await setUp(
    () => `${interim}HTTP/1.1 103 Early Hints\r\nLink: </b.css>\r\n\r\n${answerText("end")}`,
  );
  using client = await rawClient(it.port);
  client.send(GET);
  const statuses: number[] = [];
  const links: (string | null)[] = [];
  for (let index = 0; index < 4; index++) {
    const answer = await client.answer();
    statuses.push(answer.status);
    if (answer.status === 103) links.push(answer.get("link"));
  }
  expect(statuses).toEqual([102, 103, 103, 200]);
  expect(links).toEqual(["</a.css>", "</b.css>"]);
  client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi");
  expect((await client.answer()).status).toBe(100);
  const old = await askOnce(it.port, "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
  expect(old.status).toBe(200);
});

test("H-D4 101 that nobody asked for, or of another protocol, becomes 502", async () => {
  await using it = await setUp(
    () => "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n",
  );
  expect((await askOnce(it.port, GET)).status).toBe(502);
  const upgrade = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
  expect((await askOnce(it.port, upgrade)).status).toBe(502);
  expect((await it.fairlead.log(2)).map(({ reason }) => reason)).toEqual([
    "FL_UNEXPECTED_UPGRADE",
    "FL_UNEXPECTED_UPGRADE",
  ]);
});

test("H-D5 Content-Length beside Transfer-Encoding becomes 502 and the connection is not used again", async () => {
  await using it = await setUp((request) =>
    request.target === "/both"
      ? "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
      : answerText("ok"),
  );
  expect((await askOnce(it.port, "GET /both HTTP/1.1\r\nHost: a\r\n\r\n")).status).toBe(502);
  expect((await askOnce(it.port, GET)).status).toBe(200);
  expect(it.origin.connections.length).toBe(2);
});

test("H-D6 wrong lengths become 502, a wrong chunk after the head cuts the client", async () => {
  const heads: Record<string, string> = {
    "/two": "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
    "/bad": "Content-Length: +3\r\n\r\nabc",
    "/list": "Content-Length: 3, 3\r\n\r\nabc",
    "/coding": "Transfer-Encoding: gzip\r\n\r\nabc",
  };
  await using it = await setUp((request) => {
    const head = heads[request.target];
    if (head !== undefined) return `HTTP/1.1 200 OK\r\n${head}`;
    return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
  });
  for (const path of Object.keys(heads)) {
    expect((await askOnce(it.port, `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)).status).toBe(502);
  }
  using client = await rawClient(it.port);
  client.send(GET);
  await client.until(() => client.received.includes("abc"));
  it.origin.open.at(-1)!.send("zz\r\n");
  await client.until(() => client.closed);
  expect(client.received.toString("latin1")).toStartWith("HTTP/1.1 200 ");
  expect(client.received.toString("latin1")).not.toContain("\r\n0\r\n\r\n");
  expect((await it.fairlead.log(5)).at(-1)!["reason"]).toBe("FL_BAD_RESPONSE");
});

test("H-D7 a truncated body ends the client's connection early and is not sent again", async () => {
  const truncating: OriginHandler = (_, connection) =>
    connection.end("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
  using one = await rawOrigin(truncating);
  using other = await rawOrigin(truncating);
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${one.url}" }, { url: "${other.url}" }], retries: { budget: 100% } } }\nroutes: [{ pool: app }]`,
  );
  using client = await rawClient(fairlead.port());
  client.send(GET);
  await client.until(() => client.closed);
  expect(client.received.toString("latin1")).toStartWith("HTTP/1.1 200 ");
  expect(client.received.toString("latin1")).toEndWith("\r\n\r\nonly this");
  expect((await fairlead.log(1))[0]).toMatchObject({ reason: "FL_UPSTREAM_TRUNCATED", retries: 0 });
  expect(one.requests.length + other.requests.length).toBe(1);
});

test("H-D8 a body that ends with the connection becomes chunked, and a reset there is an error", async () => {
  await using it = await setUp((request, connection) => {
    connection.send("HTTP/1.0 200 OK\r\n\r\nuntil the end");
    setTimeout(() => (request.target === "/reset" ? connection.resetNow() : connection.end()), 30);
  });
  const answer = await askOnce(it.port, GET);
  expect([answer.delimited, answer.body.toString()]).toEqual(["chunked", "until the end"]);
  const old = await askOnce(it.port, "GET / HTTP/1.0\r\n\r\n");
  expect([old.delimited, old.body.toString()]).toEqual(["close", "until the end"]);
  using client = await rawClient(it.port);
  client.send("GET /reset HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.until(() => client.closed);
  expect(client.received.toString("latin1")).not.toContain("0\r\n\r\n");
});

test("H-D9 a header block of a backend over the limit becomes 502 with its reason", async () => {
  await using it = await setUp(() => answerText("x", 200, `X-Big: ${"b".repeat(5_000)}\r\n`), {
    top: "limits: { header_bytes: 4KiB }",
  });
  expect((await askOnce(it.port, GET)).status).toBe(502);
  expect((await it.fairlead.log(1))[0]!["reason"]).toBe("FL_RESPONSE_HEADER_TOO_LARGE");
});

test("H-D10 fields with NUL, bare CR or a folded line become 502", async () => {
  const fields: Record<string, string> = {
    "/nul": "X: a\0b\r\n",
    "/cr": "X: a\rb\r\n",
    "/fold": "X: a\r\n b\r\n",
    "/name": "X y: a\r\n",
  };
  await using it = await setUp((request) => answerText("x", 200, fields[request.target]));
  for (const path of Object.keys(fields)) {
    expect((await askOnce(it.port, `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)).status).toBe(502);
  }
});

test("H-D11 trailers go to clients that take them", async () => {
  await using it = await setUp(
    () =>
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 9\r\nContent-Length: 1\r\n\r\n",
  );
  const takes = await askOnce(it.port, "GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n");
  expect([takes.body.toString(), takes.trailers]).toEqual(["abc", [["X-Sum", "9"]]]);
  const without = await askOnce(it.port, GET);
  expect([without.body.toString(), without.trailers]).toEqual(["abc", []]);
});

test("H-D12 an answer that comes while the client still sends is delivered at once", async () => {
  await using it = await setUp(() => undefined, {
    onData(connection) {
      if (!connection.everything.includes("\r\n\r\n") || connection.received.length > 0) return true;
      connection.received = Buffer.from("answered");
      connection.send(answerText("too large", 413));
      return true;
    },
  });
  using client = await rawClient(it.port);
  client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n${"x".repeat(1_000)}`);
  const answer = await client.answer();
  expect([answer.status, answer.body.toString()]).toEqual([413, "too large"]);
  for (let index = 0; index < 5 && !client.closed; index++) client.send("y".repeat(10_000));
  await client.until(() => client.ended || client.closed);
});

test("H-D13 an answer that came before the origin closed is delivered although we still write", async () => {
  await using it = await setUp(() => undefined, {
    onData(connection) {
      if (connection.received.length === 0) {
        connection.received = Buffer.from("answered");
        connection.end(answerText("enough", 403, "Connection: close\r\n"));
      }
      return true;
    },
  });
  using client = await rawClient(it.port);
  client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n${"x".repeat(250_000)}`);
  expect((await client.answer()).status).toBe(403);
});

test("H-D14 a client that goes away cancels the request at the backend, counts as gone and not as the backend's failure", async () => {
  await using it = await setUp((request, connection) => {
    if (request.target === "/silent") return;
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nstart");
    const timer = setInterval(() => (connection.closed ? clearInterval(timer) : connection.send("more")), 20);
  });
  const client = await rawClient(it.port);
  client.send(GET);
  await client.until(() => client.received.length > 0);
  const left = performance.now();
  client.close();
  await until(() => it.origin.connections[0]!.closed, "the origin's connection ends", 1_000);
  expect(performance.now() - left).toBeLessThan(1_000);
  const [line] = await it.fairlead.log(1);
  expect(line).toMatchObject({ status: 200, reason: "FL_CLIENT_ABORT" });
  expect(it.fairlead.metric("request_errors_total", 'code="FL_CLIENT_ABORT"')).toBe(1);
  // Before an answer has begun the status says it as well.
  const early = await rawClient(it.port);
  early.send("GET /silent HTTP/1.1\r\nHost: a\r\n\r\n");
  await until(() => it.origin.requests.length === 2, "the backend has the request");
  early.socket.resetAndDestroy();
  await until(() => it.origin.connections[1]!.closed, "the origin's connection ends", 1_000);
  expect((await it.fairlead.log(2))[1]).toMatchObject({ status: 499, reason: "FL_CLIENT_ABORT" });
  expect(it.fairlead.metric("http_requests_total", 'class="4xx"')).toBe(1);
  expect(it.fairlead.metric("request_errors_total", 'code="FL_CLIENT_ABORT"')).toBe(2);
  expect(it.fairlead.metric("backend_requests_total")).toBe(2);
  expect(it.fairlead.metric("backend_requests_total", 'class="5xx"')).toBe(0);
});

test("H-D15 each write of a stream reaches the client at once", async () => {
  await using it = await setUp((_, connection) =>
    connection.send(
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
    ),
  );
  using client = await rawClient(it.port);
  client.send(GET);
  await client.until(() => client.received.includes("\r\n\r\n"));
  for (let index = 0; index < 20; index++) {
    const before = client.received.length;
    const sent = performance.now();
    it.origin.connections[0]!.send("8\r\ndata: x\n\r\n");
    await client.until(() => client.received.length >= before + 8);
    expect(performance.now() - sent).toBeLessThan(50);
  }
});

test("H-D16 a client that does not read pauses the backend, and little is held for it", async () => {
  let sent = 0;
  let blockedAt = 0;
  await using it = await setUp((_, connection) => {
    const block = Buffer.alloc(64 * 1024, 97);
    const total = 256 * 1024 * 1024;
    connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
    const more = () => {
      while (sent < total && !connection.closed) {
        sent += block.length;
        if (!connection.socket.write(block)) {
          blockedAt = performance.now();
          connection.socket.once("drain", more);
          return;
        }
      }
    };
    more();
  });
  using client = await rawClient(it.port);
  client.socket.pause();
  client.send(GET);
  await until(() => blockedAt > 0 && performance.now() - blockedAt > 300, "the origin is paused", 10_000);
  expect(sent).toBeLessThan(64 * 1024 * 1024);
});

test("H-D19 errors of our own are negotiated, carry no addresses, and say when to come back", async () => {
  await using it = await setUp(() => answerText("x"));
  it.origin.close();
  const plain = await askOnce(it.port, GET);
  expect(plain.status).toBe(502);
  expect(plain.get("content-type")).toStartWith("text/plain");
  const json = await askOnce(it.port, "GET / HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\n\r\n");
  expect(JSON.parse(json.body.toString())).toMatchObject({ status: 502 });
  const html = await askOnce(it.port, "GET / HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n");
  expect(html.get("content-type")).toStartWith("text/html");
  using busy = await rawOrigin(() => undefined);
  await using full = await startFairlead(
    `pools: { app: { backends: [{ url: "${busy.url}", max_in_flight: 1 }], queue: { size: 0 } } }\nroutes: [{ pool: app }]`,
  );
  using first = await rawClient(full.port());
  first.send(GET);
  await until(() => busy.requests.length === 1, "the backend is busy");
  const later = await askOnce(full.port(), GET);
  expect([later.status, later.get("retry-after")]).toEqual([503, "1"]);
  expect(later.get("content-type")).toStartWith("text/plain");
  for (const answer of [plain, json, html, later]) {
    expect(answer.body.toString()).not.toMatch(/127\.0\.0\.1|FL_|errno/);
    expect(answer.get("date")).not.toBeNull();
  }
});

test("H-D22 two interim answers and the final one in one segment, twice on one connection", async () => {
  await using it = await setUp(
    () =>
      `HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: b\r\n\r\n${answerText("end")}`,
  );
  using client = await rawClient(it.port);
  for (let round = 0; round < 2; round++) {
    client.send(GET);
    const statuses = [await client.answer(), await client.answer(), await client.answer()].map(
      ({ status }) => status,
    );
    expect(statuses).toEqual([103, 103, 200]);
  }
  expect(it.origin.connections.length).toBe(1);
});

test("H-D21 ranges pass untouched", async () => {
  await using it = await setUp((request) =>
    answerText(
      "bcd",
      206,
      `Content-Range: bytes 1-3/10\r\nX-Range: ${request.get("range")}\r\nX-If: ${request.get("if-range")}\r\n`,
    ),
  );
  const answer = await askOnce(
    it.port,
    'GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=1-3\r\nIf-Range: "v1"\r\n\r\n',
  );
  expect([
    answer.status,
    answer.get("content-range"),
    answer.get("x-range"),
    answer.get("x-if"),
    answer.body.toString(),
  ]).toEqual([206, "bytes 1-3/10", "bytes=1-3", '"v1"', "bcd"]);
});

test("H-D20 Alt-Svc, Link and Proxy-Status of the origin pass", async () => {
  await using it = await setUp(() =>
    answerText("x", 200, 'Alt-Svc: h3=":443"\r\nLink: </a>; rel=x\r\nProxy-Status: cache; hit\r\n'),
  );
  const answer = await askOnce(it.port, GET);
  expect(["alt-svc", "link", "proxy-status"].map((name) => answer.get(name))).toEqual([
    'h3=":443"',
    "</a>; rel=x",
    "cache; hit",
  ]);
});

test("H-D18 Location and Set-Cookie of the origin are not rewritten", async () => {
  const fields =
    "Location: http://10.0.0.1:8080/x\r\nSet-Cookie: a=1; Domain=b.example; Path=/y\r\nSet-Cookie: c=2\r\n";
  await using it = await setUp(() => answerText("", 302, fields));
  const answer = await askOnce(it.port, GET);
  expect(answer.get("location")).toBe("http://10.0.0.1:8080/x");
  expect(answer.all("set-cookie")).toEqual(["a=1; Domain=b.example; Path=/y", "c=2"]);
});
