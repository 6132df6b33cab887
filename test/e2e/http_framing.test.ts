/** Where the body of a request ends, on both sides of the proxy (rows of group C). */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { randomSource } from "../fuzz/random_source.ts";
import { startFairlead, until } from "../support/fairlead.ts";
import { differential } from "../support/http1/differential.ts";
import type { ReadRequest } from "../support/http1/message.ts";
import { readRequestsNaively } from "../support/http1/naive_requests.ts";
import { pick, randomRequest, sendInSegments, type SentRequest } from "../support/http1/random_requests.ts";
import { recordingOrigin } from "../support/http1/recording_origin.ts";
import { logMark, receivedBytes, refusalFaults, refusals } from "../support/http_refusals.ts";
import { startPair, type ProxyPair } from "../support/proxy_pair.ts";
import { askOnce, rawClient } from "../support/raw_client.ts";
import { answerText, type RawOrigin } from "../support/raw_origin.ts";

const HOST = "Host: a.example\r\n";
const GET = `GET / HTTP/1.1\r\n${HOST}\r\n`;
const post = (fields: string, body: string, method = "POST", target = "/") =>
  `${method} ${target} HTTP/1.1\r\n${HOST}${fields}\r\n${body}`;
const chunkedPost = (body: string, fields = "") => post(`${fields}Transfer-Encoding: chunked\r\n`, body);

const END = "0\r\n\r\n";

const poolOf = (url: string) => `pools: { app: { backends: [{ url: "${url}" }] } }\nroutes: [{ pool: app }]`;

/** The backend answers with what it got. */
let it: ProxyPair;
beforeAll(async () => {
  it = await startPair((request) => {
    const body = `${request.target} ${request.body.toString("latin1")}`;
    const answer = answerText(body);
    return Buffer.from(request.method === "HEAD" ? answer.slice(0, -body.length) : answer, "latin1");
  });
});
afterAll(async () => await it[Symbol.asyncDispose]());

/** Asserts that each of these heads is refused; a body and a smuggled request follow. */
async function expectHeadsRefused(
  status: number,
  reason: string | RegExp,
  heads: readonly string[],
  version = "1.1",
): Promise<void> {
  const cases = heads.flatMap((head) =>
    ["POST", "GET"].map(
      (method) =>
        [
          `${method} ${JSON.stringify(head)}`,
          `${method} / HTTP/${version}\r\n${HOST}${head}\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n${HOST}\r\n`,
        ] as const,
    ),
  );
  expect(await refusalFaults(it, refusals(status, reason, cases))).toEqual([]);
}

const BAD_FRAMING = "FL_BAD_FRAMING";

test("H-C1 Content-Length beside Transfer-Encoding is refused in both orders", async () => {
  await expectHeadsRefused(
    400,
    BAD_FRAMING,
    ["0", "5", "41", "x"].flatMap((length) => [
      `Content-Length: ${length}\r\nTransfer-Encoding: chunked\r\n`,
      `Transfer-Encoding: chunked\r\nContent-Length: ${length}\r\n`,
      `transfer-encoding: Chunked\r\nX-A: b\r\ncontent-length: ${length}\r\n`,
      `Content-Length: ${length}\r\nTransfer-Encoding: identity\r\n`,
      `Connection: Content-Length\r\nContent-Length: ${length}\r\nTransfer-Encoding: chunked\r\n`,
      `Connection: Transfer-Encoding\r\nContent-Length: ${length}\r\nTransfer-Encoding: chunked\r\n`,
    ]),
  );
});

test("H-C2 two different lengths are refused, as two fields and as one list", async () => {
  await expectHeadsRefused(400, BAD_FRAMING, [
    "Content-Length: 5\r\nContent-Length: 6\r\n",
    "Content-Length: 6\r\nContent-Length: 5\r\n",
    "Content-Length: 0\r\nX-A: b\r\ncontent-length: 44\r\n",
    "Content-Length: 5\r\nContent-Length:\r\n",
    "Content-Length: 5, 6\r\n",
    "Content-Length: 6,5\r\n",
    "Content-Length: 5,\r\n",
    "Content-Length: ,5\r\n",
  ]);
});

