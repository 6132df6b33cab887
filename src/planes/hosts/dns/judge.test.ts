import { expect, test } from "bun:test";
import { decode, encode, type DecodedPacket } from "dns-packet";
import fc from "fast-check";
import { parseIp } from "../../../core/schema/ip.ts";
import { judge, ttlSeconds, type Verdict, type Zone } from "./judge.ts";
import { recordTexts, TestNames, testQuery, type TestQuery } from "./test_dns.ts";

const NAMES = new TestNames({
  "db.test": ["192.0.2.7", "192.0.2.3", "2001:db8::7"],
  "four.test": ["192.0.2.3"],
  "down.test": [],
  "odd.test": ["fe80::1%eth0", "no address", "192.0.2.300", "192.0.2.9"],
  "many.test": Array.from({ length: 90 }, (_, index) => `10.0.0.${index}`),
});
const ZONE: Zone = { names: NAMES, ttl_s: 5, recursive: false };
const FORWARDING: Zone = { ...ZONE, recursive: true };
const SOA = (name: string) =>
  `SOA ${JSON.stringify({ mname: name, rname: "nobody.invalid", serial: 1, refresh: 3_600, retry: 1_200, expire: 604_800, minimum: 5 })} 5`;

function verdictOn(query: TestQuery | Buffer, zone = ZONE, transport: "udp" | "tcp" = "udp"): Verdict {
  return judge(Buffer.isBuffer(query) ? query : testQuery(query), transport, zone);
}

function replyTo(query: TestQuery | Buffer, zone = ZONE, transport: "udp" | "tcp" = "udp"): Buffer {
  const verdict = verdictOn(query, zone, transport);
  if (verdict.kind !== "answer") throw new Error(`no answer but ${verdict.kind}`);
  return verdict.reply;
}

function answerTo(query: TestQuery | Buffer, zone = ZONE, transport: "udp" | "tcp" = "udp"): DecodedPacket {
  return decode(replyTo(query, zone, transport));
}

/** `rcode answers`, of an answer or of what has none. */
function shortAnswer(query: TestQuery | Buffer, zone = ZONE): string {
  const verdict = verdictOn(query, zone);
  if (verdict.kind !== "answer") return verdict.kind;
  const { rcode, answers } = decode(verdict.reply);
  return [rcode, ...recordTexts(answers)].join(" ");
}

test("HF38 own names: addresses of the wanted family, best first, with the time to live, authoritative", () => {
  const ipv4 = answerTo({ name: "db.test", id: 99 });
  expect(recordTexts(ipv4.answers)).toEqual(["A 192.0.2.7 5", "A 192.0.2.3 5"]);
  expect(ipv4).toMatchObject({ id: 99, rcode: "NOERROR", flag_qr: true, flag_aa: true, flag_tc: false });
  expect(ipv4).toMatchObject({ flag_rd: true, flag_ra: false, authorities: [], additionals: [] });
  expect(ipv4.questions).toMatchObject([{ name: "db.test", type: "A", class: "IN" }]);
  const ipv6 = answerTo({ name: "db.test", type: "AAAA", flags: 0 }, FORWARDING);
  expect(recordTexts(ipv6.answers)).toEqual(["AAAA 2001:db8::7 5"]);
  expect(ipv6).toMatchObject({ flag_aa: true, flag_rd: false, flag_ra: true });
});

test("HF38 the case of the question is kept in question and answer", () => {
  const query = testQuery({ name: "Db.TeST" });
  const reply = replyTo(query);
  expect(reply.subarray(12, query.length)).toEqual(query.subarray(12));
  expect(decode(reply).answers.map(({ name }) => name)).toEqual(["Db.TeST", "Db.TeST"]);
});

test("HF38 other types of own names, AAAA of an IPv4 name and a name without address: NODATA with SOA", () => {
  const cases: [string, string][] = [
    ["four.test", "AAAA"],
    ["four.test", "TXT"],
    ["four.test", "SOA"],
    ["four.test", "PTR"],
    ["four.test", "UNKNOWN_65280"],
    ["down.test", "A"],
    ["down.test", "AAAA"],
  ];
  for (const [name, type] of cases) {
    const answer = answerTo({ name, type });
    expect(answer).toMatchObject({ rcode: "NOERROR", flag_aa: true, answers: [] });
    expect(recordTexts(answer.authorities)).toEqual([SOA(name)]);
    expect(answer.authorities[0]!.name).toBe(name);
    expect(verdictOn({ name, type })).toMatchObject({ result: "no_data" });
  }
});

