/** Header fields on their way to backends and back (rows of group B). */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { until } from "../support/fairlead.ts";
import { receivedBytes, refusalFaults, refusals } from "../support/http_refusals.ts";
import { startPair, type ProxyPair } from "../support/proxy_pair.ts";
import { askOnce, rawClient, type Answer } from "../support/raw_client.ts";
import { answerText } from "../support/raw_origin.ts";

const HOST = "Host: a.example\r\n";
const get = (fields: string, target = "/") => `GET ${target} HTTP/1.1\r\n${HOST}${fields}\r\n`;

/** The backend answers with `fieldsOfAnswers`. */
let it: ProxyPair;
let fieldsOfAnswers = "";
beforeAll(async () => {
  it = await startPair(() => answerText("ok", 200, fieldsOfAnswers));
});
afterAll(async () => await it[Symbol.asyncDispose]());

/** What the client gets when the backend answers with these fields. */
async function answered(fields: string): Promise<Answer> {
  fieldsOfAnswers = fields;
  try {
    return await askOnce(it.fairlead.port(), get(""));
  } finally {
    fieldsOfAnswers = "";
  }
}

const BAD_HEADER = "FL_BAD_HEADER";
const hex = (byte: number) => `0x${byte.toString(16).padStart(2, "0")}`;
const bytesWhere = (holds: (byte: number) => boolean) =>
  Array.from({ length: 256 }, (_, byte) => byte).filter(holds);

test("H-B1 white space before a colon or before the first field is refused", async () => {
  const heads = [
    "Host : a\r\n",
    "Host\t: a\r\n",
    `${HOST}X-A : b\r\n`,
    `${HOST}X-A\t: b\r\n`,
    `${HOST}X-A  : b\r\n`,
    `${HOST}X A: b\r\n`,
    `${HOST}Content-Length : 5\r\n`,
    `${HOST}Transfer-Encoding : chunked\r\n`,
    ` ${HOST}`,
    `\t${HOST}`,
    ` X-A: b\r\n${HOST}`,
  ];
  const requests = heads.map((head) => [JSON.stringify(head), `GET / HTTP/1.1\r\n${head}\r\n`] as const);
  expect(await refusalFaults(it, refusals(400, BAD_HEADER, requests))).toEqual([]);
});

test("H-B2 folded lines are refused", async () => {
  const folds = [
    "X-A: b\r\n c\r\n",
    "X-A: b\r\n\tc\r\n",
    "X-A: b\r\n \r\n",
    "X-A:\r\n b\r\n",
    "X-A: b\r\n c\r\nX-B: d\r\n",
    "X-A: b\r\n Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding:\r\n chunked\r\n",
    "Content-Length: 1\r\n 0\r\n",
  ];
  const requests = folds.map((fold) => [JSON.stringify(fold), get(fold)] as const);
  expect(await refusalFaults(it, refusals(400, BAD_HEADER, requests))).toEqual([]);
});

test("H-B3 a bare LF, a bare CR, NUL and every other control character in a value are refused", async () => {
  const controls = bytesWhere((byte) => (byte < 32 && byte !== 9) || byte === 127);
  const values = controls.flatMap((byte) => {
    const character = String.fromCharCode(byte);
    return [`a${character}b`, `${character}a`, `a${character}`, character].map(
      (value) => [`${hex(byte)} in ${JSON.stringify(value)}`, get(`X-A: ${value}\r\nX-B: c\r\n`)] as const,
    );
  });
  // `a CR` before the line's end is CR CR LF, and a lone CR is one too: still no line end.
  const lines = [
    `GET / HTTP/1.1\r\n${HOST}X-A: b\nX-B: c\r\n\r\n`,
    `GET / HTTP/1.1\r\n${HOST}X-A: b\n\r\n`,
    `GET / HTTP/1.1\r\nHost: a\n\r\n`,
    `GET / HTTP/1.1\r\n${HOST}X-A: b\r\n\n`,
    `GET / HTTP/1.1\r\n${HOST}X-A: b\r\r\n`,
    `GET / HTTP/1.1\r\n${HOST}\r\r\n\r\n`,
  ].map((request) => [JSON.stringify(request), request] as const);
  expect(await refusalFaults(it, refusals(400, BAD_HEADER, [...values, ...lines]))).toEqual([]);
  const whole = refusals(400, /^FL_BAD_(?:REQUEST_LINE|HEADER|TARGET)$/, [
    "GET / HTTP/1.1\nHost: a\n\n",
    "GET / HTTP/1.1\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\n\n",
    "GET / HTTP/1.1\rHost: a\r\r",
  ]);
  expect(await refusalFaults(it, whole)).toEqual([]);
});