test("H-C3 a length that is repeated is refused too", async () => {
  await expectHeadsRefused(400, BAD_FRAMING, [
    "Content-Length: 5\r\nContent-Length: 5\r\n",
    "Content-Length: 0\r\ncontent-length: 0\r\n",
    "Content-Length: 5\r\nX-A: b\r\nContent-Length: 5\r\n",
    "Content-Length: 5, 5\r\n",
    "Content-Length: 5,5\r\n",
    "Content-Length: 0, 0\r\n",
  ]);
});

test("H-C4 a length is decimal digits alone and not too many", async () => {
  const values = [
    ...[
      "+5",
      "-1",
      "-0",
      "0x5",
      "5 5",
      "",
      " ",
      "5;x",
      "0_5",
      "5.0",
      "5e0",
      "5e1",
      "five",
      "0b1",
      "0o5",
      "5L",
    ],
    ...[
      "\xb2",
      "\xa05",
      "5\xa0",
      "5\x85",
      "\xff5",
      '"5"',
      "'5'",
      "(5)",
      "5/5",
      "5\t5",
      "#5",
      "NaN",
      "Infinity",
    ],
    ...[
      "9223372036854775808",
      "18446744073709551616",
      "18446744073709551621",
      "4294967296000000000",
      "9".repeat(400),
    ],
  ];
  await expectHeadsRefused(
    400,
    BAD_FRAMING,
    values.map((value) => `Content-Length: ${value}\r\n`),
  );
});

test("H-C5 codings other than one final chunked are refused", async () => {
  await expectHeadsRefused(
    501,
    "FL_UNKNOWN_CODING",
    ["gzip, chunked", "identity, chunked", "xchunked, chunked", "gzip ,\tdeflate , CHUNKED"].map(
      (value) => `Transfer-Encoding: ${value}\r\n`,
    ),
  );
  const values = [
    ...[
      "chunked, gzip",
      "gzip",
      "identity",
      "xchunked",
      "chunkedx",
      "chunke",
      ",chunked",
      "chunked,",
      ", chunked",
    ],
    ...[
      "chunked, chunked",
      "chunked,chunked",
      "chunked chunked",
      "chunked, identity",
      "chunked, gzip, chunked",
    ],
    ...[
      '"chunked"',
      "'chunked'",
      "chunked;q=1",
      "chunked; a=b",
      "gzip;q=1, chunked",
      "chunked=1",
      "",
      " ",
      ",",
    ],
    ...["chunk ed", "chun,ked", "trailers", "0", "chunked/1", "(chunked)", "chunked:", "\\chunked"],
  ];
  await expectHeadsRefused(400, BAD_FRAMING, [
    ...values.map((value) => `Transfer-Encoding: ${value}\r\n`),
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\ntransfer-encoding: identity\r\n",
    "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
    "Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n",
  ]);
});

test("H-C6 nothing but a blank or a tab stands around the coding, and nothing before the colon", async () => {
  const odd = ["\x85", "\xa0", "\xff", "\xef\xbb\xbf", "\xe2\x80\x8b"];
  await expectHeadsRefused(
    400,
    BAD_FRAMING,
    odd.flatMap((byte) => [
      `Transfer-Encoding: ${byte}chunked\r\n`,
      `Transfer-Encoding: chunked${byte}\r\n`,
      `Transfer-Encoding:${byte}chunked\r\n`,
    ]),
  );
  await expectHeadsRefused(400, "FL_BAD_HEADER", [
    ...["\x0b", "\x0c", "\0", "\x7f", "\x1f", "\r", "\n"].flatMap((byte) => [
      `Transfer-Encoding: ${byte}chunked\r\n`,
      `Transfer-Encoding: chunked${byte}\r\n`,
      `Transfer-Encoding${byte}: chunked\r\n`,
    ]),
    "Transfer-Encoding : chunked\r\n",
    "Transfer-Encoding\t: chunked\r\n",
    " Transfer-Encoding: chunked\r\n",
    "X: y\r\n Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding:\r\n chunked\r\n",
    "Transfer-Encoding\xa0: chunked\r\n",
    "Transfer Encoding: chunked\r\n",
  ]);
  for (const value of ["chunked", "  chunked", "\tchunked\t ", "CHUNKED"]) {
    const received = await it.forwarded(post(`Transfer-Encoding:${value}\r\n`, "2\r\nhi\r\n0\r\n\r\n"));
    expect([received.all("transfer-encoding"), received.body.toString()]).toEqual([["chunked"], "hi"]);
  }
});