test("HF38 what is no address is left out", () => {
  expect(shortAnswer({ name: "odd.test" })).toBe("NOERROR A 192.0.2.9 5");
  expect(shortAnswer({ name: "odd.test", type: "AAAA" })).toBe("NOERROR");
});

test("HF38 PTR of addresses of own names, both families; other types of these names: NODATA", () => {
  expect(shortAnswer({ name: "3.2.0.192.in-addr.arpa", type: "PTR" })).toBe(
    "NOERROR PTR db.test 5 PTR four.test 5",
  );
  const ipv6 = `7.${"0.".repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`;
  expect(shortAnswer({ name: ipv6.toUpperCase(), type: "PTR" })).toBe("NOERROR PTR db.test 5");
  const other = answerTo({ name: ipv6, type: "A" });
  expect(recordTexts(other.authorities)).toEqual([SOA(ipv6)]);
  expect(other).toMatchObject({ rcode: "NOERROR", answers: [] });
});

test("HF38 PTR of other addresses, and names that stand for no address, are foreign", () => {
  const names = ["4.2.0.192", "03.2.0.192", "2.0.192", "1.3.2.0.192", "300.2.0.192", "x.2.0.192", ""]
    .map((name) => `${name}.in-addr.arpa`)
    .concat(`7.${"0.".repeat(22)}8.b.d.0.1.0.0.2.ip6.arpa`, `g.${"0.".repeat(31)}ip6.arpa`, "ip6.arpa");
  for (const name of names) expect(shortAnswer({ name, type: "PTR" })).toBe("REFUSED");
});

test("HF38 names that lead to an address are left out of PTR where DNS has no such name", () => {
  const names = { addressesOf: () => null, namesOf: () => ["a..b", "x".repeat(64), "", "ok.test"] };
  const zone = { ...ZONE, names };
  expect(shortAnswer({ name: "1.0.0.10.in-addr.arpa", type: "PTR" }, zone)).toBe("NOERROR PTR ok.test 5");
});

test("HF38 foreign names are refused, or forwarded; names above and below own ones are foreign", () => {
  for (const name of ["example.com", "x.db.test", "test", ".", "db.test.test", "xdb.test"]) {
    expect(shortAnswer({ name })).toBe("REFUSED");
    expect(shortAnswer({ name }, FORWARDING)).toBe("forward");
    expect(answerTo({ name })).toMatchObject({ flag_aa: false });
  }
});

test("HF38 a label with a dot in it, or with other bytes than names of hosts have, is no own name", () => {
  const dotted = ofName(Buffer.from("\x07db.test\0", "latin1"));
  expect(shortAnswer(dotted, FORWARDING)).toBe("forward");
  const binary = Buffer.from(dotted);
  binary[14] = 0xff;
  const verdict = verdictOn(binary, FORWARDING);
  expect(verdict).toMatchObject({ kind: "forward", query: { name: null } });
  expect(replyTo(binary).subarray(12)).toEqual(binary.subarray(12));
});

test("HF38 AXFR, IXFR and ANY of foreign names are refused, forwarded or not; ANY of own names is one HINFO", () => {
  for (const type of ["AXFR", "IXFR"])
    for (const name of ["db.test", "example.com"])
      expect(shortAnswer({ name, type }, FORWARDING)).toBe("REFUSED");
  expect(shortAnswer({ name: "example.com", type: "ANY" }, FORWARDING)).toBe("REFUSED");
  for (const name of ["db.test", "down.test", "3.2.0.192.in-addr.arpa"])
    expect(shortAnswer({ name, type: "ANY" })).toBe('NOERROR HINFO {"cpu":"RFC8482","os":""} 5');
});

test("HF38 an IXFR query with its SOA record is refused and not malformed", () => {
  const data = { mname: "a", rname: "b", serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 1 };
  const authorities = [{ name: "db.test", type: "SOA", class: "IN", ttl: 0, data }] as const;
  expect(shortAnswer({ name: "db.test", type: "IXFR", authorities })).toBe("REFUSED");
});

test("HF38 other classes are refused", () => {
  for (const name of ["CH", "CS", "HS", "ANY"])
    expect(shortAnswer({ name: "db.test", class: name })).toBe("REFUSED");
});

