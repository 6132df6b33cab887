/** Upgrade and the tunnels behind it (rows of group F that need no TLS). */
import { expect, test } from "bun:test";
import { ManualClock } from "../../src/platform/clock.ts";
import { pass, startFairlead, until } from "../support/fairlead.ts";
import { rawClient } from "../support/raw_client.ts";
import { answerText, rawOrigin, type OriginConnection } from "../support/raw_origin.ts";

const HANDSHAKE =
  "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const SWITCHED =
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/** An origin that answers `head` to the first head and then hands bytes to `talk`. */
async function upgradingOrigin(
  head: string,
  talk: (connection: OriginConnection, bytes: Buffer) => void = () => {},
) {
  return await rawOrigin(undefined, {
    onData(connection, bytes) {
      if (connection.received.length > 0) {
        talk(connection, bytes);
        return true;
      }
      const end = connection.everything.indexOf("\r\n\r\n");
      if (end < 0) return true;
      connection.received = Buffer.from("upgraded");
      connection.send(head);
      const rest = connection.everything.subarray(end + 4);
      if (rest.length > 0) talk(connection, rest);
      return true;
    },
  });
}

const yamlOf = (url: string, more = "") =>
  `pools: { app: { backends: [{ url: "${url}" }]${more} } }\nroutes: [{ pool: app }]`;

test("H-F2 bytes in the packets of the handshake are not lost, in both directions", async () => {
  let got = "";
  using origin = await upgradingOrigin(
    `${SWITCHED}early from the origin`,
    (_, bytes) => (got += bytes.toString("latin1")),
  );
  await using fairlead = await startFairlead(yamlOf(origin.url));
  using client = await rawClient(fairlead.port());
  client.send(`${HANDSHAKE}early from the client`);
  expect((await client.answer()).status).toBe(101);
  await client.until(() => client.received.length >= 21);
  expect(client.received.toString("latin1")).toBe("early from the origin");
  await until(
    () => got === "early from the client",
    `the origin has the early bytes, not ${JSON.stringify(got)}`,
  );
});

