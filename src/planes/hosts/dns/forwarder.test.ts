import { expect, test } from "bun:test";
import { decode } from "dns-packet";
import { isAnswerTo, MAX_FORWARDS, REST_MS, UPSTREAM_TIMEOUT_MS } from "./forwarder.ts";
import { readQuery, type Query } from "./query.ts";
import {
  askTcp,
  askUdp,
  RD,
  testAnswer,
  testQuery,
  testResponder,
  testUpstream,
  UdpClient,
  type TestResponder,
} from "./test_dns.ts";

const ENTRIES = { "db.test": ["192.0.2.7"] };
const QUERY = testQuery({ name: "Example.com", id: 1_234, edns: 4_096 });
const TC = 0x0200;

async function until(holds: () => boolean, what: string): Promise<void> {
  for (const end = performance.now() + 5_000; !holds();) {
    if (performance.now() > end) throw new Error(`this did not come true: ${what}`);
    await Bun.sleep(1);
  }
}

function withId(message: Buffer, id: number): Buffer {
  const copy = Buffer.from(message);
  copy.writeUInt16BE(id, 0);
  return copy;
}

/** An answer that holds `address`, so that one knows who gave it. */
function answerOf(address: string) {
  return (query: Buffer) => {
    const { name } = decode(query).questions[0]!;
    return [testAnswer(query, { answers: [{ name, type: "A", class: "IN", ttl: 60, data: address }] })];
  };
}

/** A port on which nobody listens, neither by UDP nor by TCP. */
async function closedPort(): Promise<number> {
  using server = await testUpstream(() => []);
  return server.address.port;
}

function eventsOf({ events }: TestResponder): string[] {
  return events.map(({ event }) => event);
}

test("HF38 foreign names over UDP: the query as it came but for its id, the answer as it came with the id of the client", async () => {
  using upstream = await testUpstream(answerOf("198.51.100.1"));
  using test = await testResponder(ENTRIES, { upstream: [upstream.address] });
  const given: Buffer[] = [];
  const { behaviour } = upstream;
  upstream.behaviour = (query, transport) => {
    const answers = behaviour(query, transport);
    given.push(...answers.map((one) => Buffer.from(one)));
    return answers;
  };
  const answer = await askUdp(test.port, QUERY);
  expect(upstream.queries).toHaveLength(1);
  const [{ message, transport }] = upstream.queries as [(typeof upstream.queries)[0]];
  expect(transport).toBe("udp");
  expect(withId(message, 1_234)).toEqual(QUERY);
  expect(answer).toEqual(withId(given[0]!, 1_234));
  expect(Object.fromEntries(test.responder.counts)).toEqual({ forwarded: 1 });
});

test("HF38 own names are never forwarded", async () => {
  using upstream = await testUpstream(answerOf("198.51.100.1"));
  using test = await testResponder(ENTRIES, { upstream: [upstream.address] });
  for (const type of ["A", "AAAA", "TXT", "ANY", "AXFR"])
    await askUdp(test.port, testQuery({ name: "db.test", type }));
  expect(upstream.queries).toEqual([]);
});

test("HF38 each forwarded query has an id and a source port of its own", async () => {
  using upstream = await testUpstream(answerOf("198.51.100.1"));
  using test = await testResponder(ENTRIES, { upstream: [upstream.address] });
  using client = await UdpClient.to(test.port);
  for (let count = 0; count < 100; count++) await client.ask(QUERY);
  const ids = new Set(upstream.queries.map(({ message }) => message.readUInt16BE(0)));
  const ports = new Set(upstream.queries.map(({ port }) => port));
  // A hundred of 65,536 meet once or twice at most; a hundred of some 28,000 ports a little more often.
  expect(ids.size).toBeGreaterThan(95);
  expect(ports.size).toBeGreaterThan(90);
});

test("HF38 only an answer of the right id and question counts", async () => {
  using upstream = await testUpstream((query) => {
    const { id } = decode(query);
    const wrong = (change: (copy: Buffer) => void) => {
      const copy = answerOf("203.0.113.66")(query)[0]!;
      change(copy);
      return copy;
    };
    return [
      wrong((copy) => copy.writeUInt16BE(id ^ 1, 0)),
      wrong((copy) => copy.writeUInt16BE(copy.readUInt16BE(2) & 0x7fff, 2)),
      wrong((copy) => copy.write("Exomple", 13)),
      wrong((copy) => copy.writeUInt16BE(28, 25)),
      wrong((copy) => copy.writeUInt16BE(0, 4)),
      wrong((copy) => copy.writeUInt16BE(2, 4)),
      Buffer.alloc(0),
      query.subarray(0, 12),
      ...answerOf("198.51.100.1")(query),
    ];
  });
  using test = await testResponder(ENTRIES, { upstream: [upstream.address] });
  for (const ask of [askUdp, askTcp])
    expect(decode(await ask(test.port, QUERY)).answers).toMatchObject([{ data: "198.51.100.1" }]);
});

