/** Decisions of the redirector over WebSockets, from outside. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import {
  conditionOf,
  literalOf,
  modelOf,
  ruleOf,
  serverOf,
  to,
} from "../../src/core/redirect/test_decider.ts";
import { BINARY, PING, TEXT } from "../../src/net/websocket/frame_reader.ts";
import { clientFrame } from "../../src/net/websocket/test_websocket.ts";
import { registerHost } from "../../src/planes/redirect/discovery/test_services.ts";
import { type Fairlead, until } from "../support/fairlead.ts";
import { type RawClient, rawClient } from "../support/raw_client.ts";
import { openStore, storeEnvironment } from "../support/store_tools.ts";
import { runFairlead, until as untilOutside } from "./processes_program.ts";
import { askRedirect, embeddedStore, giveModel, startGateway, writeModel } from "./redirect_program.ts";

const PATIENCE = 60_000;
const ELSE = modelOf({ default_server: literalOf("xre://else:1") });
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

function opening(more: readonly string[] = [], version = "13", path = "/serviceDirect/a1"): string {
  const fields = [
    "Host: a.test",
    "Connection: Upgrade",
    "Upgrade: websocket",
    `Sec-WebSocket-Version: ${version}`,
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ...more,
  ];
  return `${[`GET ${path} HTTP/1.1`, ...fields].join("\r\n")}\r\n\r\n`;
}

/** A WebSocket whose client sees frames as they are. */
class RawSocket {
  readonly client: RawClient;
  readonly head: string;
  #at: number;

  private constructor(client: RawClient, head: string) {
    this.client = client;
    this.head = head;
    this.#at = head.length;
  }

  static async open(
    fairlead: Fairlead,
    with_opening: readonly Uint8Array[] = [],
    more: readonly string[] = [],
  ) {
    const client = await rawClient(fairlead.port("redirect"));
    client.send(Buffer.concat([Buffer.from(opening(more), "latin1"), ...with_opening]));
    const endOfHead = () => client.received.indexOf("\r\n\r\n");
    await client.until(() => endOfHead() >= 0);
    return new RawSocket(client, client.received.subarray(0, endOfHead() + 4).toString("latin1"));
  }

  /** Opcode and payload of the next frame. */
  async frame(): Promise<{ readonly opcode: number; readonly payload: Buffer }> {
    const { client } = this;
    const here = () => client.received.subarray(this.#at);
    const headBytes = () => ((here()[1] ?? 0) === 127 ? 10 : (here()[1] ?? 0) === 126 ? 4 : 2);
    await client.until(() => here().length >= 2 && here().length >= headBytes());
    const [bytes, head] = [here(), headBytes()];
    const length =
      head === 2 ? bytes[1]! : head === 4 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
    await client.until(() => here().length >= head + length);
    const payload = here().subarray(head, head + length);
    this.#at += head + length;
    return { opcode: bytes[0]! & 15, payload };
  }

  async message(): Promise<unknown> {
    return JSON.parse((await this.frame()).payload.toString("utf8"));
  }

  /** Code of the close frame that comes next; when it is answered, the server ends its side. */
  async closeCode(): Promise<number> {
    const { opcode, payload } = await this.frame();
    expect(opcode).toBe(8);
    this.client.send(clientFrame(8, payload.subarray(0, 2)));
    await this.client.until(() => this.client.ended || this.client.closed);
    return payload.readUInt16BE(0);
  }

  send(text: string): void {
    this.client.send(clientFrame(TEXT, utf8(text)));
  }

  [Symbol.dispose](): void {
    this.client.socket.destroy();
  }
}

test(
  "RD147 ten thousand decisions over one WebSocket are those of HTTP, in order",
  async () => {
    const rules = Array.from({ length: 20 }, (_, number) =>
      ruleOf(
        `rule-${number}`,
        [conditionOf("equals", { param: "model", value: `m${number}` })],
        to(serverOf("2.0", { query: [{ key: "n", value: String(number) }] })),
      ),
    );
    const distribution = [{ percent: 30, server: serverOf("2.0") }];
    await using fairlead = await startGateway(
      modelOf({ rules, distribution }),
      "defaults: { answer: locations, affinity: host }",
    );
    const store = openStore("sqlite", {}, storeEnvironment(join(fairlead.directory, "state")));
    for (let number = 1; number <= 5; number++) {
      await registerHost(store, "/EU/z1/1.0/a1", `10.0.1.${number}`);
      await registerHost(store, "/EU/z1/2.0/a1", `10.0.2.${number}`);
    }
    await until(() => fairlead.metric("redirect_hosts", 'app="a1"') === 10, "all hosts are known");
    const contexts = Array.from({ length: 10_000 }, (_, number) => ({
      serviceAccountId: `account-${number}`,
      model: `m${number % 40}`,
      connectUrl: `xre://s:1/?a=${number}`,
    }));
    const url = `http://127.0.0.1:${fairlead.port("redirect")}/serviceDirect/a1`;
    const headers = { "content-type": "application/json" };
    const expected: unknown[] = [];
    for (let from = 0; from < contexts.length; from += 50) {
      const answers = contexts.slice(from, from + 50).map(async (context) => {
        const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(context) });
        return ((await answer.json()) as { location: unknown }).location;
      });
      expected.push(...(await Promise.all(answers)));
    }
    const socket = new WebSocket(url.replace("http:", "ws:"));
    const found: unknown[] = [];
    const done = Promise.withResolvers<void>();
    socket.addEventListener("open", () => {
      for (const context of contexts) socket.send(JSON.stringify(context));
    });
    socket.addEventListener("message", ({ data }) => {
      found.push((JSON.parse(String(data)) as { location: unknown }).location);
      if (found.length === contexts.length) done.resolve();
    });
    socket.addEventListener("close", ({ code }) => done.reject(new Error(`closed with ${code}`)));
    await done.promise;
    expect(found.length).toBe(10_000);
    expect(found).toEqual(expected);
    expect(new Set(expected.map((one) => JSON.stringify(one))).size).toBeGreaterThan(9_000);
    socket.close();
    await store.close();
    await until(() => fairlead.metric("tunnels_open") === 0, "the tunnel is over");
  },
  PATIENCE,
);

