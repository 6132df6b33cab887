/** Who a request came from: forwarding fields by trust (rows of group G), Via and loops. */
import { expect, test } from "bun:test";
import { startFairlead } from "../support/fairlead.ts";
import { askOnce, rawClient } from "../support/raw_client.ts";
import { answerText, rawOrigin, type ReceivedRequest } from "../support/raw_origin.ts";

const FIELDS = [
  "Forwarded",
  "X-Real-IP",
  "X-Forwarded-For",
  "X-Forwarded-Proto",
  "X-Forwarded-Host",
  "X-Forwarded-Port",
  "X-Forwarded-Prefix",
  "X-Forwarded-Server",
];
const FORGED = FIELDS.map((name) => `${name}: 6.6.6.6\r\n`).join("");

async function identityOf(
  listener: string,
  request: string,
  top = "",
): Promise<{ received: ReceivedRequest; line: Record<string, unknown> }> {
  using origin = await rawOrigin(() => answerText("ok"));
  await using fairlead = await startFairlead(
    `listeners: { web: { address: "127.0.0.1:0"${listener} } }\npools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ pool: app }]\n${top}`,
  );
  expect((await askOnce(fairlead.port(), request)).status).toBe(200);
  return { received: origin.requests[0]!, line: (await fairlead.log(1))[0]! };
}

const TRUSTED = ", trusted_proxies: [127.0.0.0/8, 10.0.0.0/8]";

test("H-G1 what an untrusted peer says of where the request came from is replaced by what we know", async () => {
  const { received, line } = await identityOf(
    "",
    `GET / HTTP/1.1\r\nHost: a.example:8080\r\n${FORGED}X_Forwarded_For: 6.6.6.6\r\nX-Request-ID: forged\r\n\r\n`,
  );
  expect(received.all("x-forwarded-for")).toEqual(["127.0.0.1"]);
  expect(received.all("x-forwarded-proto")).toEqual(["http"]);
  expect(received.all("x-forwarded-host")).toEqual(["a.example:8080"]);
  expect(received.all("x-forwarded-port").join()).toMatch(/^\d+$/);
  for (const name of [
    "forwarded",
    "x-real-ip",
    "x-forwarded-prefix",
    "x-forwarded-server",
    "x_forwarded_for",
  ])
    expect(received.all(name)).toEqual([]);
  expect(received.get("x-request-id")).not.toBe("forged");
  expect(line["client"]).toBe("127.0.0.1");
});

test("H-G2 what a trusted peer says is kept and appended to; the client is the last address that is not trusted", async () => {
  const { received, line } = await identityOf(
    TRUSTED,
    "GET / HTTP/1.1\r\nHost: inner\r\nX-Forwarded-For: 1.1.1.1, 203.0.113.9, 10.0.0.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: outer.example\r\nX-Forwarded-Prefix: /p\r\n\r\n",
  );
  expect(received.all("x-forwarded-for")).toEqual(["1.1.1.1, 203.0.113.9, 10.0.0.7, 127.0.0.1"]);
  expect(received.get("x-forwarded-proto")).toBe("https");
  expect(received.get("x-forwarded-host")).toBe("outer.example");
  expect(received.get("x-forwarded-prefix")).toBe("/p");
  expect(line["client"]).toBe("203.0.113.9");
});

test("H-G4 ports, brackets, garbage, empty and several lines of X-Forwarded-For", async () => {
  const cases: [string, string][] = [
    ["X-Forwarded-For: 203.0.113.9:4711\r\n", "203.0.113.9"],
    ["X-Forwarded-For: [2001:db8::1]:80\r\n", "2001:db8::1"],
    ['X-Forwarded-For: "[2001:db8::2]"\r\n', "2001:db8::2"],
    ["X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 203.0.113.5\r\n", "203.0.113.5"],
    ["X-Forwarded-For: ::ffff:203.0.113.6\r\n", "203.0.113.6"],
    ["X-Forwarded-For: \r\n", "127.0.0.1"],
    ["X-Forwarded-For: unknown\r\n", "127.0.0.1"],
    ["X-Forwarded-For: <script>, 203.0.113.7\r\n", "203.0.113.7"],
    ["X-Forwarded-For: ,,,\r\n", "127.0.0.1"],
    ["Forwarded: for=203.0.113.8;proto=https, for=10.0.0.1\r\n", "203.0.113.8"],
    ['Forwarded: for="[2001:db8::3]:1"\r\n', "2001:db8::3"],
  ];
  for (const [fields, client] of cases) {
    const { line, received } = await identityOf(TRUSTED, `GET / HTTP/1.1\r\nHost: a\r\n${fields}\r\n`);
    expect([fields, line["client"]]).toEqual([fields, client]);
    expect(received.get("x-forwarded-for")).toEndWith("127.0.0.1");
  }
});

