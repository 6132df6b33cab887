/** Requests that wait for 100 before they send their body (rows B14 to B16). */
import { expect, test } from "bun:test";
import { until } from "../support/fairlead.ts";
import { receivedBytes, refusalFaults, refusals } from "../support/http_refusals.ts";
import { startPair } from "../support/proxy_pair.ts";
import { askOnce, rawClient } from "../support/raw_client.ts";
import { answerText, type RawOriginOptions } from "../support/raw_origin.ts";

const HOST = "Host: a.example\r\n";
const get = (fields: string, target = "/") => `GET ${target} HTTP/1.1\r\n${HOST}${fields}\r\n`;
const expecting = (length: number, target = "/") =>
  `POST ${target} HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: ${length}\r\n\r\n`;

/** A backend that says 100 when it has a head that expects it. */
const continuing: RawOriginOptions = {
  onData(connection, bytes) {
    if (/\r\nexpect: 100-continue\r\n/i.test(bytes.toString("latin1")))
      connection.send("HTTP/1.1 100 Continue\r\nX-Interim: 1\r\n\r\n");
  },
};

test("H-B14 100 of a backend is relayed, and the connection is in sync after it", async () => {
  await using own = await startPair((request) => answerText(`got ${request.body}`), continuing);
  using client = await rawClient(own.port);
  for (const body of ["one", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"]) {
    client.send(expecting(body.length));
    const interim = await client.answer();
    expect([interim.status, interim.get("x-interim")]).toEqual([100, "1"]);
    // Until the client sends its body, the backend has a head alone.
    expect(own.origin.connections[0]!.received.toString("latin1")).toEndWith("\r\n\r\n");
    client.send(body);
    expect((await client.answer()).body.toString()).toBe(`got ${body}`);
    expect((await client.ask(get(""))).body.toString()).toBe("got ");
  }
  expect(own.origin.requests.map(({ method, get: field }) => [method, field("expect")])).toEqual([
    ["POST", "100-continue"],
    ["GET", null],
    ["POST", "100-continue"],
    ["GET", null],
  ]);
  expect(own.origin.connections.length).toBe(1);
});

test("H-B14 the same with a chunked body, in any case of the word", async () => {
  await using own = await startPair((request) => answerText(`got ${request.body}`), continuing);
  using client = await rawClient(own.port);
  client.send(`POST / HTTP/1.1\r\n${HOST}expect: 100-Continue\r\nTransfer-Encoding: chunked\r\n\r\n`);
  expect((await client.answer()).status).toBe(100);
  client.send("3\r\nabc\r\n");
  client.send("0\r\n\r\n");
  expect((await client.answer()).body.toString()).toBe("got abc");
  expect((await client.ask(get(""))).body.toString()).toBe("got ");
});

test("H-B14 a client that does not wait, and one whose body comes with the head, are served", async () => {
  await using own = await startPair((request) => answerText(`got ${request.body}`), continuing);
  using client = await rawClient(own.port);
  for (const body of ["at once", "again"]) {
    client.send(expecting(body.length) + body);
    const first = await client.answer();
    const final = first.status === 100 ? await client.answer() : first;
    expect([final.status, final.body.toString()]).toEqual([200, `got ${body}`]);
  }
  expect((await client.ask(get(""))).body.toString()).toBe("got ");
  expect(own.origin.connections.length).toBe(1);
});

test("H-B14 100 is ours where a step needs the body, and the backend's is not sent again", async () => {
  await using own = await startPair((request) => answerText(`got ${request.body}`), {
    ...continuing,
    route: ", middlewares: [{ test_peek: { bytes: 100, whole: true } }]",
    testSteps: true,
  });
  using client = await rawClient(own.port);
  for (const body of ["abc", "defg"]) {
    const before = receivedBytes(own.origin);
    client.send(expecting(body.length));
    expect((await client.answer()).status).toBe(100);
    expect(receivedBytes(own.origin)).toBe(before);
    client.send(body);
    const final = await client.answer();
    expect([final.status, final.body.toString()]).toEqual([200, `got ${body}`]);
  }
  // A body that comes with its head needs no 100, but may get one.
  client.send(`${expecting(3)}xyz`);
  const first = await client.answer();
  const whole = first.status === 100 ? await client.answer() : first;
  expect([whole.status, whole.body.toString()]).toEqual([200, "got xyz"]);
});

/** A backend that answers a head that expects 100 with a final status at once. */
const refusing: RawOriginOptions = {
  onData(connection, bytes) {
    if (!/\r\nexpect: /i.test(bytes.toString("latin1"))) return false;
    connection.send(answerText("no", 403));
    return true;
  },
};

test("H-B14 a final status without 100 goes to the client, and what follows is no next request", async () => {
  await using own = await startPair((request) => answerText(`got ${request.target}`), refusing);
  // Nobody can tell whether what the client sends next is the body or another request: the connection ends.
  for (const next of ["0123456789", get("", "/smuggled"), ""]) {
    using client = await rawClient(own.port);
    const answer = await client.ask(expecting(10));
    expect([answer.status, answer.body.toString(), answer.get("connection")]).toEqual([403, "no", "close"]);
    client.send(next);
    await client.end();
    expect(client.received.length).toBe(0);
  }
  expect((await askOnce(own.port, get("", "/after"))).body.toString()).toBe("got /after");
  expect(own.origin.requests.map(({ target }) => target)).toEqual(["/after"]);
});

test("H-B14 a final status of our own without 100 ends the connection too", async () => {
  await using own = await startPair(() => answerText("ok"), {
    route: ', match: "Path(`/only`)", middlewares: [{ buffering: { max_request_body_bytes: 5 } }]',
  });
  for (const [target, length, status] of [
    ["/", 3, 404],
    ["/only", 6, 413],
  ] as const) {
    using client = await rawClient(own.port);
    const answer = await client.ask(expecting(length, target));
    expect([answer.status, answer.get("connection")]).toEqual([status, "close"]);
    await client.end();
  }
  expect(own.origin.connections.length).toBe(0);
});

test("H-B15 another expectation gets 417", async () => {
  const lines = [
    "foo",
    "100-continue, foo",
    "100-continued",
    "100-continue;x",
    '"100-continue"',
    "",
    "\xa0100-continue",
  ];
  await using it = await startPair();
  const cases = refusals(417, "FL_EXPECTATION_FAILED", [
    ...lines.map((value) => [value, get(`Expect: ${value}\r\n`)] as const),
    ["with a body", `POST / HTTP/1.1\r\n${HOST}Expect: foo\r\nContent-Length: 2\r\n\r\nhi`],
    ["two fields", get("Expect: 100-continue\r\nExpect: 100-continue\r\n")],
    ["two different fields", get("Expect: 100-continue\r\nExpect: foo\r\n")],
  ]);
  expect(await refusalFaults(it, cases)).toEqual([]);
});

test("H-B16 a client of HTTP/1.0 gets no 100, neither a backend's nor ours", async () => {
  const request = `POST / HTTP/1.0\r\n${HOST}Expect: 100-continue\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nabc`;
  for (const options of [
    {},
    { route: ", middlewares: [{ test_peek: { bytes: 100, whole: true } }]", testSteps: true },
  ]) {
    await using own = await startPair(
      (received) => `HTTP/1.1 100 Continue\r\n\r\n${answerText(`got ${received.body}`)}`,
      options,
    );
    using client = await rawClient(own.port);
    for (let round = 0; round < 2; round++) {
      const answer = await client.ask(request);
      expect([answer.status, answer.body.toString()]).toEqual([200, "got abc"]);
    }
    expect(own.origin.requests[0]!.get("expect")).toBeNull();
  }
});

test("H-B16 with a backend of HTTP/1.0 nobody waits for a 100 that never comes", async () => {
  await using own = await startPair((request, connection) =>
    connection.end(`HTTP/1.0 200 OK\r\n\r\ngot ${request.body}`),
  );
  using client = await rawClient(own.port);
  for (const body of ["abc", "de"]) {
    client.send(expecting(body.length));
    await until(() => own.origin.open.length === 1, "the head is at the backend");
    expect(client.received.length).toBe(0);
    // The client sends its body after a while on its own (RFC 9110 10.1.1).
    client.send(body);
    const answer = await client.answer();
    expect([answer.status, answer.body.toString()]).toEqual([200, `got ${body}`]);
  }
});