test(
  "RD147 a client that takes no answers is not read from, and gets all of them later",
  async () => {
    await using fairlead = await startGateway(ELSE);
    using socket = await RawSocket.open(fairlead);
    const { client } = socket;
    client.socket.pause();
    const messages = 6_000;
    const filler = "x".repeat(6_000);
    for (let number = 0; number < messages; number++)
      socket.send(JSON.stringify({ connectUrl: `xre://s:1/?n=${number}&f=${filler}` }));
    // What waits on this side does not get less: nobody reads it.
    let waiting = -1;
    for (let equal = 0; equal < 20;) {
      const now = client.socket.writableLength;
      equal = now === waiting ? equal + 1 : 0;
      waiting = now;
      await Bun.sleep(10);
    }
    expect(waiting).toBeGreaterThan(0);
    const reader = new FrameReaderOfServer();
    client.socket.removeAllListeners("data");
    const numbers: number[] = [];
    client.socket.on("data", (bytes: Buffer) => {
      for (const text of reader.texts(bytes)) numbers.push(Number(/[?&]n=(\d+)/.exec(text)?.[1]));
    });
    client.socket.resume();
    await until(() => numbers.length === messages, "all answers have come", 20_000);
    expect(numbers).toEqual(Array.from({ length: messages }, (_, number) => number));
  },
  PATIENCE,
);

/** Unmasked frames without fragments. */
class FrameReaderOfServer {
  #rest: Buffer = Buffer.alloc(0);

  texts(bytes: Buffer): string[] {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const texts: string[] = [];
    let at = 0;
    while (all.length >= at + 4) {
      const short = all[at + 1]!;
      const head = short === 126 ? 4 : 2;
      const length = short === 126 ? all.readUInt16BE(at + 2) : short;
      if (all.length < at + head + length) break;
      texts.push(all.toString("utf8", at + head, at + head + length));
      at += head + length;
    }
    this.#rest = all.subarray(at);
    return texts;
  }
}

test("RD147 answers say how they came about, and refusals why; the model may change meanwhile", async () => {
  await using fairlead = await startGateway(
    modelOf({
      rules: [
        ruleOf("two", [conditionOf("equals", { param: "x", value: "2" })], to(literalOf("xre://t:1/a"))),
      ],
      default_server: literalOf("xre://else:1"),
    }),
  );
  // The first message comes with the request itself.
  using socket = await RawSocket.open(fairlead, [clientFrame(TEXT, utf8('{"x":2}'))], ["x: 1"]);
  expect(socket.head).toStartWith("HTTP/1.1 101 Switching Protocols\r\n");
  expect(socket.head).toContain("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n");
  expect(await socket.message()).toEqual({
    type: "PATH_RULE",
    rule: "two",
    stack: null,
    flavor: null,
    version: 1,
    location: [
      {
        url: "xre://t:1/a?ruleName=two",
        destination: "t",
        protocol: "xre",
        port: "1",
        urn: "a",
        ip_version: null,
        description: "two",
        context: {},
      },
    ],
  });
  for (const [message, code] of [
    ["{", "bad_parameters"],
    ['{"x":{}}', "bad_parameters"],
    ["[]", "bad_parameters"],
  ] as const) {
    socket.send(message);
    expect(await socket.message()).toMatchObject({ code, message: expect.any(String) });
  }
  socket.send("{}");
  expect(await socket.message()).toMatchObject({ type: "DEFAULT_SERVER", version: 1 });
  await giveModel(fairlead, 2, ELSE);
  socket.send('{"x":2}');
  expect(await socket.message()).toMatchObject({ type: "DEFAULT_SERVER", version: 2 });
  await until(() => fairlead.metric("redirect_decisions_total") === 3, "decisions are counted");
  expect(fairlead.metric("redirect_refusals_total", 'code="bad_parameters"')).toBe(3);
});

