/** Chunked bodies and trailers of requests, sound and malformed (rows C8 to C13). */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { until } from "../support/fairlead.ts";
import { logMark, receivedBytes } from "../support/http_refusals.ts";
import { startPair, type ProxyPair } from "../support/proxy_pair.ts";
import { rawClient, type RawClient } from "../support/raw_client.ts";
import { answerText, type RawOrigin } from "../support/raw_origin.ts";

const HOST = "Host: a.example\r\n";
const GET = `GET / HTTP/1.1\r\n${HOST}\r\n`;
const END = "0\r\n\r\n";
const chunkedPost = (body: string, fields = "", target = "/") =>
  `POST ${target} HTTP/1.1\r\n${HOST}${fields}Transfer-Encoding: chunked\r\n\r\n${body}`;

let it: ProxyPair;
beforeAll(async () => {
  it = await startPair((request) => answerText(`${request.target} ${request.body.toString("latin1")}`));
});
afterAll(async () => await it[Symbol.asyncDispose]());

/**
 * Sends a body that turns out to be malformed, all at once and again with the malformed part behind a sound one that the
 * backend has got already. The client gets 400 and the end; the backend gets no end of the request and loses the connection.
 */
async function expectBodyRefused(name: string, malformed: string, fields = ""): Promise<void> {
  const lines = await logMark(it);
  const complete = it.origin.requests.length;
  const head = chunkedPost("", fields);
  const check = async (client: RawClient, how: string) => {
    const answer = await client.answer({ timeoutMs: 1_000 });
    expect([name, how, answer.status, answer.get("connection")]).toEqual([name, how, 400, "close"]);
    expect(answer.body.toString()).toBe("400 Bad Request: malformed chunked body\n");
    await client.end(1_000);
    expect([name, how, client.received.length]).toEqual([name, how, 0]);
  };
  using atOnce = await rawClient(it.fairlead.port());
  atOnce.send(`${head}3\r\nabc\r\n${malformed}`);
  await check(atOnce, "at once");
  using inParts = await rawClient(it.fairlead.port());
  const before = receivedBytes(it.origin);
  inParts.send(`${head}3\r\nabc\r\n`);
  await until(
    () => receivedBytes(it.origin) > before && upstream(it.origin).includes("abc"),
    "the first chunk has gone on",
  );
  const connection = it.origin.open.at(-1)!;
  inParts.send(malformed);
  await check(inParts, "in parts");
  await until(() => connection.closed, "the backend's connection is cut");
  expect([name, connection.everything.toString("latin1").includes("\r\n0\r\n\r\n")]).toEqual([name, false]);
  expect([name, it.origin.requests.length]).toEqual([name, complete]);
  const reasons = (await it.fairlead.log(lines + 2)).slice(lines);
  expect(reasons.map(({ status, reason }) => [name, status, reason])).toEqual([
    [name, 400, "FL_BAD_CHUNK"],
    [name, 400, "FL_BAD_CHUNK"],
  ]);
}

/** What the newest connection of the backend has got. */
const upstream = (origin: RawOrigin) => origin.open.at(-1)?.everything.toString("latin1") ?? "";

test("H-C8 a chunk size is hexadecimal digits alone and not too many", async () => {
  const sizes = [
    ...[
      "0x5",
      "+5",
      "-0",
      "-1",
      "0_5",
      " 5",
      "\t5",
      "5 ",
      "5\t",
      "",
      " ",
      "g",
      "5g",
      "5,",
      "5.0",
      '"5"',
      "\x0b5",
    ],
    ...["5\x0b", "\xa05", "5\xa0", "\0", "5\0", "12345678901234567", "00000000000000005", "ffffffffffffffff"],
    ...["20000000000000", "8000000000000000", "1".repeat(64)],
  ];
  for (const size of sizes)
    await expectBodyRefused(`size ${JSON.stringify(size)}`, `${size}\r\nhello\r\n${END}`);
});

