import { afterAll, expect, test } from "bun:test";
import { http } from "./http.ts";
import {
  answering,
  backend,
  checkOnce,
  openDescriptors,
  targetOf,
  testDirectory,
  until,
} from "./test_backend.ts";

const directory = testDirectory();
afterAll(() => directory[Symbol.dispose]());

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const status = (code: number) => `HTTP/1.1 ${code} Word\r\nContent-Length: 0\r\n\r\n`;
const healthy = async (answer: string, options: Parameters<typeof checkOnce<unknown>>[1] = {}) => {
  using server = answering(answer);
  return await checkOnce(http, options as object, targetOf(server.endpoint));
};

test("H-H5/http request: method, target, host and headers go out as they are set", async () => {
  using server = answering(OK);
  const options = {
    method: "OPTIONS",
    path: "/healthz?deep=1",
    host: "app.example:8080",
    headers: { "X-Check": "yes", authorization: "Bearer t", "user-agent": "own" },
  };
  expect(await checkOnce(http, options, targetOf(server.endpoint))).toEqual({
    healthy: true,
    reason: "status 200",
  });
  expect(server.received).toEqual([
    "OPTIONS /healthz?deep=1 HTTP/1.1\r\nHost: app.example:8080\r\nConnection: close\r\nAccept: */*\r\n" +
      "X-Check: yes\r\nauthorization: Bearer t\r\nuser-agent: own\r\n\r\n",
  ]);
});

test("H-H5/http request: Host is the backend's unless the pool fixes one; POST has a length", async () => {
  using server = answering(OK);
  await checkOnce(http, {}, targetOf(server.endpoint));
  await checkOnce(http, { method: "POST" }, targetOf(server.endpoint, { host: "fixed.example" }));
  await checkOnce(http, {}, targetOf({ kind: "tcp", host: "web.test", port: 80 }), {
    endpoint: server.endpoint,
  });
  expect(server.received.map((head) => /Host: ([^\r]*)/.exec(head)?.[1])).toEqual([
    `127.0.0.1:${server.port}`,
    "fixed.example",
    "web.test",
  ]);
  expect(server.received[1]).toContain("\r\nContent-Length: 0\r\n");
});

test("H-H5/status list: only listed statuses mean healthy", async () => {
  const found: boolean[] = [];
  for (const code of [200, 204, 299, 300, 301, 302, 404, 500, 599])
    found.push((await healthy(status(code), { expect_status: "200-299,301" })).healthy);
  expect(found).toEqual([true, true, true, false, true, false, false, false, false]);
  expect(await healthy(status(503))).toEqual({ healthy: false, reason: "status 503, expected 200-299" });
  expect((await healthy(status(418), { expect_status: 418 })).healthy).toBe(true);
});

test("H-H5/body: text and regex, in bodies of every framing", async () => {
  const framings = [
    "HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\nall good: ünd 7!",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nall \r\nc\r\ngood: ünd 7!\r\n0\r\nT: v\r\n\r\n",
  ].map((text) => Buffer.from(text).toString("utf8"));
  for (const text of framings) {
    const sized = text.replace(
      "Content-Length: 16",
      `Content-Length: ${Buffer.byteLength("all good: ünd 7!")}`,
    );
    const chunked = sized.replace("\r\nc\r\n", `\r\n${Buffer.byteLength("good: ünd 7!").toString(16)}\r\n`);
    expect(await healthy(chunked, { expect_body: "good: ünd" })).toEqual({
      healthy: true,
      reason: "status 200",
    });
    expect((await healthy(chunked, { expect_body_regex: "^all .* \\d!$" })).healthy).toBe(true);
    expect(await healthy(chunked, { expect_body: "bad" })).toEqual({
      healthy: false,
      reason: "the body does not contain the expected text",
    });
    expect(await healthy(chunked, { expect_body_regex: "^good" })).toEqual({
      healthy: false,
      reason: "the body does not match ^good",
    });
  }
  using closing = answering((_, socket) => {
    socket.write("HTTP/1.0 200 OK\r\n\r\nall ");
    setTimeout(() => socket.end("good"), 5);
    return null;
  });
  expect((await checkOnce(http, { expect_body: "all good" }, targetOf(closing.endpoint))).healthy).toBe(true);
});