/** Fields X-80 to X-FF whose value is the byte in the middle and at both edges. */
function obsTextFields(from: number, to: number): [name: string, value: string][] {
  return bytesWhere((byte) => byte >= from && byte < to).map((byte) => {
    const character = String.fromCharCode(byte);
    return [`X-${byte.toString(16)}`, `${character}a${character}b ${character}`];
  });
}

const linesOf = (fields: readonly (readonly [string, string])[]) =>
  fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");

test("H-B4 bytes above 0x7f in values arrive as they are in both directions", async () => {
  for (const [from, to] of [
    [0x80, 0xc0],
    [0xc0, 0x100],
  ] as const) {
    const fields = obsTextFields(from, to);
    const received = await it.forwarded(get(linesOf(fields)));
    const answer = await answered(linesOf(fields));
    for (const [name, value] of fields) {
      expect([name, received.all(name)]).toEqual([name, [value]]);
      expect([name, answer.all(name)]).toEqual([name, [value]]);
      expect(received.raw.includes(Buffer.from(`${name}: ${value}\r\n`, "latin1"))).toBe(true);
      expect(answer.raw.includes(Buffer.from(`${name}: ${value}\r\n`, "latin1"))).toBe(true);
    }
  }
});

test("H-B4 nothing but blanks and tabs around a value is white space", async () => {
  for (const value of ["\x85", "\xa0", "\xff", "\xa0\xa0", "\x85 a \x85", "\xef\xbb\xbfa", "\xff\t\xff"]) {
    const received = await it.forwarded(get(`X-A: \t ${value} \t\r\nX-B: ${value}\r\n`));
    expect([received.get("x-a"), received.get("x-b")]).toEqual([value, value]);
    const answer = await answered(`X-A: \t ${value} \t\r\nX-B: ${value}\r\n`);
    expect([answer.get("x-a"), answer.get("x-b")]).toEqual([value, value]);
  }
});

test("H-B4 steps that touch fields leave the bytes of all others alone", async () => {
  await using own = await startPair(() => answerText("ok", 200, "X-A: \x85\xa0\xff\r\n"), {
    route:
      ", middlewares: [{ headers: { request: { set: { X-New: caf\xe9 } }, response: { set: { X-New: caf\xe9 } } } }]",
  });
  const answer = await askOnce(own.port, get("X-A: \x85\xa0\xff\r\n"));
  expect([answer.get("x-a"), answer.get("x-new")]).toEqual(["\x85\xa0\xff", "caf\xe9"]);
  const [received] = own.origin.requests;
  expect([received!.get("x-a"), received!.get("x-new")]).toEqual(["\x85\xa0\xff", "caf\xe9"]);
});