test("H-C8 the line of a chunk size ends with CRLF alone", async () => {
  for (const line of ["5\n", "5\r", "5\rhello", "5\r\rhello", "5\n\r", "5\r \n"])
    await expectBodyRefused(JSON.stringify(line), `${line}hello\r\n${END}`);
});

test("H-C9 chunk extensions are read over and do not go on", async () => {
  const extensions = [
    ";a",
    ";a=b",
    ";",
    ";;",
    ";a=b;c=d",
    ';a="b;c\\"d"',
    "; a = b",
    ";\ta",
    ";a=\xff\x80",
    ";0",
    ";chunked",
  ];
  for (const extension of extensions) {
    const received = await it.forwarded(
      chunkedPost(`3${extension}\r\nabc\r\n2\r\nde\r\n0${extension}\r\n\r\n`),
    );
    expect([extension, received.body.toString()]).toEqual([extension, "abcde"]);
    expect(received.raw.toString("latin1").split("\r\n\r\n")[1]).not.toContain(";");
  }
});

test("H-C9 a control character in a chunk extension is refused", async () => {
  for (const byte of ["\r", "\n", "\0", "\x01", "\x0b", "\x7f"])
    for (const extension of [`;a${byte}b`, `;${byte}`, `;a="${byte}"`, `;a${byte}5`])
      await expectBodyRefused(JSON.stringify(extension), `5${extension}\r\nhello\r\n${END}`);
});

test("H-C10 all extensions of a body together have a limit", async () => {
  const within = chunkedPost(`1;${"a".repeat(2_000)}\r\nb\r\n1;${"a".repeat(2_000)}\r\nc\r\n${END}`);
  expect((await it.forwarded(within)).body.toString()).toBe("bc");
  await expectBodyRefused("one of 5,000 bytes", `1;${"a".repeat(5_000)}\r\nb\r\n${END}`);
  await expectBodyRefused("one of 64 KB that does not end", `1;${"a".repeat(65_536)}`);
  await expectBodyRefused("many small ones", `${"1;abcdefghi\r\nb\r\n".repeat(500)}${END}`);
  await expectBodyRefused("at the last chunk", `1\r\nb\r\n0;${"a".repeat(5_000)}\r\n\r\n`);
});

test("H-C11 data of a chunk is followed by CRLF, the last chunk by its end or fields", async () => {
  const malformed = [
    `5\r\nhelloX\r\n${END}`,
    `5\r\nhello${END}`,
    `5\r\nhello\n${END}`,
    `5\r\nhello\r${END}`,
    `5\r\nhello\r\r\n${END}`,
    `5\r\nhello!\r\n${END}`,
    `4\r\nhello\r\n${END}`,
    "0\r\nXX\r\n\r\n",
    "0\r\n\n",
    "0\r\n\rX",
    "0\r\n X: y\r\n\r\n",
    "0\r\n: y\r\n\r\n",
    "0\r\nX : y\r\n\r\n",
    "0\r\nX: y\r\n z\r\n\r\n",
    "0\r\nX: y\n\r\n",
    "0\r\nX: \0\r\n\r\n",
    "0\r\n\0",
  ];
  for (const body of malformed) await expectBodyRefused(JSON.stringify(body), body);
});

const TRAILERS = "X-First: 1\r\nx-SECOND: \xa0two\r\nX-First: again\r\nX-Empty:\r\n";
const TRAILER_FIELDS = [
  ["X-First", "1"],
  ["x-SECOND", "\xa0two"],
  ["X-First", "again"],
  ["X-Empty", ""],
] as const;

test("H-C12 trailers go on to a backend when the request takes them, in order and as they are", async () => {
  for (const te of ["TE: trailers\r\n", "TE: gzip, trailers\r\nConnection: TE\r\n"]) {
    const received = await it.forwarded(chunkedPost(`2\r\nhi\r\n0\r\n${TRAILERS}\r\n`, te));
    expect([received.body.toString(), received.trailers]).toEqual(["hi", [...TRAILER_FIELDS]]);
    expect([received.all("te"), received.all("connection")]).toEqual([["trailers"], ["TE"]]);
  }
});