test("H-C7 HTTP/1.0 has no transfer codings", async () => {
  await expectHeadsRefused(
    400,
    BAD_FRAMING,
    [
      "Transfer-Encoding: chunked\r\n",
      "Transfer-Encoding: identity\r\n",
      "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
      "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n",
    ],
    "1.0",
  );
});

test("H-C14 a body of any method goes on exactly", async () => {
  const body = "GET /smuggled HTTP/1.1\r\nHost: b\r\n\r\n";
  const before = it.origin.requests.length;
  using client = await rawClient(it.fairlead.port());
  const methods = ["GET", "HEAD", "DELETE", "OPTIONS", "PATCH", "PUT", "FOO"];
  for (const method of methods) {
    for (const [fields, text] of [
      [`Content-Length: ${body.length}\r\n`, body],
      ["Transfer-Encoding: chunked\r\n", `${body.length.toString(16)}\r\n${body}\r\n${END}`],
    ] as const) {
      const answer = await client.ask(post(fields, text, method, "/m"), { head: method === "HEAD" });
      expect([method, answer.status]).toEqual([method, 200]);
      const received = it.origin.requests.at(-1)!;
      expect([method, received.method, received.target, received.body.toString()]).toEqual([
        method,
        method,
        "/m",
        body,
      ]);
      const [length, coding] = [received.all("content-length"), received.all("transfer-encoding")];
      if (text === body) expect([length, coding]).toEqual([[String(body.length)], []]);
      else expect([length, coding]).toEqual([[], ["chunked"]]);
    }
    const empty = await client.ask(post("Content-Length: 0\r\n", "", method, "/m"), {
      head: method === "HEAD",
    });
    expect([method, empty.status]).toEqual([method, 200]);
    expect(it.origin.requests.at(-1)!.all("content-length")).toEqual(["0"]);
  }
  expect(it.origin.requests.length).toBe(before + methods.length * 3);
  expect(it.origin.requests.some(({ target }) => target === "/smuggled")).toBe(false);
});

test("H-C15 what follows a body is the next request, and garbage there gets 400", async () => {
  for (const garbage of ["\0garbage\r\n\r\n", "garbage\r\n\r\n", "XX\r\n", "hello hello\r\n", "{}"]) {
    for (const first of [
      post("Content-Length: 5\r\n", "hello", "POST", "/first"),
      post("Transfer-Encoding: chunked\r\n", `5\r\nhello\r\n${END}`, "POST", "/first"),
    ]) {
      const lines = await logMark(it);
      const before = it.origin.requests.length;
      using client = await rawClient(it.fairlead.port());
      const answer = await client.ask(first + garbage);
      expect([answer.status, answer.body.toString()]).toEqual([200, "/first hello"]);
      const second = await client.answer();
      expect([garbage, second.status, second.get("connection")]).toEqual([garbage, 400, "close"]);
      await client.end();
      expect(client.received.length).toBe(0);
      expect(it.origin.requests.length).toBe(before + 1);
      const logged = (await it.fairlead.log(lines + 2)).slice(lines);
      expect(logged.map(({ status, reason }) => [status, reason])).toEqual([
        [200, "-"],
        [400, expect.stringMatching(/^FL_BAD_(?:REQUEST_LINE|TARGET)$/)],
      ]);
    }
  }
});

/** What the newest connection of the backend has got. */
const upstream = (origin: RawOrigin) => origin.open.at(-1)?.everything.toString("latin1") ?? "";

