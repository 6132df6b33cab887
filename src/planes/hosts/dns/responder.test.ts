import { expect, test } from "bun:test";
import { decode } from "dns-packet";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { mutate } from "../../../../test/fuzz/mutate.ts";
import { randomSource } from "../../../../test/fuzz/random_source.ts";
import { IDLE_MS } from "./connection.ts";
import { FrameReader, framed } from "./framing.ts";
import { MAX_CONNECTIONS } from "./responder.ts";
import {
  askTcp,
  askUdp,
  lookUp,
  recordTexts,
  testAnswer,
  testQuery,
  testResponder,
  testUpstream,
  UdpClient,
  type TestResponder,
} from "./test_dns.ts";

const ENTRIES = { "db.test": ["192.0.2.7"], "down.test": [] };

/** A TCP client that keeps whole answers. */
class TcpClient implements Disposable {
  readonly socket: Socket;
  readonly answers: Buffer[] = [];
  closed = false;
  readonly #reader = new FrameReader();

  constructor(port: number) {
    this.socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true, noDelay: true });
    this.socket.on("error", () => {});
    this.socket.on("close", () => (this.closed = true));
    this.socket.on("end", () => this.socket.end());
    this.socket.on("data", (bytes: Buffer) => {
      this.#reader.push(bytes);
      for (let next = this.#reader.next(); next !== null; next = this.#reader.next()) this.answers.push(next);
    });
  }

  send(...messages: Uint8Array[]): void {
    this.socket.write(Buffer.concat(messages.map(framed)));
  }

  async until(holds: () => boolean, what: string): Promise<void> {
    await until(holds, `${what}; ${this.answers.length} answers, closed ${this.closed}`);
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

async function until(holds: () => boolean, what: string, timeoutMs = 5_000): Promise<void> {
  for (const end = performance.now() + timeoutMs; !holds();) {
    if (performance.now() > end) throw new Error(`this did not come true: ${what}`);
    await Bun.sleep(1);
  }
}

function idsOf(answers: readonly Buffer[]): number[] {
  return answers.map((answer) => answer.readUInt16BE(0));
}

function countsOf({ responder }: TestResponder): Record<string, number> {
  return Object.fromEntries(responder.counts);
}

test("HF38 UDP and TCP answer on the same port, each what it asks, and it is counted", async () => {
  using test = await testResponder(ENTRIES);
  const query = testQuery({ name: "DB.test", id: 77 });
  const overUdp = await askUdp(test.port, query);
  expect(recordTexts(decode(overUdp).answers)).toEqual(["A 192.0.2.7 5"]);
  expect(await askTcp(test.port, query)).toEqual(overUdp);
  expect(await lookUp(test.port, { name: "example.com" })).toMatchObject({ rcode: "REFUSED" });
  expect(await lookUp(test.port, { name: "down.test" })).toMatchObject({ rcode: "NOERROR", answers: [] });
  expect(countsOf(test)).toEqual({ answered: 2, refused: 1, no_data: 1 });
});

test("HF38 answers follow a failover at once", async () => {
  using test = await testResponder(ENTRIES);
  using client = await UdpClient.to(test.port);
  for (let turn = 0; turn < 50; turn++) {
    test.names.entries.set("db.test", [`192.0.2.${turn}`]);
    const answer = decode(await client.ask(testQuery({ name: "db.test" })));
    expect(recordTexts(answer.answers)).toEqual([`A 192.0.2.${turn} 5`]);
    const reverse = { name: `${turn}.2.0.192.in-addr.arpa`, type: "PTR" };
    expect(decode(await client.ask(testQuery(reverse))).answers).toMatchObject([{ data: "db.test" }]);
  }
  test.names.entries.delete("db.test");
  expect(await lookUp(test.port, { name: "db.test" })).toMatchObject({ rcode: "REFUSED" });
});

test("HF38 an answer that is cut over UDP is whole over TCP", async () => {
  const many = Array.from({ length: 200 }, (_, index) => `10.0.0.${index}`);
  using test = await testResponder({ "many.test": many });
  const query = testQuery({ name: "many.test", edns: 4_096 });
  const cut = decode(await askUdp(test.port, query));
  expect(cut.flag_tc).toBe(true);
  expect(cut.answers.length).toBeWithin(60, 90);
  const whole = decode(await askTcp(test.port, query));
  expect(whole.flag_tc).toBe(false);
  expect(whole.answers).toHaveLength(200);
});

test("HF38 names that throw: SERVFAIL, told of once a minute", async () => {
  const names = {
    addressesOf(): never {
      throw new Error("out of order");
    },
    namesOf: () => [],
  };
  using test = await testResponder({}, { names });
  for (const _ of [1, 2])
    expect(await lookUp(test.port, { name: "x.test" })).toMatchObject({ rcode: "SERVFAIL" });
  const text = "a DNS query could not be answered: out of order";
  expect(test.events).toEqual([{ event: "dns_failed", level: "error", text }]);
  test.clock.advance(60_000);
  await lookUp(test.port, { name: "x.test" });
  expect(test.events).toHaveLength(2);
  expect(countsOf(test)).toEqual({ failed: 3 });
});

// TCP connections.

test("HF38 TCP: several queries on a connection, in one piece and in single bytes", async () => {
  using test = await testResponder(ENTRIES);
  using client = new TcpClient(test.port);
  client.send(...[1, 2, 3].map((id) => testQuery({ name: "db.test", id })));
  await client.until(() => client.answers.length === 3, "three answers");
  for (const byte of framed(testQuery({ name: "db.test", id: 4 }))) {
    client.socket.write(Buffer.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await client.until(() => client.answers.length === 4, "the fourth answer");
  expect(idsOf(client.answers)).toEqual([1, 2, 3, 4]);
});

test("HF38 TCP: empty messages and answers are passed over, malformed ones answered", async () => {
  using test = await testResponder(ENTRIES);
  using client = new TcpClient(test.port);
  const query = testQuery({ name: "db.test", id: 9 });
  client.send(new Uint8Array(0), new Uint8Array(11), testAnswer(query), query.subarray(0, -1), query);
  await client.until(() => client.answers.length === 2, "two answers");
  expect(client.answers.map((answer) => decode(answer).rcode)).toEqual(["FORMERR", "NOERROR"]);
  expect(countsOf(test)).toEqual({ dropped: 3, malformed: 1, answered: 1 });
});

test("HF38 TCP: a connection is closed after 10 s without a whole query, and not before", async () => {
  using test = await testResponder(ENTRIES);
  using silent = new TcpClient(test.port);
  using slow = new TcpClient(test.port);
  using busy = new TcpClient(test.port);
  const query = testQuery({ name: "db.test" });
  for (const client of [silent, slow, busy]) client.send(query);
  for (const client of [silent, slow, busy])
    await client.until(() => client.answers.length === 1, "an answer");
  const frame = framed(query);
  for (let second = 1; second < 10; second++) {
    test.clock.advance(IDLE_MS / 10);
    // Part of a query does not hold the connection.
    slow.socket.write(frame.subarray(second - 1, second));
    busy.send(query);
    await busy.until(() => busy.answers.length === 1 + second, "an answer");
    expect([silent.closed, slow.closed]).toEqual([false, false]);
  }
  test.clock.advance(IDLE_MS / 10 + 100);
  await silent.until(() => silent.closed && slow.closed, "the end of both");
  busy.send(query);
  await busy.until(() => busy.answers.length === 11, "an answer");
});

test("HF38 TCP: 64 connections at once; a further one is closed, and there is room again when one ends", async () => {
  using test = await testResponder(ENTRIES);
  const query = testQuery({ name: "db.test" });
  const clients = Array.from({ length: MAX_CONNECTIONS }, () => new TcpClient(test.port));
  try {
    for (const client of clients) client.send(query);
    for (const client of clients) await client.until(() => client.answers.length === 1, "an answer");
    using further = new TcpClient(test.port);
    await further.until(() => further.closed, "the end of the further one");
    expect(further.answers).toEqual([]);
    expect(test.events).toMatchObject([{ event: "dns_connections_full", level: "warning" }]);
    clients[0]!.socket.end();
    await clients[0]!.until(() => clients[0]!.closed, "the end of the first");
    expect(decode(await askTcp(test.port, query)).rcode).toBe("NOERROR");
  } finally {
    for (const client of clients) client.socket.destroy();
  }
});

test("HF38 TCP: a client that takes no answers holds up its queries, and gets all when it reads, also after its FIN", async () => {
  const many = Array.from({ length: 2_000 }, (_, index) => `10.0.${index >> 8}.${index & 255}`);
  using test = await testResponder({ "many.test": many });
  using client = new TcpClient(test.port);
  await once(client.socket, "connect");
  client.socket.pause();
  const queries = 600;
  client.send(...Array.from({ length: queries }, (_, id) => testQuery({ name: "many.test", id })));
  client.socket.end();
  const answered = () => test.responder.counts.get("answered") ?? 0;
  await until(() => answered() > 10, "some answers");
  let before = -1;
  for (let still = 0; still < 20; still = before === answered() ? still + 1 : 0) {
    before = answered();
    await Bun.sleep(5);
  }
  // 32 KB each: what the kernel holds, and not what the client asks for.
  expect(answered()).toBeLessThan(queries - 100);
  client.socket.resume();
  await client.until(() => client.answers.length === queries, "all answers");
  expect(idsOf(client.answers)).toEqual(Array.from({ length: queries }, (_, id) => id));
});

test("HF38 TCP: a client that never takes its answers is cut after 10 s", async () => {
  const many = Array.from({ length: 2_000 }, (_, index) => `10.0.${index >> 8}.${index & 255}`);
  using test = await testResponder({ "many.test": many });
  using client = new TcpClient(test.port);
  await once(client.socket, "connect");
  client.socket.pause();
  client.send(...Array.from({ length: 1_000 }, (_, id) => testQuery({ name: "many.test", id })));
  await until(() => (test.responder.counts.get("answered") ?? 0) > 10, "some answers");
  let before = -1;
  const answered = () => test.responder.counts.get("answered") ?? 0;
  for (let still = 0; still < 20; still = before === answered() ? still + 1 : 0) {
    before = answered();
    await Bun.sleep(5);
  }
  test.clock.advance(IDLE_MS + 100);
  client.socket.resume();
  await client.until(() => client.closed, "the end");
  expect(client.answers.length).toBeLessThan(1_000);
});

test("HF38 TCP: answers that wait for an upstream server come to a client that has ended its side", async () => {
  using upstream = await testUpstream(() => []);
  using test = await testResponder(ENTRIES, { upstream: [upstream.address] });
  using client = new TcpClient(test.port);
  client.send(testQuery({ name: "a.example", id: 1 }), testQuery({ name: "db.test", id: 2 }));
  client.socket.end();
  await client.until(() => client.answers.length === 1, "the own answer, before the forwarded one");
  expect(idsOf(client.answers)).toEqual([2]);
  expect(client.closed).toBe(false);
  test.clock.advance(2_100);
  await client.until(() => client.closed, "the end");
  expect(client.answers.map((answer) => decode(answer).rcode)).toEqual(["NOERROR", "SERVFAIL"]);
});

// Start and stop.

/** Words of the refusal. */
async function refusal(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => "no refusal",
    (error: Error) => error.message,
  );
}

function startOn(
  host: string,
  port: number,
  upstream: { host: string; port: number }[] = [],
): Promise<unknown> {
  return testResponder(ENTRIES, { address: { host, port }, upstream });
}

test("HF38 start: one clear sentence when the address cannot be had", async () => {
  using test = await testResponder(ENTRIES);
  expect(await refusal(startOn("127.0.0.1", test.port))).toStartWith(
    `cannot listen on 127.0.0.1:${test.port} (UDP): the address is in use by `,
  );
  using tcp = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  expect(await refusal(startOn("127.0.0.1", tcp.port))).toStartWith(
    `cannot listen on 127.0.0.1:${tcp.port}: the address is in use by `,
  );
  expect(await refusal(startOn("192.0.2.1", 0))).toStartWith(
    "cannot listen on 192.0.2.1:0 (UDP): the address does not belong to this machine",
  );
  expect(await refusal(startOn("localhost.invalid", 0))).toStartWith(
    "cannot listen on localhost.invalid:0 (UDP): ",
  );
  // The port whose UDP half was free is free again.
  const udp = await Bun.udpSocket({ hostname: "127.0.0.1", port: tcp.port });
  udp.close();
});

test("start: an upstream server that is no address, or the responder itself, is refused", async () => {
  const refused = (host: string, port: number, own = "127.0.0.1") =>
    refusal(startOn(own, 5_300, [{ host, port }]));
  expect(await refused("dns.example", 53)).toStartWith("DNS upstream dns.example: ");
  expect(await refused("192.0.2.1", 0)).toBe("DNS upstream 192.0.2.1: port 0 is not 1 to 65535");
  const itself = "is the address that the responder itself listens on";
  expect(await refused("127.0.0.1", 5_300)).toEndWith(itself);
  expect(await refused("127.0.0.1", 5_300, "0.0.0.0")).toEndWith(itself);
  expect(await refused("::1", 5_300, "::")).toEndWith(itself);
});

test("stop frees the port at once, cuts connections and answers nothing more", async () => {
  using upstream = await testUpstream(() => []);
  const first = await testResponder(ENTRIES, { upstream: [upstream.address] });
  using client = new TcpClient(first.port);
  using udp = await UdpClient.to(first.port);
  client.send(testQuery({ name: "a.example" }));
  udp.send(testQuery({ name: "b.example" }));
  await until(() => upstream.queries.length === 2, "both queries at the upstream server");
  first.responder.stop();
  first.responder.stop();
  await client.until(() => client.closed, "the end");
  using second = await testResponder(ENTRIES, { address: { host: "127.0.0.1", port: first.port } });
  expect(second.port).toBe(first.port);
  expect(await lookUp(second.port, { name: "db.test" })).toMatchObject({ rcode: "NOERROR" });
  expect([client.answers, udp.received]).toEqual([[], []]);
});

test("HF38 IPv6: listened on, and forwarded to, over UDP and TCP", async () => {
  using server = await testResponder({ "far.test": ["2001:db8::1"] }, { address: { host: "::1", port: 0 } });
  using test = await testResponder({}, { upstream: [{ host: "::1", port: server.port }] });
  for (const ask of [askUdp, askTcp]) {
    const answer = decode(await ask(test.port, testQuery({ name: "far.test", type: "AAAA" })));
    expect(recordTexts(answer.answers)).toEqual(["AAAA 2001:db8::1 5"]);
  }
  expect(countsOf(test)).toEqual({ forwarded: 2 });
});

// Hostile input.

function hostileMessages(count: number, seed: number): Uint8Array[] {
  const random = randomSource(seed);
  const inputs = [
    testQuery({ name: "db.test" }),
    testQuery({ name: "down.test", type: "AAAA", edns: 1_232, dnssecOk: true }),
    testQuery({ name: "7.2.0.192.in-addr.arpa", type: "PTR", version: 1 }),
    testQuery({ name: "example.com", type: "ANY" }),
  ];
  const material = { inputs, tokens: [], maxLength: 2_000 };
  return Array.from({ length: count }, (_, index) => {
    if (index % 4 > 0) return mutate(material, random);
    return Uint8Array.from({ length: random.below(100) }, () => random.below(256));
  });
}

test("HF38 random and changed packets over UDP: every one is counted, and queries are answered after them", async () => {
  using upstream = await testUpstream(() => []);
  using test = await testResponder(ENTRIES, { upstream: [upstream.address] });
  using client = await UdpClient.to(test.port);
  const messages = hostileMessages(4_000, 1);
  const counted = () => [...test.responder.counts.values()].reduce((all, one) => all + one, 0);
  for (let sent = 0; sent < messages.length;) {
    // The queue of a socket is short.
    for (const message of messages.slice(sent, sent + 32)) client.send(message);
    sent = Math.min(sent + 32, messages.length);
    const allCounted = () => {
      // What went to the upstream server fails.
      test.clock.advance(100);
      return counted() === sent;
    };
    await until(allCounted, `${sent} are counted`);
  }
  expect(decode(await askUdp(test.port, testQuery({ name: "db.test" }))).rcode).toBe("NOERROR");
  expect(test.events.filter(({ level }) => level === "error")).toEqual([]);
});

test("HF38 random and changed packets over TCP, framed and not: queries are answered after them", async () => {
  using test = await testResponder(ENTRIES);
  const messages = hostileMessages(2_000, 2);
  const counted = () => [...test.responder.counts.values()].reduce((all, one) => all + one, 0);
  using framedClient = new TcpClient(test.port);
  framedClient.send(...messages);
  await framedClient.until(() => counted() === messages.length, "all counted");
  for (let from = 0; from < 200; from += 20) {
    using raw = new TcpClient(test.port);
    raw.socket.end(Buffer.concat(messages.slice(from, from + 20)));
    await raw.until(() => raw.closed, "the end");
  }
  framedClient.send(testQuery({ name: "db.test", id: 1 }));
  await framedClient.until(() => framedClient.answers.some((one) => one.readUInt16BE(0) === 1), "an answer");
  expect(test.events).toEqual([]);
});