test("HF38 other operations are not implemented, whatever follows the header", () => {
  for (let opcode = 1; opcode < 16; opcode++) {
    const query = testQuery({ name: "db.test", flags: (opcode << 11) | 0x0100 });
    for (const message of [query, query.subarray(0, 12)]) {
      const reply = replyTo(message);
      expect(reply.length).toBe(12);
      expect(reply.readUInt16BE(0)).toBe(query.readUInt16BE(0));
      expect(reply.readUInt16BE(2)).toBe(0x8104 | (opcode << 11));
    }
  }
});

test("HF38 answers and what has no header are dropped", () => {
  const query = testQuery({ name: "db.test" });
  for (let length = 0; length < 12; length++) expect(shortAnswer(query.subarray(0, length))).toBe("drop");
  expect(shortAnswer(replyTo(query))).toBe("drop");
});

/** A query of `db.test` with other counts, and bytes behind its question. */
function withRecords(counts: readonly [number, number, number, number], ...records: Buffer[]): Buffer {
  const message = Buffer.concat([testQuery({ name: "db.test" }), ...records]);
  for (const [index, count] of counts.entries()) message.writeUInt16BE(count, 4 + index * 2);
  return message;
}

/** A query of a name that is given in bytes. */
function ofName(name: Buffer): Buffer {
  const head = Buffer.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([head, name, Buffer.from([0, 1, 0, 1])]);
}

