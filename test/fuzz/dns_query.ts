/** Fuzz entry of the DNS responder: any bytes as a message, over UDP and TCP, with and without upstream servers. */
import { decode } from "dns-packet";
import { isAnswerTo } from "../../src/planes/hosts/dns/forwarder.ts";
import { judge, type Verdict, type Zone } from "../../src/planes/hosts/dns/judge.ts";
import { readQuery, TYPE, type Query } from "../../src/planes/hosts/dns/query.ts";
import { recordTexts, TestNames, testQuery } from "../../src/planes/hosts/dns/test_dns.ts";
import type { FuzzEntry, Outcome } from "./engine.ts";

const NAMES = new TestNames({
  "db.test": ["192.0.2.7", "2001:db8::7"],
  "down.test": [],
  "many.test": Array.from({ length: 100 }, (_, index) => `10.0.0.${index}`),
});
const REFUSING: Zone = { names: NAMES, ttl_s: 5, recursive: false };
const FORWARDING: Zone = { ...REFUSING, recursive: true };

const KNOWN_TYPES: readonly number[] = Object.values(TYPE);

function check(holds: boolean, broken: string): void {
  if (!holds) throw new Error(broken);
}

function run(bytes: Uint8Array): Outcome {
  const message = Buffer.from(bytes);
  const reading = readQuery(message);
  const overUdp = judge(message, "udp", REFUSING);
  const overTcp = judge(message, "tcp", REFUSING);
  const forwarding = judge(message, "udp", FORWARDING);
  const isUnanswerable = message.length < 12 || (message[2]! & 0x80) !== 0;
  for (const verdict of [overUdp, overTcp, forwarding]) {
    check((verdict.kind === "drop") === isUnanswerable, `${verdict.kind} of what is to be answered or not`);
    if (verdict.kind === "answer") checkReply(message, verdict.reply);
  }
  check(overUdp.kind !== "forward" && overTcp.kind !== "forward", "forwarded without a server");
  if (reading.kind === "query") checkQuery(reading.query, overUdp, overTcp);
  const result = forwarding.kind === "answer" ? forwarding.result : forwarding.kind;
  const rcode = overUdp.kind === "answer" ? overUdp.reply[3]! & 15 : "";
  if (reading.kind !== "query") return `${result} ${rcode}`;
  const { type, edns } = reading.query;
  return `${result} ${rcode} ${KNOWN_TYPES.includes(type) ? type : ""} ${edns === null}`;
}

/** Holds for every answer, also to what could not be read. */
function checkReply(message: Buffer, reply: Buffer): void {
  check(reply.readUInt16BE(0) === message.readUInt16BE(0), "another id");
  check((reply[2]! & 0x80) !== 0, "an answer that looks like a query");
  check((reply[2]! & 0x79) === (message[2]! & 0x79), "another operation, or RD changed");
  check(judge(reply, "udp", FORWARDING).kind === "drop", "an answer would be answered");
  decode(reply);
  check(decode.bytes === reply.length, "bytes behind the records of an answer");
}

function checkQuery(query: Query, overUdp: Verdict, overTcp: Verdict): void {
  const { message, edns } = query;
  if (overUdp.kind !== "answer" || overTcp.kind !== "answer") return;
  const limit = Math.min(1_232, Math.max(512, edns?.sizeBytes ?? 0));
  check(overUdp.reply.length <= limit, `${overUdp.reply.length} bytes for a client that takes ${limit}`);
  for (const { reply } of [overUdp, overTcp]) check(isAnswerTo(reply, query.id, query), "another question");
  const [cut, whole] = [decode(overUdp.reply), decode(overTcp.reply)];
  check(!whole.flag_tc, "an answer over TCP is cut");
  const [some, all] = [recordTexts(cut.answers), recordTexts(whole.answers)];
  check(some.join() === all.slice(0, some.length).join(), "other records over UDP");
  check(cut.flag_tc === some.length < all.length, "TC does not tell whether records are missing");
  const size = cut.additionals.filter(({ type }) => type === "OPT").length;
  check(size === (edns === null ? 0 : 1), "EDNS for a client that has none, or the other way round");
  checkName(query, whole.questions[0]!.name);
  const step = Math.max(1, message.length >> 5);
  for (let length = 0; length < message.length; length += step)
    check(readQuery(message.subarray(0, length)).kind !== "query", "a part is whole before the whole is");
}

/** Another reader finds the same name. It knows no dots in labels and reads UTF-8. */
function checkName({ name }: Query, text: string): void {
  if (name !== null) check((text === "." ? "" : text).toLowerCase() === name, `${name} is ${text} to others`);
}

function seeds(): Uint8Array[] {
  const data = { mname: "a", rname: "b", serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 1 };
  const authorities = [{ name: "db.test", type: "SOA", class: "IN", ttl: 0, data }] as const;
  return [
    testQuery({ name: "db.test" }),
    testQuery({ name: "DB.Test", type: "AAAA", edns: 4_096, dnssecOk: true }),
    testQuery({ name: "down.test", type: "TXT", edns: 512 }),
    testQuery({ name: "many.test" }),
    testQuery({ name: "many.test", edns: 800 }),
    testQuery({ name: "7.2.0.192.in-addr.arpa", type: "PTR" }),
    testQuery({ name: `7.${"0.".repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`, type: "PTR" }),
    testQuery({ name: "example.com", type: "ANY", class: "CH" }),
    testQuery({ name: "db.test", type: "IXFR", authorities }),
    testQuery({ name: "db.test", version: 1 }),
    testQuery({ name: "db.test", flags: 0x2800 }),
  ];
}

export const dnsQuery: FuzzEntry = {
  name: "dns_query",
  seeds,
  run,
  tokens: [
    "\x07example\x03com\0",
    "\x02db\x04test\0",
    "\xc0\x0c",
    "\0\x01\0\x01",
    "\0\0\x29\x04\0\0\0\0\0\0\0",
  ],
  maxLength: 1_500,
};