test("H-G5 Forwarded is sent where it is asked for, with IPv6 in quotes and the chain of trusted peers kept", async () => {
  const forwarding = "forwarding: { forwarded: true }";
  const plain = await identityOf(
    "",
    "GET / HTTP/1.1\r\nHost: a.example:80\r\nForwarded: for=6.6.6.6\r\n\r\n",
    forwarding,
  );
  expect(plain.received.all("forwarded")).toEqual(['for=127.0.0.1;host="a.example:80";proto=http']);
  const chain = await identityOf(
    TRUSTED,
    'GET / HTTP/1.1\r\nHost: a\r\nForwarded: for="[2001:db8::1]";proto=https, for=_hidden\r\n\r\n',
    forwarding,
  );
  expect(chain.received.all("forwarded")).toEqual([
    'for="[2001:db8::1]";proto=https, for=_hidden, for=127.0.0.1;host=a;proto=http',
  ]);
  const none = await identityOf("", "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  expect(none.received.get("forwarded")).toBeNull();
  using origin = await rawOrigin();
  await using fairlead = await startFairlead(
    `listeners: { web: { address: "[::1]:0" } }\npools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ pool: app }]\n${forwarding}`,
  );
  using six = await rawClient({ host: "::1", port: fairlead.port() });
  for (const host of ["[::1]", "[::1]:8080"]) await six.ask(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  expect(origin.requests.map((request) => request.all("forwarded"))).toEqual([
    ['for="[::1]";host="[::1]";proto=http'],
    ['for="[::1]";host="[::1]:8080";proto=http'],
  ]);
});

test("H-G6 a request id is kept from trusted peers, made otherwise, and on answers where that is asked for", async () => {
  const kept = await identityOf(TRUSTED, "GET / HTTP/1.1\r\nHost: a\r\nX-Request-ID: abc-123\r\n\r\n");
  expect([kept.received.get("x-request-id"), kept.line["id"]]).toEqual(["abc-123", "abc-123"]);
  const bad = await identityOf(
    TRUSTED,
    `GET / HTTP/1.1\r\nHost: a\r\nX-Request-ID: ${"x".repeat(300)}\r\n\r\n`,
  );
  expect(bad.received.get("x-request-id")).toMatch(/^[0-9a-f]{32}$/);
  using origin = await rawOrigin(() => answerText("ok"));
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ pool: app }]\nforwarding: { request_id_in_answers: true }`,
  );
  const answer = await askOnce(fairlead.port(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  expect(answer.get("x-request-id")).toBe(origin.requests[0]!.get("x-request-id"));
});

test("H-B18 Via is appended both ways with the version that came, may be off, and loops end with 508", async () => {
  using origin = await rawOrigin(() => answerText("ok", 200, "Via: 1.1 inner\r\n"));
  const pool = `pools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ pool: app }]`;
  await using fairlead = await startFairlead(pool);
  const answer = await askOnce(fairlead.port(), "GET / HTTP/1.1\r\nHost: a\r\nVia: 1.0 outer\r\n\r\n");
  expect(answer.all("via").join(", ")).toBe("1.1 inner, 1.1 fairlead");
  expect(origin.requests[0]!.all("via").join(", ")).toBe("1.0 outer, 1.1 fairlead");
  await askOnce(fairlead.port(), "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
  expect(origin.requests[1]!.get("via")).toBe("1.0 fairlead");
  for (const loop of ["Via: 1.1 fairlead, 1.1 x, 1.1 fairlead", "CDN-Loop: fairlead, fairlead; x=1"]) {
    expect((await askOnce(fairlead.port(), `GET / HTTP/1.1\r\nHost: a\r\n${loop}\r\n\r\n`)).status).toBe(508);
  }
  await fairlead.reload(`${pool}\nforwarding: { via: false }`);
  const quiet = await askOnce(fairlead.port(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  expect([quiet.get("via"), origin.requests.at(-1)!.get("via")]).toEqual(["1.1 inner", null]);
});

test("H-B18 two instances that point at each other end the loop", async () => {
  await using second = await startFairlead(`routes: [{ respond: { status: 200 } }]`);
  await using first = await startFairlead(
    `pools: { app: { backends: [{ url: "http://127.0.0.1:${second.port()}" }] } }\nroutes: [{ pool: app }]`,
  );
  await second.reload(
    `pools: { app: { backends: [{ url: "http://127.0.0.1:${first.port()}" }] } }\nroutes: [{ pool: app }]`,
  );
  using client = await rawClient(first.port());
  expect((await client.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n")).status).toBe(508);
});