test("H-B5 a name is a token: another byte, no name, no colon are refused", async () => {
  const token = /[!#$%&'*+\-.^_`|~0-9A-Za-z]/;
  const bytes = bytesWhere((byte) => !token.test(String.fromCharCode(byte)) && byte !== 58);
  const names = bytes.flatMap((byte) => {
    const character = String.fromCharCode(byte);
    return [`${character}X-A`, `X${character}A`, `X-A${character}`].map(
      (name) => [`${hex(byte)} in ${JSON.stringify(name)}`, get(`${name}: b\r\nX-C: d\r\n`)] as const,
    );
  });
  const lines = [":", ": b", ":b", "foo", "foo bar", "=", "foo=bar", "GET / HTTP/1.1"].flatMap((line) => [
    [JSON.stringify(line), get(`${line}\r\n`)] as const,
    [`${JSON.stringify(line)} first`, `GET / HTTP/1.1\r\n${line}\r\n${HOST}\r\n`] as const,
  ]);
  expect(await refusalFaults(it, refusals(400, BAD_HEADER, [...names, ...lines]))).toEqual([]);
  const odd = "!#$%&'*+-.^`|~09azAZ";
  expect((await it.forwarded(get(`${odd}: b\r\nX-Empty:\r\n`))).get(odd)).toBe("b");
});

test("H-B6/h1 order, case, repetition and Set-Cookie stay as they are", async () => {
  const request = [
    ["x-LOWER-Upper", "1"],
    ["Cookie", "a=1; b=2"],
    ["X-A", "first"],
    ["Accept", "text/html"],
    ["x-a", "second, with a comma"],
    ["Cookie", "c=3"],
    ["X-Empty", ""],
    ["X-A", ""],
    ["X-A", "third"],
  ] as const;
  const received = await it.forwarded(get(linesOf(request)));
  const ours = /^(?:host|x-forwarded-.*|x-request-id|via)$/i;
  expect(received.fields.filter(([name]) => !ours.test(name))).toEqual([...request]);
  const answer = [
    ["Set-Cookie", "a=1; Path=/; Expires=Wed, 21 Oct 2026 07:28:00 GMT"],
    ["x-b", "1"],
    ["set-cookie", "b=2"],
    ["X-B", "2, 3"],
    ["Set-Cookie", "a=2"],
    ["WWW-Authenticate", 'Basic realm="x"'],
    ["WWW-Authenticate", "Negotiate, Bearer"],
  ] as const;
  const got = await answered(linesOf(answer));
  expect(got.fields.filter(([name]) => !/^(?:content-length|date|via)$/i.test(name))).toEqual([...answer]);
});

/** A head whose fields have `bytes` bytes with the empty line, as the limit counts. */
function headOf(bytes: number): string {
  const start = `${HOST}X-Big: `;
  return `GET / HTTP/1.1\r\n${start}${"b".repeat(bytes - start.length - 4)}\r\n\r\n`;
}

const manyFields = (count: number) =>
  get(Array.from({ length: count - 1 }, (_, index) => `X-${index}: ${index}\r\n`).join(""));

test("H-B7 more fields or more bytes than the limits get 431, as many as the limits are served", async () => {
  expect((await it.forwarded(manyFields(100))).get("x-98")).toBe("98");
  expect((await it.forwarded(headOf(32_768))).get("x-big")!.length).toBeGreaterThan(32_000);
  const code = "FL_HEADER_TOO_LARGE";
  const cases = refusals(431, code, [
    ["101 fields", manyFields(101)],
    ["5000 fields", manyFields(5_000)],
    ["32,769 bytes", headOf(32_769)],
    ["64 KB", headOf(65_536)],
    ["64 KB without an end", get(`X-Big: ${"b".repeat(65_536)}`).trimEnd()],
    ["a name of 64 KB", get(`${"b".repeat(65_536)}: x\r\n`)],
  ]);
  const before = [
    it.fairlead.metric("limits_hit_total", "header_fields"),
    it.fairlead.metric("limits_hit_total", "header_bytes"),
  ];
  expect(await refusalFaults(it, cases)).toEqual([]);
  expect(it.fairlead.metric("limits_hit_total", "header_fields") - before[0]!).toBe(2);
  expect(it.fairlead.metric("limits_hit_total", "header_bytes") - before[1]!).toBe(4);
});

test("H-B7 the limits are those of the configuration", async () => {
  await using own = await startPair(() => answerText("ok"), {
    top: "limits: { header_fields: 5, header_bytes: 1KiB }",
  });
  expect((await askOnce(own.port, manyFields(5))).status).toBe(200);
  expect((await askOnce(own.port, headOf(1_024))).status).toBe(200);
  const cases = refusals(431, "FL_HEADER_TOO_LARGE", [manyFields(6), headOf(1_025)]);
  expect(await refusalFaults(own, cases)).toEqual([]);
});

test("H-B7 trailers have the same limits, and a request over them does not become whole", async () => {
  const head = `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nTE: trailers\r\n\r\n`;
  const withTrailers = (trailers: string) => `${head}2\r\nhi\r\n0\r\n${trailers}\r\n`;
  const many = (count: number) => Array.from({ length: count }, (_, index) => `X-${index}: y\r\n`).join("");
  expect((await it.forwarded(withTrailers(many(100)))).trailers.length).toBe(100);
  const before = it.origin.requests.length;
  for (const trailers of [many(101), `X: ${"y".repeat(40_000)}\r\n`]) {
    using client = await rawClient(it.fairlead.port());
    expect((await client.ask(withTrailers(trailers))).status).toBe(400);
    await client.end();
  }
  expect(it.origin.requests.length).toBe(before);
  await until(() => it.origin.open.every(({ received }) => received.length === 0), "what was begun is cut");
});

/** Fields of one hop; those that Connection names are X-Hop and x-other. */
const HOP_FIELDS =
  "X-Hop: 1\r\nX-OTHER: 2\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTrailer: X-T\r\nUpgrade: foo\r\nX-Stays: 3\r\n";
const HOP_NAMES = [
  "x-hop",
  "x-other",
  "keep-alive",
  "proxy-connection",
  "trailer",
  "upgrade",
  "te",
  "connection",
];

test("H-B9 fields of one hop and what Connection names do not go on to a backend", async () => {
  for (const connection of [
    "Connection: X-Hop, x-other, Upgrade, keep-alive\r\n",
    "Connection: X-Hop\r\nX-A: b\r\nconnection: x-OTHER\r\n",
    "Connection: ,, x-hop ,\tx-other,\r\n",
    "Connection: close, x-hop, x-other\r\n",
  ]) {
    const received = await it.forwarded(get(`TE: gzip;q=0.5\r\n${connection}${HOP_FIELDS}`));
    for (const name of HOP_NAMES)
      expect([connection, name, received.all(name)]).toEqual([connection, name, []]);
    expect(received.get("x-stays")).toBe("3");
  }
});

test("H-B9 TE goes on with its token trailers alone", async () => {
  for (const value of ["trailers", "gzip;q=0.5, Trailers", "deflate,trailers"]) {
    const received = await it.forwarded(get(`TE: ${value}\r\nConnection: TE\r\n`));
    expect([value, received.all("te"), received.all("connection")]).toEqual([value, ["trailers"], ["TE"]]);
  }
});

test("H-B9 fields of one hop and what Connection names do not go back to a client", async () => {
  for (const connection of [
    "Connection: X-Hop, x-other, keep-alive\r\n",
    "Connection: X-Hop\r\nX-A: b\r\nconnection: x-OTHER, upgrade\r\n",
  ]) {
    const answer = await answered(`TE: gzip\r\n${connection}${HOP_FIELDS}`);
    for (const name of HOP_NAMES)
      expect([connection, name, answer.all(name)]).toEqual([connection, name, []]);
    expect(answer.get("x-stays")).toBe("3");
  }
});

test("H-B10 Connection cannot take away what a backend relies on", async () => {
  const fields: [name: string, value: string][] = [
    ["Authorization", "Basic dTpw"],
    ["Cookie", "session=1"],
    ["Content-Type", "text/plain"],
    ["Content-Encoding", "identity"],
    ["Cache-Control", "no-store"],
    ["Date", "Wed, 25 Nov 2026 12:00:00 GMT"],
  ];
  const names = [
    ...fields.map(([name]) => name),
    "Host",
    "Content-Length",
    "X-Forwarded-For",
    "X-Forwarded-Proto",
  ];
  const all = [...names, "X-Forwarded-Host", "X-Request-ID", "Via", "Forwarded", "X-Real-IP"];
  for (const nominated of [...all, all.join(", "), all.join(",").toUpperCase()]) {
    const received = await it.forwarded(
      `POST / HTTP/1.1\r\n${HOST}Connection: ${nominated}\r\n${linesOf(fields)}Content-Length: 2\r\n\r\nhi`,
    );
    for (const [name, value] of fields)
      expect([nominated, name, received.all(name)]).toEqual([nominated, name, [value]]);
    expect(received.all("host")).toEqual(["a.example"]);
    expect([received.all("content-length"), received.body.toString()]).toEqual([["2"], "hi"]);
    expect(received.all("x-forwarded-for")).toEqual(["127.0.0.1"]);
    expect(received.all("x-forwarded-proto")).toEqual(["http"]);
    expect(received.all("x-request-id").length).toBe(1);
    expect(received.all("via").length).toBe(1);
    expect(received.get("connection")).toBeNull();
  }
});

test("H-B10 nor what a trusted proxy has said, nor the marks of a loop", async () => {
  await using own = await startPair(() => answerText("ok"), {
    top: 'listeners: { web: { address: "127.0.0.1:0", trusted_proxies: [127.0.0.0/8] } }\nforwarding: { forwarded: true }',
  });
  const fields =
    "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: b.example\r\nX-Request-ID: abc\r\nForwarded: for=203.0.113.7\r\nX-Real-IP: 203.0.113.7\r\nVia: 1.1 other\r\n";
  const nominated =
    "Connection: X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, X-Request-ID, Forwarded, X-Real-IP, Via, CDN-Loop\r\n";
  expect((await askOnce(own.port, get(nominated + fields))).status).toBe(200);
  const [received] = own.origin.requests;
  expect(received!.get("x-forwarded-for")).toBe("203.0.113.7, 127.0.0.1");
  expect(received!.get("x-forwarded-proto")).toBe("https");
  expect(received!.get("x-forwarded-host")).toBe("b.example");
  expect(received!.get("x-request-id")).toBe("abc");
  expect(received!.get("x-real-ip")).toBe("203.0.113.7");
  expect(received!.get("forwarded")).toStartWith("for=203.0.113.7, ");
  expect(received!.all("via")).toEqual(["1.1 other", "1.1 fairlead"]);
  for (const loop of ["Via: 1.1 fairlead, 1.1 fairlead", "CDN-Loop: fairlead, fairlead"])
    expect((await askOnce(own.port, get(`${nominated}${loop}\r\n`))).status).toBe(508);
});

test("H-B10 nor what a client relies on in an answer", async () => {
  const fields: [name: string, value: string][] = [
    ["Set-Cookie", "a=1"],
    ["Content-Type", "text/html"],
    ["Content-Encoding", "identity"],
    ["Location", "/x"],
    ["Cache-Control", "private"],
    ["Date", "Wed, 25 Nov 2026 12:00:00 GMT"],
  ];
  const nominated = [...fields.map(([name]) => name), "Content-Length"].join(", ");
  const answer = await answered(`Connection: ${nominated}\r\n${linesOf(fields)}`);
  for (const [name, value] of fields) expect([name, answer.all(name)]).toEqual([name, [value]]);
  expect([answer.delimited, answer.body.toString()]).toEqual(["length", "ok"]);
});

test("H-B11 Proxy-Authorization is for no backend", async () => {
  const received = await it.forwarded(
    get("Proxy-Authorization: Basic dTpw\r\nproxy-authorization: x\r\nAuthorization: y\r\n"),
  );
  expect([received.all("proxy-authorization"), received.all("authorization")]).toEqual([[], ["y"]]);
});

const UNDERSCORED = [
  ...["X_Forwarded_For", "X-Forwarded_For", "X_Forwarded-For", "x_forwarded_proto", "X_FORWARDED_HOST"],
  ...[
    "X_Forwarded_Port",
    "X_Forwarded_Prefix",
    "X_Forwarded_Server",
    "X_Real_IP",
    "X-Real_IP",
    "X_Request_ID",
  ],
];

test("H-B12 spellings of managed fields with underscores do not go on", async () => {
  const lines = UNDERSCORED.map((name) => `${name}: 6.6.6.6\r\n`).join("");
  for (const around of ["", "X-Forwarded-For: 6.6.6.6\r\n"]) {
    const received = await it.forwarded(get(`${around}${lines}my_own: 1\r\nX_Own: 2\r\n`));
    expect(received.raw.toString("latin1")).not.toContain("6.6.6.6");
    // Others are nobody's but the application's.
    expect([received.get("my_own"), received.get("x_own")]).toEqual(["1", "2"]);
  }
  // Nor those of fields that frame a message or are for us.
  const framing = await it.forwarded(
    get("Content_Length: 5\r\nTransfer_Encoding: chunked\r\nProxy_Authorization: x\r\n"),
  );
  expect(framing.raw.toString("latin1")).not.toMatch(/\r\n[a-z]+_/i);
});

test("H-B12 nor from a trusted proxy, which may have passed on what a client made up", async () => {
  await using own = await startPair(() => answerText("ok"), {
    top: 'listeners: { web: { address: "127.0.0.1:0", trusted_proxies: [127.0.0.0/8] } }',
  });
  const lines = UNDERSCORED.map((name) => `${name}: 6.6.6.6\r\n`).join("");
  await askOnce(
    own.port,
    get(`${lines}X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\nmy_own: 1\r\n`),
  );
  const [received] = own.origin.requests;
  expect(received!.raw.toString("latin1")).not.toContain("6.6.6.6");
  expect(received!.get("x-forwarded-for")).toBe("203.0.113.7, 127.0.0.1");
  expect([received!.get("x-forwarded-proto"), received!.get("my_own")]).toEqual(["https", "1"]);
});

test("H-B12 the field in which a step names the user cannot be forged in any spelling", async () => {
  // Password `secret`, as SHA-1.
  const hash = new Bun.CryptoHasher("sha1").update("secret").digest("base64");
  await using own = await startPair(() => answerText("ok"), {
    route: `, middlewares: [{ basic_auth: { users: ["anna:{SHA}${hash}"], header_field: X-Auth-User } }]`,
  });
  const authorization = `Authorization: Basic ${Buffer.from("anna:secret").toString("base64")}\r\n`;
  const forged = ["X-Auth-User", "X_Auth_User", "x-auth_user", "X_AUTH-USER"]
    .map((name) => `${name}: root\r\n`)
    .join("");
  for (const fields of [
    forged + authorization,
    authorization + forged,
    `Connection: X-Auth-User\r\n${authorization}${forged}`,
  ])
    expect((await askOnce(own.port, get(fields))).status).toBe(200);
  for (const received of own.origin.requests) {
    expect(received.all("x-auth-user")).toEqual(["anna"]);
    expect(received.raw.toString("latin1")).not.toContain("root");
  }
  expect(own.origin.requests.length).toBe(3);
});

test("H-B13 Proxy does not go on to a backend", async () => {
  const received = await it.forwarded(
    get("Proxy: http://6.6.6.6/\r\nPROXY: http://6.6.6.6/\r\nX-Proxy: stays\r\n"),
  );
  expect([received.all("proxy"), received.get("x-proxy")]).toEqual([[], "stays"]);
});

test("H-B17 TRACE is refused whatever its Max-Forwards, and shows nothing of the request", async () => {
  const before = receivedBytes(it.origin);
  for (const line of ["", "Max-Forwards: 0\r\n", "Max-Forwards: 5\r\n"]) {
    const answer = await askOnce(
      it.fairlead.port(),
      `TRACE /secret HTTP/1.1\r\n${HOST}Cookie: secret\r\n${line}\r\n`,
    );
    expect(answer.status).toBe(405);
    expect(answer.get("allow")).toContain("GET");
    expect(answer.get("allow")).not.toContain("TRACE");
    expect(answer.raw.toString("latin1")).not.toContain("secret");
  }
  expect(receivedBytes(it.origin)).toBe(before);
});

test("H-B17 OPTIONS with Max-Forwards 0 is answered by us, with more it goes on with one less", async () => {
  const before = receivedBytes(it.origin);
  using client = await rawClient(it.fairlead.port());
  const options = (value: string) => `OPTIONS /x HTTP/1.1\r\n${HOST}Max-Forwards: ${value}\r\n\r\n`;
  for (const value of ["0", "00"]) {
    const answer = await client.ask(options(value));
    expect([answer.status, answer.get("connection")]).toEqual([204, null]);
    expect(answer.get("allow")).toContain("OPTIONS");
  }
  expect(receivedBytes(it.origin)).toBe(before);
  for (const [value, wanted] of [
    ["1", "0"],
    ["70", "69"],
    ["x", "x"],
    ["-1", "-1"],
  ] as const) {
    expect((await client.ask(options(value))).status).toBe(200);
    expect(it.origin.requests.at(-1)!.all("max-forwards")).toEqual([wanted]);
  }
  // Other methods may have the field, which means nothing there.
  expect((await it.forwarded(get("Max-Forwards: 0\r\n"))).all("max-forwards")).toEqual(["0"]);
});

test("H-B19 an answer without Date gets one, one that is there stays", async () => {
  const dates = (answer: Answer) => answer.all("date");
  const began = Math.floor(Date.now() / 1_000) * 1_000;
  const [added] = dates(await answered(""));
  expect(added).toMatch(/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/);
  expect(Date.parse(added!)).toBeGreaterThanOrEqual(began);
  expect(Date.parse(added!)).toBeLessThanOrEqual(Date.now());
  for (const value of ["Wed, 21 Oct 2015 07:28:00 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "garbage"]) {
    expect(dates(await answered(`Date: ${value}\r\n`))).toEqual([value]);
    expect(dates(await answered(`dAtE: ${value}\r\n`))).toEqual([value]);
  }
});

test("H-B19 answers of every status have a Date, interim ones need none", async () => {
  await using own = await startPair((request) => {
    const status = request.target.slice(1);
    return `HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 ${status} Status\r\n${status === "204" || status === "304" ? "" : "Content-Length: 0\r\n"}\r\n`;
  });
  for (const status of [200, 204, 301, 304, 404, 500]) {
    using client = await rawClient(own.port);
    client.send(get("", `/${status}`));
    expect((await client.answer()).get("date")).toBeNull();
    const final = await client.answer();
    expect([final.status, final.all("date").length]).toEqual([status, 1]);
  }
});

test("H-B20 Server is the backend's affair, and ours alone where the configuration says so", async () => {
  expect((await answered("Server: Apache/2.4\r\n")).all("server")).toEqual(["Apache/2.4"]);
  expect((await answered("")).all("server")).toEqual([]);
  // Errors of our own do not tell what answers.
  expect((await askOnce(it.fairlead.port(), "GET / HTTP/1.1\r\n\r\n")).get("server")).toBeNull();
  for (const [option, wanted] of [
    ["set: { Server: hidden }", ["hidden"]],
    ["remove: [Server]", []],
  ] as const) {
    await using own = await startPair(() => answerText("ok", 200, "Server: Apache/2.4\r\nserver: PHP\r\n"), {
      route: `, middlewares: [{ headers: { response: { ${option} } } }]`,
    });
    expect((await askOnce(own.port, get(""))).all("server")).toEqual([...wanted]);
  }
});