test("RD147 pings are answered, and what is no text of a message ends the connection with its code", async () => {
  await using fairlead = await startGateway(ELSE);
  using pinging = await RawSocket.open(fairlead);
  pinging.client.send(clientFrame(PING, utf8("hello")));
  expect(await pinging.frame()).toEqual({ opcode: 10, payload: Buffer.from("hello") });
  for (const [bytes, code] of [
    [clientFrame(BINARY, utf8("{}")), 1_003],
    [Uint8Array.of(0x81, 2, 0x7b, 0x7d), 1_002],
    [clientFrame(TEXT, Uint8Array.of(0xff)), 1_007],
    [clientFrame(TEXT, new Uint8Array(65_537)), 1_009],
    [clientFrame(8, Uint8Array.of(3, 232)), 1_000],
  ] as const) {
    using socket = await RawSocket.open(fairlead);
    socket.client.send(bytes);
    expect(await socket.closeCode()).toBe(code);
  }
  await until(() => fairlead.metric("tunnels_open") === 1, "only the first is left");
  pinging.client.socket.destroy();
  await until(() => fairlead.metric("tunnels_open") === 0, "none is left");
});

test("RD147 an opening that is none is refused as other requests are", async () => {
  await using fairlead = await startGateway(ELSE);
  const refusal = async (request: string) => {
    using client = await rawClient(fairlead.port("redirect"));
    client.send(request);
    const answer = await client.answer();
    const { code } = JSON.parse(answer.body.toString()) as { code: string };
    return [answer.status, code, answer.get("sec-websocket-version")];
  };
  expect(await refusal(opening([], "8"))).toEqual([426, "wrong_websocket_version", "13"]);
  expect(await refusal(opening([], "13", "/serviceDirect/nobody"))).toEqual([
    404,
    "unknown_application",
    null,
  ]);
  expect(await refusal(opening().replace("dGhlIHNhbXBsZSBub25jZQ==", "short"))).toEqual([
    400,
    "bad_handshake",
    null,
  ]);
});

test("RD147 a WebSocket on which nothing moves ends", async () => {
  await using fairlead = await startGateway(ELSE, "\ntimeouts: { tunnel_idle: 300ms }");
  using socket = await RawSocket.open(fairlead);
  socket.send("{}");
  await socket.message();
  await socket.client.until(() => socket.client.closed);
  const [line] = await fairlead.log(1);
  expect(line).toMatchObject({ status: 101, reason: "FL_TUNNEL_IDLE", path: "/serviceDirect/a1" });
});

test(
  "RD147 a program that ends tells its clients so, answers what they have asked, and does not wait for them",
  async () => {
    await using fairlead = await runFairlead(`workers: 2
redirect:
  address: "127.0.0.1:0"
`);
    const store = embeddedStore(fairlead);
    await writeModel(store, "a1", 1, ELSE);
    await untilOutside(async () => (await askRedirect(fairlead)).status === 302, "it answers");
    await store.close();
    const url = `ws://127.0.0.1:${fairlead.port("redirect")}/serviceDirect/a1`;
    const codes: number[] = [];
    const sockets = Array.from({ length: 4 }, () => new WebSocket(url));
    await Promise.all(
      sockets.map((socket) => new Promise((resolve) => socket.addEventListener("open", resolve))),
    );
    for (const socket of sockets) socket.addEventListener("close", ({ code }) => codes.push(code));
    fairlead.signal("SIGTERM");
    expect(await fairlead.program.child.exited).toBe(0);
    await untilOutside(() => codes.length === 4, "all clients are told");
    expect(codes).toEqual([1_001, 1_001, 1_001, 1_001]);
  },
  PATIENCE,
);