test("H-C16 a client that goes away inside its body leaves no whole request at the backend", async () => {
  const heads = [
    post("Content-Length: 100\r\n", "the start"),
    chunkedPost("9\r\nthe start\r\n"),
    chunkedPost("64\r\nthe start"),
    chunkedPost("9\r\nthe start\r\n0\r\nX-Trailer: 1\r\n"),
  ];
  for (const head of heads) {
    for (const how of ["FIN", "RST"]) {
      const lines = await logMark(it);
      const complete = it.origin.requests.length;
      const client = await rawClient(it.fairlead.port());
      client.send(head);
      await until(
        () => upstream(it.origin).endsWith("the start") || upstream(it.origin).endsWith("the start\r\n"),
        "the start is there",
      );
      const connection = it.origin.open.at(-1)!;
      if (how === "FIN") client.socket.end();
      else client.socket.resetAndDestroy();
      await until(() => connection.closed, "the backend's connection is cut", 1_000);
      expect(connection.received.toString("latin1")).not.toContain(`\r\n${END}`);
      expect(it.origin.requests.length).toBe(complete);
      const [line] = (await it.fairlead.log(lines + 1)).slice(lines);
      expect(line).toMatchObject({ status: 499, reason: "FL_CLIENT_ABORT" });
      client.close();
      expect((await askOnce(it.fairlead.port(), GET)).status).toBe(200);
    }
  }
  expect(it.fairlead.metric("backend_requests_total", 'class="5xx"')).toBe(0);
});

test("H-C18 the framing that goes on is one length or one chunked, written anew", async () => {
  const lengths = ["5", "005", "000000000000005", "  5\t ", "\t5"];
  for (const value of lengths) {
    for (const name of ["Content-Length", "content-length", "CONTENT-LENGTH"]) {
      const received = await it.forwarded(post(`${name}:${value}\r\n`, "hello"));
      expect([value, received.all("content-length"), received.all("transfer-encoding")]).toEqual([
        value,
        ["5"],
        [],
      ]);
      expect(received.raw.toString("latin1")).toMatch(/\r\ncontent-length: ?5\r\n/i);
      expect(received.body.toString()).toBe("hello");
    }
  }
  const bodies = [
    `5\r\nhello\r\n${END}`,
    `00005\r\nhello\r\n000\r\n\r\n`,
    `1;x=y\r\nh\r\n4\r\nello\r\n0;z\r\n\r\n`,
    "1\r\nh\r\n1\r\ne\r\n1\r\nl\r\n1\r\nl\r\n1\r\no\r\n0\r\nX: y\r\n\r\n",
  ];
  for (const body of bodies) {
    const received = await it.forwarded(post("transfer-encoding: Chunked\r\n", body));
    expect([received.all("transfer-encoding"), received.all("content-length")]).toEqual([["chunked"], []]);
    const text = received.raw.toString("latin1");
    expect(text.slice(text.indexOf("\r\n\r\n") + 4)).toMatch(
      /^(?:[1-9a-f][0-9a-f]*\r\n[a-z]+\r\n)+0\r\n\r\n$/,
    );
    expect(received.body.toString()).toBe("hello");
  }
  for (const method of ["GET", "POST", "DELETE"]) {
    const received = await it.forwarded(post("", "", method));
    expect([received.all("transfer-encoding"), received.all("content-length")]).toEqual([[], []]);
  }
  const old = await it.forwarded(`POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello`);
  expect([old.version, old.all("content-length"), old.body.toString()]).toEqual(["1.1", ["5"], "hello"]);
});

test("H-C18 however a body is cut into segments, the same request goes on", async () => {
  const request = chunkedPost(
    `5;a=b\r\nhello\r\n00A\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n`,
    "TE: trailers\r\n",
  );
  for (let cut = request.indexOf("\r\n\r\n") + 2; cut < request.length; cut++) {
    using client = await rawClient(it.fairlead.port());
    const before = receivedBytes(it.origin);
    client.send(request.slice(0, cut));
    // What is before the cut goes on before the rest comes; a head that is cut does not.
    if (cut > request.indexOf("\r\n\r\n") + 3)
      await until(() => receivedBytes(it.origin) > before, "the start has gone on");
    client.send(request.slice(cut));
    expect((await client.answer()).body.toString()).toBe("/ hello0123456789");
    expect(it.origin.requests.at(-1)!.trailers).toEqual([["X-T", "1"]]);
  }
});