test("H-H5/body: HEAD, 204 and informational answers before the final one", async () => {
  expect((await healthy("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n", { method: "HEAD" })).healthy).toBe(
    true,
  );
  expect((await healthy("HTTP/1.1 204 No\r\n\r\n", { expect_body_regex: "^$" })).healthy).toBe(true);
  const interim = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
  expect((await healthy(interim + interim + OK, { expect_body: "ok" })).healthy).toBe(true);
  expect(await healthy(interim.repeat(11) + OK)).toEqual({
    healthy: false,
    reason: "more than 10 informational answers",
  });
});

test("H-H5/redirect policy: a redirect counts by its status, or is followed on the same backend", async () => {
  using server = answering((head) => {
    const target = /^GET (\S+)/.exec(head)?.[1];
    if (target === "/a") return "HTTP/1.1 302 F\r\nLocation: /b?x=1\r\nContent-Length: 0\r\n\r\n";
    if (target === "/b?x=1") return `HTTP/1.1 307 F\r\nLocation: http://127.0.0.1:${server.port}/c\r\n\r\n`;
    if (target === "/away")
      return "HTTP/1.1 302 F\r\nLocation: //other.example/\r\nContent-Length: 0\r\n\r\n";
    return target === "/c" ? OK : "HTTP/1.1 302 F\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n";
  });
  const target = targetOf(server.endpoint);
  const check = (path: string, follow_redirects: number, expect_status = "200-299") =>
    checkOnce(http, { path, follow_redirects, expect_status }, target);
  expect(await check("/a", 0)).toEqual({ healthy: false, reason: "status 302, expected 200-299" });
  expect((await check("/a", 0, "200-399")).healthy).toBe(true);
  expect(await check("/a", 2)).toEqual({ healthy: true, reason: "status 200" });
  expect(await check("/a", 1)).toEqual({ healthy: false, reason: "more than 1 redirects" });
  expect(await check("/loop", 10)).toEqual({ healthy: false, reason: "more than 10 redirects" });
  expect(await check("/away", 3)).toEqual({
    healthy: false,
    reason: "redirected to //other.example/, which is not this backend",
  });
});

test("probes reach unix sockets and IPv6", async () => {
  using local = answering(OK, { unix: directory.file("web.sock") });
  using six = answering(OK, { hostname: "::1" });
  for (const server of [local, six])
    expect((await checkOnce(http, {}, targetOf(server.endpoint))).healthy).toBe(true);
  expect(local.received[0]).toContain("\r\nHost: localhost\r\n");
  expect(six.received[0]).toContain(`\r\nHost: [::1]:${six.port}\r\n`);
});