test("H-F3 an origin that refuses the upgrade gives a normal answer, and the connection stays", async () => {
  using origin = await rawOrigin((request) =>
    request.get("upgrade") === null ? answerText("plain") : answerText("no", 403),
  );
  await using fairlead = await startFairlead(yamlOf(origin.url));
  using client = await rawClient(fairlead.port());
  const refused = await client.ask(HANDSHAKE);
  expect([refused.status, refused.body.toString()]).toEqual([403, "no"]);
  expect((await client.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n")).body.toString()).toBe("plain");
});

test("H-F4 Upgrade: h2c and HTTP2-Settings do not go on", async () => {
  using origin = await rawOrigin(() => answerText("plain"));
  await using fairlead = await startFairlead(yamlOf(origin.url));
  using client = await rawClient(fairlead.port());
  const answer = await client.ask(
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
  );
  expect(answer.status).toBe(200);
  const [request] = origin.requests;
  expect(["upgrade", "http2-settings", "connection"].map((name) => request!.get(name))).toEqual([
    null,
    null,
    null,
  ]);
});

test("H-F6 a tunnel has an idle timeout of its own, and close frames pass", async () => {
  const clock = new ManualClock();
  const close = "\x88\x02\x03\xe8";
  using origin = await upgradingOrigin(SWITCHED, (connection, bytes) => {
    if (bytes.toString("latin1").startsWith("\x88")) connection.end(bytes);
  });
  await using fairlead = await startFairlead(
    `${yamlOf(origin.url)}\ntimeouts: { client_idle: 100ms, idle_progress: 100ms, first_byte: 100ms, tunnel_idle: 1s }`,
    { clock },
  );
  using polite = await rawClient(fairlead.port());
  expect((await polite.ask(HANDSHAKE)).status).toBe(101);
  await pass(clock, 900, 50);
  polite.send(close);
  await polite.end();
  expect(polite.received.toString("latin1")).toBe(close);
  polite.close();
  using silent = await rawClient(fairlead.port());
  expect((await silent.ask(HANDSHAKE)).status).toBe(101);
  await pass(clock, 900, 50);
  expect(fairlead.instance.program.stats()["active"]).toBe(1);
  await pass(clock, 300, 50);
  await silent.until(() => silent.closed);
  await until(() => origin.connections.every(({ closed }) => closed), "both sides are closed");
  const lines = await fairlead.log(2);
  expect(lines.map(({ reason }) => reason)).toEqual(["-", "FL_TUNNEL_IDLE"]);
});

test("H-F23 odd but legal spellings of the handshake open a tunnel each", async () => {
  const answers = [
    "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nconnection: upgrade\r\nsec-websocket-accept: x\r\n\r\n",
    "HTTP/1.1 101 \r\nUpgrade: websocket\r\nConnection: keep-alive\r\nConnection: Upgrade\r\n\r\n",
    "HTTP/1.1 101 Any Words Here\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\r\n",
  ];
  for (const answer of answers) {
    using origin = await upgradingOrigin(answer, (connection, bytes) => connection.send(bytes));
    await using fairlead = await startFairlead(yamlOf(origin.url));
    using client = await rawClient(fairlead.port());
    const switched = await client.ask(
      HANDSHAKE.replace("Connection: Upgrade", "Connection: keep-alive, Upgrade"),
    );
    expect(switched.status).toBe(101);
    client.send("ping");
    await client.until(() => client.received.length === 4);
  }
});

test("H-F24 a POST with a body and Upgrade: h2c is a plain request", async () => {
  using origin = await rawOrigin((request) => answerText(request.body.toString("latin1")));
  await using fairlead = await startFairlead(yamlOf(origin.url));
  using client = await rawClient(fairlead.port());
  const request =
    "POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nContent-Length: 4\r\n\r\nbody";
  for (let round = 0; round < 2; round++) {
    const answer = await client.ask(request);
    expect([answer.status, answer.body.toString()]).toEqual([200, "body"]);
  }
  expect(
    origin.requests.every(
      (received) => received.get("upgrade") === null && received.get("http2-settings") === null,
    ),
  ).toBe(true);
});

test("H-F26 a handshake and a GET through one route get the same identity, limits, auth and log line", async () => {
  using origin = await rawOrigin((request, connection) => {
    if (request.get("upgrade") === null) return answerText("plain");
    connection.received = Buffer.alloc(0);
    return SWITCHED;
  });
  await using fairlead = await startFairlead(`pools: { app: { backends: [{ url: "${origin.url}" }] } }
routes:
  - { match: "PathPrefix(\`/open\`)", pool: app }
  - { match: "PathPrefix(\`/closed\`)", pool: app, middlewares: [{ basic_auth: { users: ["ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="] } }] }
limits: { header_bytes: 1KiB }`);
  const plain = (path: string, more = "") =>
    `GET ${path} HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-For: 6.6.6.6\r\n${more}\r\n`;
  const upgrade = (path: string, more = "") =>
    plain(path, `Connection: Upgrade\r\nUpgrade: websocket\r\n${more}`);
  using first = await rawClient(fairlead.port());
  using second = await rawClient(fairlead.port());
  expect((await first.ask(plain("/open"))).status).toBe(200);
  expect((await second.ask(upgrade("/open"))).status).toBe(101);
  const identity = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "via"];
  const [get, handshake] = origin.requests;
  for (const name of identity) expect(handshake!.all(name)).toEqual(get!.all(name));
  for (const request of [get!, handshake!]) expect(request.get("x-request-id")).toMatch(/^[0-9a-f]{32}$/);
  second.close();
  for (const request of [plain, upgrade]) {
    using refused = await rawClient(fairlead.port());
    expect((await refused.ask(request("/closed"))).status).toBe(401);
    using large = await rawClient(fairlead.port());
    expect((await large.ask(request("/open", `X-Big: ${"b".repeat(1_100)}\r\n`))).status).toBe(431);
  }
  const lines = await fairlead.log(6);
  expect(lines.map(({ status }) => Number(status)).toSorted((one, other) => one - other)).toEqual([
    101, 200, 401, 401, 431, 431,
  ]);
  const keys = lines.map((line) => Object.keys(line).join());
  expect(new Set(keys).size).toBe(1);
});