const OPT = Buffer.from([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
const NAMED_OPT = Buffer.from([1, 97, ...OPT]);
const TXT = Buffer.from([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 0, 0, 2, 1, 65]);
/** The package takes this for the start of a message and reads it 65,535 times: 0.1 s for 32 bytes. */
const LIBRARY_TRAP = Buffer.from([0, 0, 44, 0, 1, 0, 0, 0, 0, 0, 2, 1, 9]);

test.each([
  ["no question", withRecords([0, 0, 0, 0])],
  ["two questions", withRecords([2, 0, 0, 0], Buffer.from([0, 0, 1, 0, 1]))],
  ["no end of the name", testQuery({ name: "db.test" }).subarray(0, 20)],
  ["no class", testQuery({ name: "db.test" }).subarray(0, -1)],
  ["a pointer into the header", ofName(Buffer.from([0xc0, 0]))],
  ["a pointer to itself", ofName(Buffer.from([0xc0, 12]))],
  ["a label of 64 bytes", ofName(Buffer.concat([Buffer.from([64]), Buffer.alloc(64, 97), Buffer.from([0])]))],
  ["a name of 256 bytes", testQuery({ name: "a.".repeat(127) + "b" })],
  ["a byte too many", withRecords([1, 0, 0, 0], Buffer.from([0]))],
  ["a record too few", withRecords([1, 0, 0, 1])],
  ["nine records", withRecords([1, 0, 0, 9], ...Array.from({ length: 9 }, () => TXT))],
  ["65,535 records in each section", withRecords([1, 65_535, 65_535, 65_535], LIBRARY_TRAP)],
  ["a record that is cut", withRecords([1, 0, 0, 1], TXT.subarray(0, -1))],
  ["a record's name without end", withRecords([1, 0, 0, 1], Buffer.from([5, 97]))],
  ["a record's pointer that is cut", withRecords([1, 0, 0, 1], Buffer.from([0xc0]))],
  ["two OPT records", withRecords([1, 0, 0, 2], OPT, OPT)],
  ["an OPT record of a name", withRecords([1, 0, 0, 1], NAMED_OPT)],
  ["an OPT record among the answers", withRecords([1, 1, 0, 0], OPT)],
])("HF38 malformed: %s", (_what, message) => {
  expect(verdictOn(message, FORWARDING)).toMatchObject({ kind: "answer", result: "malformed" });
  const reply = replyTo(message, FORWARDING);
  expect(decode(reply)).toMatchObject({ rcode: "FORMERR", flag_qr: true, flag_rd: true, questions: [] });
  expect(reply.readUInt16BE(0)).toBe(message.readUInt16BE(0));
});

test("HF38 records that are not OPT are passed over", () => {
  expect(shortAnswer(withRecords([1, 0, 0, 3], TXT, OPT, TXT))).toStartWith("NOERROR A 192.0.2.7 5");
  expect(shortAnswer(withRecords([1, 1, 1, 1], TXT, TXT, OPT))).toStartWith("NOERROR A 192.0.2.7 5");
});

test("the longest name that there is can be asked for", () => {
  const name = "a.".repeat(126) + "b";
  const names = new TestNames({ [name]: ["192.0.2.1"] });
  expect(shortAnswer({ name }, { ...ZONE, names })).toBe("NOERROR A 192.0.2.1 5");
  // With its name twice there is no room for the SOA record in 512 bytes: the answer goes without.
  const long = [63, 63, 63, 61].map((length) => "x".repeat(length)).join(".");
  const zone = { ...ZONE, names: new TestNames({ [long]: [] }) };
  expect(replyTo({ name: long }, zone).length).toBeLessThanOrEqual(512);
  expect(answerTo({ name: long, edns: 1232 }, zone).authorities).toHaveLength(1);
});

test("HF38 EDNS: our size and the flag DO come back; without EDNS there is no OPT record", () => {
  const answer = answerTo({ name: "db.test", edns: 4_096, dnssecOk: true });
  expect(answer.additionals).toMatchObject([{ udpPayloadSize: 1_232, ednsVersion: 0, flags: 0x8000 }]);
  const refused = answerTo({ name: "example.com", edns: 512 });
  expect(refused).toMatchObject({ rcode: "REFUSED", additionals: [{ udpPayloadSize: 1_232, flags: 0 }] });
  expect(answerTo({ name: "db.test" }).additionals).toEqual([]);
});

test("HF38 EDNS of another version: BADVERS, whatever is asked", () => {
  for (const name of ["db.test", "example.com"]) {
    const answer = answerTo({ name, version: 1 }, FORWARDING);
    expect(answer).toMatchObject({ rcode: "NOERROR", answers: [] });
    expect(answer.additionals).toMatchObject([{ extendedRcode: 1, ednsVersion: 0 }]);
  }
  expect(verdictOn({ name: "db.test", version: 1 })).toMatchObject({ result: "bad_version" });
});

test.each([
  ["without EDNS", {}, 512, 0],
  ["100, which means 512", { edns: 100 }, 512, 11],
  ["700", { edns: 700 }, 700, 11],
  ["1232", { edns: 1_232 }, 1_232, 11],
  ["4096, more than we send", { edns: 4_096 }, 1_232, 11],
])("HF38 the client's size is honoured: %s", (_what, options, size, optBytes) => {
  const query = { name: "many.test", ...options };
  const reply = replyTo(query);
  const answer = decode(reply);
  const room = Math.floor((size - 12 - 15 - optBytes) / 16);
  expect(answer.answers).toHaveLength(Math.min(90, room));
  expect(answer.flag_tc).toBe(room < 90);
  expect(reply.length).toBeLessThanOrEqual(size);
  expect(reply.length + 16).toBeGreaterThan(size);
  const whole = answerTo(query, ZONE, "tcp");
  expect(whole).toMatchObject({ flag_tc: false });
  expect(recordTexts(whole.answers)).toEqual(Array.from({ length: 90 }, (_, index) => `A 10.0.0.${index} 5`));
});

test("times to live are whole seconds and fit their field", () => {
  expect([0, 999, 1_000, 5_999, 1e15, -1].map(ttlSeconds)).toEqual([0, 0, 1, 5, 2 ** 31 - 1, 0]);
});

test("addresses in every form of text are written as our own reader understands them", () => {
  const dataOf = (address: string) => {
    const type = address.includes(":") ? "AAAA" : "A";
    const reply = replyTo(
      { name: "x.test", type },
      { ...ZONE, names: new TestNames({ "x.test": [address] }) },
    );
    return reply.subarray(type === "A" ? -4 : -16).toString("hex");
  };
  const some = [
    "::",
    "::1",
    "1::",
    "::ffff:192.0.2.1",
    "64:ff9b::192.0.2.33",
    "FE80::A",
    "1:2:3:4:5:6:7::",
    "::2:3:4:5:6:7:8",
  ];
  const zeros = Array.from({ length: 256 }, (_, bits) =>
    Array.from({ length: 8 }, (_, group) => ((bits >> group) & 1) * 0xa0f).map((group) => group.toString(16)),
  );
  some.push(...zeros.map((groups) => groups.join(":")));
  for (const address of some)
    expect([address, dataOf(address)]).toEqual([address, Buffer.from(parseIp(address)!).toString("hex")]);
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
      expect([address, dataOf(address)]).toEqual([address, Buffer.from(parseIp(address)!).toString("hex")]);
    }),
    { numRuns: 500 },
  );
});

test("what other writers of messages make is understood", () => {
  const query = encode({
    type: "query",
    id: 1,
    flags: 0x0120,
    questions: [{ name: "four.test", type: "A" }],
  });
  expect(shortAnswer(query)).toBe("NOERROR A 192.0.2.3 5");
});