/** Another seed gives other mixes; a report names it. */
const SEED = 20_261_125;

/** Requests that no backend gets: what we answer ourselves, at once and in turn with all others. */
const OWN: readonly { readonly text: string; readonly status: number }[] = [
  { text: `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`, status: 204 },
  { text: `TRACE /trace HTTP/1.1\r\n${HOST}\r\n`, status: 405 },
  { text: `GET /own HTTP/1.1\r\n${HOST}X-A: b\r\n\r\n`, status: 418 },
];

test("H-C24 of random mixes of requests each arrives once and whole, and three strict readers agree on all of them", async () => {
  using backend = await recordingOrigin();
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${backend.origin.url}" }] } }
routes: [{ match: "Path(\`/own\`)", respond: { status: 418, body: own } }, { pool: app }]`,
  );
  const expected = new Map<string, SentRequest["request"]>();
  const runClient = async (index: number): Promise<void> => {
    const random = randomSource(SEED + index);
    const list = Array.from({ length: 1 + random.below(12) }, (_, at) => {
      if (random.below(3) === 0) return { ...pick(random, OWN), target: null };
      const { text, request } = randomRequest(random, `/${index}/${at}`);
      expected.set(request.target, request);
      return { text, status: 200, target: request.target };
    });
    using client = await rawClient(fairlead.port());
    const sent = sendInSegments(client, random, list.map(({ text }) => text).join(""));
    for (const { status, target } of list) {
      const answer = await client.answer();
      expect([index, answer.status, answer.get("x-target")]).toEqual([index, status, target]);
    }
    await sent;
    expect(client.received.length).toBe(0);
  };
  for (let round = 0; round < 10; round++)
    await Promise.all(Array.from({ length: 6 }, (_, index) => runClient(round * 6 + index)));
  const received = backend.take();
  expect(backend.takeFaults()).toEqual([]);
  expect(received.length).toBe(expected.size);
  for (const { method, target, body, trailers } of received)
    expect({ method, target, body, trailers }).toEqual(expected.get(target)!);
  expect(await differential(everythingAt(backend.origin))).toEqual([]);
});

test("H-C24 of mixes with a fault in them nothing arrives that a strict reader would not have read", async () => {
  const random = randomSource(SEED + 1);
  using backend = await recordingOrigin();
  await using fairlead = await startFairlead(poolOf(backend.origin.url));
  const bytes = ["\0", "\t", "\n", "\v", "\r", "\r\n", " ", ",", ";", ":", "0", "x", "\x7f", "\xa0", "\xff"];
  for (let index = 0; index < 120; index++) {
    const list = Array.from({ length: 1 + random.below(3) }, (_, at) =>
      randomRequest(random, `/${index}/${at}`),
    );
    const sound = list.map(({ text }) => text).join("");
    const at = random.below(sound.length);
    const text = sound.slice(0, at) + pick(random, bytes) + sound.slice(at + random.below(2));
    const reading = readRequestsNaively(Buffer.from(text, "latin1"));
    using client = await rawClient(fairlead.port());
    await sendInSegments(client, random, text);
    client.socket.end();
    await client.end();
    const summary = (requests: readonly ReadRequest[]) =>
      requests.map(({ method, target, body }) => ({ method, target, body }));
    const wanted = summary(reading.requests).filter(({ target }) => target !== "*");
    expect({ text, requests: summary(backend.take()) }).toEqual({ text, requests: wanted });
  }
  expect(backend.takeFaults()).toEqual([]);
  expect(await differential(everythingAt(backend.origin))).toEqual([]);
});

/** All that has come on each connection of a backend. */
function everythingAt(origin: RawOrigin) {
  return origin.connections.map(({ everything, index }) => ({
    name: `seed ${SEED}, connection ${index}`,
    bytes: everything,
  }));
}