test("HF38 an answer from another address or port does not reach the client", async () => {
  using upstream = await testUpstream(() => []);
  using test = await testResponder(ENTRIES, { upstream: [upstream.address] });
  using client = await UdpClient.to(test.port);
  client.send(QUERY);
  await until(() => upstream.queries.length === 1, "the query");
  const [{ message, port }] = upstream.queries as [(typeof upstream.queries)[0]];
  const forged = await Bun.udpSocket({ hostname: "127.0.0.1", port: 0, socket: {} });
  forged.send(answerOf("203.0.113.66")(message)[0]!, port, "127.0.0.1");
  forged.close();
  // On loopback it is where it was sent to by now; each of these lets all sockets have their turn.
  for (let turn = 0; turn < 5; turn++)
    expect(decode(await client.ask(testQuery({ name: "db.test" })))).toMatchObject({ rcode: "NOERROR" });
  test.clock.advance(UPSTREAM_TIMEOUT_MS + 100);
  expect(decode(await client.next())).toMatchObject({ rcode: "SERVFAIL", answers: [] });
});

test("the letters of a question may change their case on the way, and nothing else", () => {
  const query = (readQuery(testQuery({ name: "A[z.test", type: "UNKNOWN_65" })) as { query: Query }).query;
  const answer = testAnswer(query.message);
  const changed = (at: number, byte: number) => {
    const copy = Buffer.from(answer);
    copy[at] = byte;
    return copy;
  };
  expect(isAnswerTo(answer, query.id, query)).toBe(true);
  expect(isAnswerTo(changed(13, 0x61), query.id, query)).toBe(true);
  expect(isAnswerTo(changed(15, 0x5a), query.id, query)).toBe(true);
  // `[` and `{` differ as letters of both cases do; so do the types 65 and 97.
  expect(isAnswerTo(changed(14, 0x7b), query.id, query)).toBe(false);
  expect(isAnswerTo(changed(23, 97), query.id, query)).toBe(false);
  expect(isAnswerTo(answer.subarray(0, -1), query.id, query)).toBe(false);
});

test("HF38 answers with TC pass as they are, and the query over TCP is forwarded over TCP", async () => {
  using upstream = await testUpstream((query, transport) =>
    transport === "udp" ? [testAnswer(query, { flags: 0x8180 | TC })] : answerOf("198.51.100.1")(query),
  );
  using test = await testResponder(ENTRIES, { upstream: [upstream.address] });
  expect(decode(await askUdp(test.port, QUERY))).toMatchObject({ flag_tc: true, answers: [] });
  const whole = decode(await askTcp(test.port, QUERY));
  expect(whole).toMatchObject({ id: 1_234, flag_tc: false, answers: [{ data: "198.51.100.1" }] });
  expect(upstream.queries.map(({ transport }) => transport)).toEqual(["udp", "tcp"]);
});

test("HF38 answers of 60 KB come whole over TCP", async () => {
  const data = Array.from({ length: 1_800 }, (_, index) => `10.1.${index >> 8}.${index & 255}`);
  const large = (query: Buffer) => {
    const answers = data.map(
      (one) => ({ name: "Example.com", type: "A", class: "IN", ttl: 1, data: one }) as const,
    );
    return [testAnswer(query, { answers })];
  };
  using upstream = await testUpstream(large);
  using test = await testResponder(ENTRIES, { upstream: [upstream.address] });
  const answer = decode(await askTcp(test.port, QUERY));
  expect(answer.answers.map((record) => (record as { data: string }).data)).toEqual(data);
});

test.each([
  ["UDP", askUdp],
  ["TCP", askTcp],
])(
  "HF38 over %s a server that says nothing is given up after 2 s, and comes last for a while",
  async (_what, ask) => {
    using silent = await testUpstream(() => []);
    using second = await testUpstream(answerOf("198.51.100.2"));
    using test = await testResponder(ENTRIES, { upstream: [silent.address, second.address] });
    const answer = ask(test.port, QUERY);
    await until(() => silent.queries.length === 1, "the query at the first server");
    test.clock.advance(UPSTREAM_TIMEOUT_MS - 100);
    await Bun.sleep(5);
    expect(second.queries).toEqual([]);
    test.clock.advance(200);
    expect(decode(await answer).answers).toMatchObject([{ data: "198.51.100.2" }]);
    expect(test.events).toMatchObject([
      {
        event: "dns_upstream_down",
        level: "warning",
        text: `DNS server 127.0.0.1:${silent.address.port} does not answer: no answer within 2s`,
      },
    ]);
    // Now the second one is asked at once.
    await ask(test.port, QUERY);
    expect(silent.queries).toHaveLength(1);
    silent.behaviour = answerOf("198.51.100.1");
    test.clock.advance(REST_MS);
    expect(decode(await ask(test.port, QUERY)).answers).toMatchObject([{ data: "198.51.100.1" }]);
    expect(eventsOf(test)).toEqual(["dns_upstream_down", "dns_upstream_up"]);
  },
);