test("H-H6/probes a backend that hangs, resets, drips, floods or talks nonsense is unhealthy and keeps nothing open", async () => {
  const dripping = new Set<Timer>();
  const drip = (socket: Bun.Socket<never>, text: string) => {
    socket.write(text.slice(0, 1));
    let at = 1;
    const timer = setInterval(() => {
      if (socket.write(text[at++ % text.length]!) < 0) clearInterval(timer);
    }, 5);
    dripping.add(timer);
  };
  const flood = (socket: Bun.Socket<never>, head: string) => {
    socket.write(head);
    const part = "x".repeat(65_536);
    const timer = setInterval(() => {
      for (let count = 0; count < 20; count++) if (socket.write(part) < part.length) break;
    }, 1);
    dripping.add(timer);
  };
  const body = { expect_body: "never there" };
  const cases: [string, ReturnType<typeof backend>, object, RegExp][] = [
    ["accepts and says nothing", backend({}), {}, /^timeout$/],
    ["hangs inside the head", answering("HTTP/1.1 200 OK\r\nX: "), {}, /^timeout$/],
    ["hangs inside the body", answering("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1"), body, /^timeout$/],
    [
      "resets on accept",
      backend({ open: (socket) => socket.terminate() }),
      {},
      /lost|no connection|no answer/,
    ],
    [
      "resets after the request",
      backend({ data: (socket) => socket.terminate() }),
      {},
      /the connection was lost/,
    ],
    ["closes without an answer", backend({ data: (socket) => void socket.end() }), {}, /^no answer$/],
    [
      "drips its head",
      backend({ data: (socket) => drip(socket as never, "HTTP/1.1 200 OK\r\n") }),
      {},
      /^timeout$/,
    ],
    [
      "drips its body",
      backend({
        data(socket) {
          socket.write("HTTP/1.1 200 OK\r\n\r\n");
          drip(socket as never, "y");
        },
      }),
      body,
      /^timeout$/,
    ],
    [
      "floods its body",
      backend({ data: (socket) => flood(socket as never, "HTTP/1.1 200 OK\r\n\r\n") }),
      body,
      /^the body does not contain/,
    ],
    [
      "floods its head",
      backend({ data: (socket) => flood(socket as never, "HTTP/1.1 200 OK\r\nX: ") }),
      {},
      /^the head of the answer is longer than 32768 bytes$/,
    ],
    [
      "speaks SSH",
      backend({ open: (socket) => void socket.write("SSH-2.0-x\r\n") }),
      {},
      /^the answer is not HTTP/,
    ],
    ["speaks HTTP/2", answering("HTTP/2 200\r\n\r\n"), {}, /^the answer is not HTTP/],
    ["has a malformed field", answering("HTTP/1.1 200 OK\r\nA b: c\r\n\r\n"), {}, /malformed/],
    ["has two lengths", answering("HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n"), {}, /malformed/],
    [
      "has a malformed chunk",
      answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
      body,
      /chunks of the answer are malformed/,
    ],
    [
      "cuts its body off",
      answering((_, socket) => {
        socket.end("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nnev");
        return null;
      }),
      body,
      /^the answer was cut off$/,
    ],
  ];
  const before = openDescriptors();
  for (const [what, server, options, reason] of cases) {
    const result = await checkOnce(http, options, targetOf(server.endpoint), { timeoutMs: 150 });
    expect([what, result.healthy, result.reason]).toEqual([what, false, expect.stringMatching(reason)]);
    await until(`${what}: the backend sees the end`, () => server.open === 0);
    expect(server.accepted).toBe(1);
  }
  for (const timer of dripping) clearInterval(timer);
  expect(openDescriptors()).toBeLessThanOrEqual(before);
  for (const [, server] of cases) server[Symbol.dispose]();
});

test("H-H6/probes a huge body that nobody looks at does not matter, a refused connection does", async () => {
  const head = "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n";
  using huge = answering(head + "x".repeat(100_000));
  expect(await checkOnce(http, {}, targetOf(huge.endpoint))).toEqual({ healthy: true, reason: "status 200" });
  await until("the probe has let go", () => huge.open === 0);
  const gone = answering(OK);
  gone[Symbol.dispose]();
  expect(await checkOnce(http, {}, targetOf(gone.endpoint))).toEqual({
    healthy: false,
    reason: "no connection (ECONNREFUSED)",
  });
});

test("an answer reads the same at every split", async () => {
  const text = `HTTP/1.1 103 E\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`;
  for (let at = 1; at < text.length; at += 3) {
    using server = answering((_, socket) => {
      socket.write(text.slice(0, at));
      setTimeout(() => void socket.write(text.slice(at)), 1);
      return null;
    });
    expect([at, await checkOnce(http, { expect_body: "ok" }, targetOf(server.endpoint))]).toEqual([
      at,
      { healthy: true, reason: "status 200" },
    ]);
  }
});

test("settings that cannot be meant are refused", () => {
  const refused = (options: object) =>
    http.schema.safeParse(options).error?.issues.map(({ message }) => message);
  expect(refused({ path: "healthz" })?.[0]).toStartWith("expected a target such as /healthz");
  expect(refused({ path: "/a b" })?.[0]).toStartWith("expected a target");
  expect(refused({ expect_status: "299-200" })?.[0]).toContain("expected statuses and ranges");
  expect(refused({ expect_status: "20x" })?.[0]).toContain('"20x" is not a status set');
  expect(refused({ expect_body_regex: "(" })?.[0]).toStartWith("malformed regex");
  expect(refused({ headers: { Host: "x" } })?.[0]).toBe("Host is set by the probe itself");
  expect(refused({ headers: { "X-A": "b\r\nC: d" } })?.[0]).toContain("expected a field value");
  expect(refused({ follow_redirects: 11 })).toEqual(["expected 0 to 10"]);
  expect(refused({})).toBeUndefined();
});