test("H-C12 otherwise trailers are read and left out", async () => {
  for (const te of ["", "TE: gzip\r\n", "Trailer: X-First\r\n"]) {
    const received = await it.forwarded(chunkedPost(`2\r\nhi\r\n0\r\n${TRAILERS}\r\n`, te));
    expect([received.body.toString(), received.trailers]).toEqual(["hi", []]);
    expect(received.get("trailer")).toBeNull();
  }
});

test("H-C12 what frames, routes, authenticates or identifies does not go on in a trailer", async () => {
  const forbidden = [
    ...[
      "Content-Length",
      "Transfer-Encoding",
      "Host",
      "Authorization",
      "Cookie",
      "Set-Cookie",
      "Content-Type",
    ],
    ...["Content-Encoding", "Content-Range", "Content-Location", "Trailer", "TE", "Connection", "Keep-Alive"],
    ...["Upgrade", "Expect", "Range", "If-Match", "If-None-Match", "Cache-Control", "Max-Forwards", "Proxy"],
    ...["Proxy-Authorization", "Proxy-Connection", "X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP"],
    ...["X-Request-ID", "Forwarded", "Via", "CDN-Loop", "Pragma", "Date", "Location"],
  ];
  const spellings = forbidden.flatMap((name) => [name, name.toUpperCase(), name.replaceAll("-", "_")]);
  for (let at = 0; at < spellings.length; at += 50) {
    const lines = spellings.slice(at, at + 50).map((name) => `${name}: 7\r\n`);
    const received = await it.forwarded(
      chunkedPost(`2\r\nhi\r\n0\r\nX-Before: 1\r\n${lines.join("")}X-After: 2\r\n\r\n`, "TE: trailers\r\n"),
    );
    expect(received.trailers).toEqual([
      ["X-Before", "1"],
      ["X-After", "2"],
    ]);
    expect([received.all("host"), received.all("content-length")]).toEqual([["a.example"], []]);
  }
});

test("H-C12 nor what Connection names", async () => {
  const received = await it.forwarded(
    chunkedPost("0\r\nX-Hop: 1\r\nX-Stays: 2\r\n\r\n", "TE: trailers\r\nConnection: TE, X-Hop\r\n"),
  );
  expect(received.trailers).toEqual([["X-Stays", "2"]]);
});

test("H-C12 a trailer section that comes in one segment with its head leaves both whole, in both directions", async () => {
  await using own = await startPair(
    (request) =>
      `HTTP/1.1 200 OK\r\nX-Target: ${request.target}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Long-Trailer: ${"t".repeat(300)}\r\n\r\n`,
  );
  using client = await rawClient(own.port);
  // The first request opens the backend's connection: later ones go on in the event in which they come.
  for (const target of ["/1", "/2", "/3"]) {
    const request = chunkedPost("0\r\nX-T: 1\r\n\r\n", "TE: trailers\r\n", target);
    const answer = await client.ask(request);
    expect([answer.status, answer.get("x-target"), answer.body.length]).toEqual([200, target, 0]);
    expect(answer.trailers).toEqual([["X-Long-Trailer", "t".repeat(300)]]);
    const received = own.origin.requests.at(-1)!;
    expect([received.method, received.target, received.get("host")]).toEqual(["POST", target, "a.example"]);
    expect(received.trailers).toEqual([["X-T", "1"]]);
  }
});

test("H-C13 a request behind a trailer section is served on the same connection", async () => {
  const first = chunkedPost(`2\r\nhi\r\n0\r\n${TRAILERS}\r\n`, "TE: trailers\r\n");
  using client = await rawClient(it.fairlead.port());
  for (let round = 0; round < 3; round++) {
    expect((await client.ask(first)).body.toString()).toBe("/ hi");
    expect((await client.ask(GET)).body.toString()).toBe("/ ");
  }
  client.send(first + GET + first);
  for (const body of ["/ hi", "/ ", "/ hi"]) expect((await client.answer()).body.toString()).toBe(body);
});