test.each([
  ["UDP", askUdp],
  ["TCP", askTcp],
])(
  "HF38 over %s a server that refuses is passed over at once; SERVFAIL when there is none left",
  async (_what, ask) => {
    using second = await testUpstream(answerOf("198.51.100.2"));
    const gone = { host: "127.0.0.1", port: await closedPort() };
    using test = await testResponder(ENTRIES, { upstream: [gone, second.address] });
    // The time of the responder stands still, so nothing but the refusal leads on.
    expect(decode(await ask(test.port, QUERY)).answers).toMatchObject([{ data: "198.51.100.2" }]);
    using alone = await testResponder(ENTRIES, { upstream: [gone] });
    const failed = decode(await ask(alone.port, QUERY));
    expect(failed).toMatchObject({
      id: 1_234,
      rcode: "SERVFAIL",
      flag_ra: true,
      flag_aa: false,
      answers: [],
    });
    expect(failed.questions).toMatchObject([{ name: "Example.com" }]);
    expect(failed.additionals).toMatchObject([{ udpPayloadSize: 1_232 }]);
    expect(Object.fromEntries(alone.responder.counts)).toEqual({ failed: 1 });
    expect(eventsOf(alone)).toEqual(["dns_upstream_down"]);
  },
);

test("HF38 SERVFAIL after 2 s for each of the servers that say nothing", async () => {
  using first = await testUpstream(() => []);
  using second = await testUpstream(() => []);
  using test = await testResponder(ENTRIES, { upstream: [first.address, second.address] });
  using client = await UdpClient.to(test.port);
  client.send(QUERY);
  for (const server of [first, second]) {
    await until(() => server.queries.length === 1, "the query");
    expect(client.received).toEqual([]);
    test.clock.advance(UPSTREAM_TIMEOUT_MS + 100);
  }
  expect(decode(await client.next())).toMatchObject({ id: 1_234, rcode: "SERVFAIL" });
});

test("a server that ends TCP connections without an answer is passed over at once", async () => {
  using second = await testUpstream(answerOf("198.51.100.2"));
  using ending = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: (socket) => void socket.end() },
  });
  const upstream = [{ host: "127.0.0.1", port: ending.port }, second.address];
  using test = await testResponder(ENTRIES, { upstream });
  expect(decode(await askTcp(test.port, QUERY)).answers).toMatchObject([{ data: "198.51.100.2" }]);
  expect(test.events).toMatchObject([{ event: "dns_upstream_down" }]);
});

test("HF38 256 queries wait for upstream servers at most: further ones fail at once, own names go on", async () => {
  using upstream = await testUpstream(() => []);
  using test = await testResponder(ENTRIES, { upstream: [upstream.address] });
  using client = await UdpClient.to(test.port);
  for (let id = 0; id < MAX_FORWARDS; id++) {
    client.send(testQuery({ name: "example.com", id }));
    if (id % 64 === 63) await until(() => upstream.queries.length === id + 1, "the queries");
  }
  expect(client.received).toEqual([]);
  expect(decode(await client.ask(testQuery({ name: "example.com", id: 999, flags: RD })))).toMatchObject({
    id: 999,
    rcode: "SERVFAIL",
  });
  expect(decode(await client.ask(testQuery({ name: "db.test", id: 1_000 })))).toMatchObject({
    rcode: "NOERROR",
  });
  expect(eventsOf(test)).toEqual(["dns_forwards_full"]);
  expect(upstream.queries).toHaveLength(MAX_FORWARDS);
  test.clock.advance(UPSTREAM_TIMEOUT_MS + 100);
  await until(() => client.received.length === MAX_FORWARDS, "their failures");
  upstream.behaviour = answerOf("198.51.100.1");
  client.received.length = 0;
  expect(decode(await client.ask(QUERY)).answers).toMatchObject([{ data: "198.51.100.1" }]);
});

test("sockets to upstream servers are gone when their queries are", async () => {
  const sockets = () =>
    new Set(Array.from(new Bun.Glob("*").scanSync({ cwd: "/proc/self/fd", onlyFiles: false })));
  using silent = await testUpstream(() => []);
  using test = await testResponder(ENTRIES, { upstream: [silent.address] });
  using client = await UdpClient.to(test.port);
  const before = sockets().size;
  for (let id = 0; id < 50; id++) client.send(testQuery({ name: "example.com", id }));
  await until(() => silent.queries.length === 50, "the queries");
  expect(sockets().size).toBeGreaterThanOrEqual(before + 50);
  test.clock.advance(UPSTREAM_TIMEOUT_MS + 100);
  await until(() => client.received.length === 50, "their failures");
  await until(() => sockets().size <= before, "no socket is left");
});
