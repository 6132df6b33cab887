/** Real clients: dig of BIND, the resolver of the runtime (c-ares), and the C library. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Resolver } from "node:dns/promises";
import { tmpdir } from "node:os";
import { requireRoot, requireTool } from "../../../../test/support/require.ts";
import { testAnswer, testResponder, testUpstream } from "./test_dns.ts";

const noDig = requireTool("dig");
const noRoot = requireRoot() ?? requireTool("unshare") ?? requireTool("ip") ?? requireTool("getent");

const ENTRIES = {
  "db.test": ["192.0.2.7", "192.0.2.3", "2001:db8::7"],
  "four.test": ["192.0.2.3"],
  "down.test": [],
  "many.test": Array.from({ length: 200 }, (_, index) => `10.0.0.${index}`),
};

async function run(...words: string[]): Promise<string> {
  const child = Bun.spawn(words, { stdout: "pipe", stderr: "pipe", timeout: 10_000 });
  const [out, errors] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return `${out}${errors}`;
}

function dig(port: number, ...words: string[]): Promise<string> {
  return run("dig", "@127.0.0.1", "-p", String(port), "+tries=1", "+time=5", ...words);
}

/** Lines of the section on answers, spaces made one. */
function answerLines(output: string): string[] {
  const section = /;; ANSWER SECTION:\n([\s\S]*?)\n\n/.exec(output)?.[1] ?? "";
  return section.split("\n").map((line) => line.replace(/\s+/g, " "));
}

test.skipIf(noDig !== null)("HF38 dig: A, AAAA, PTR and the case of the question", async () => {
  using test = await testResponder(ENTRIES);
  const ipv4 = await dig(test.port, "DB.test", "A");
  expect(answerLines(ipv4)).toEqual(["DB.test. 5 IN A 192.0.2.7", "DB.test. 5 IN A 192.0.2.3"]);
  expect(ipv4).toContain("status: NOERROR");
  expect(ipv4).toContain("flags: qr aa rd;");
  expect(ipv4).toContain("EDNS: version: 0, flags:; udp: 1232");
  expect(ipv4).not.toMatch(/WARNING: (?!recursion)|Warning|malformed/);
  expect(answerLines(await dig(test.port, "+tcp", "db.test", "AAAA"))).toEqual([
    "db.test. 5 IN AAAA 2001:db8::7",
  ]);
  expect(answerLines(await dig(test.port, "-x", "192.0.2.7"))).toEqual([
    "7.2.0.192.in-addr.arpa. 5 IN PTR db.test.",
  ]);
  expect(answerLines(await dig(test.port, "-x", "2001:db8::7"))[0]).toEndWith("IN PTR db.test.");
});

test.skipIf(noDig !== null)(
  "HF38 dig: NODATA with SOA, REFUSED, BADVERS, HINFO for ANY, no transfers",
  async () => {
    using test = await testResponder(ENTRIES);
    for (const words of [
      ["four.test", "AAAA"],
      ["down.test", "A"],
    ]) {
      const output = await dig(test.port, ...words);
      expect(output).toContain("status: NOERROR");
      expect(output.replace(/\s+/g, " ")).toContain(
        `${words[0]}. 5 IN SOA ${words[0]}. nobody.invalid. 1 3600 1200 604800 5`,
      );
      expect(output).toContain("ANSWER: 0, AUTHORITY: 1");
    }
    expect(await dig(test.port, "example.com")).toContain("status: REFUSED");
    expect(await dig(test.port, "db.test", "CH", "TXT")).toContain("status: REFUSED");
    expect(await dig(test.port, "+edns=1", "+noednsnegotiation", "db.test")).toContain("status: BADVERS");
    expect(await dig(test.port, "+opcode=status", "db.test")).toContain("status: NOTIMP");
    expect(answerLines(await dig(test.port, "db.test", "ANY"))).toEqual(['db.test. 5 IN HINFO "RFC8482" ""']);
    expect(await dig(test.port, "db.test", "AXFR")).toContain("Transfer failed");
    expect(await dig(test.port, "db.test", "IXFR=1")).toContain("Transfer failed");
  },
);

test.skipIf(noDig !== null)(
  "HF38 dig: an answer that is cut is fetched over TCP; sizes of EDNS are honoured",
  async () => {
    using test = await testResponder(ENTRIES);
    const size = (output: string) => Number(/MSG SIZE\s+rcvd: (\d+)/.exec(output)?.[1]);
    const whole = await dig(test.port, "many.test");
    expect(answerLines(whole)).toHaveLength(200);
    expect(whole).toContain("(TCP)");
    for (const [words, limit] of [
      [["+noedns"], 512],
      [["+bufsize=600"], 600],
      [["+bufsize=4096"], 1_232],
    ] as const) {
      const cut = await dig(test.port, "+ignore", ...words, "many.test");
      expect(cut).toContain("flags: qr aa tc rd;");
      expect(size(cut)).toBeWithin(limit - 16, limit + 1);
    }
  },
);

test.skipIf(noDig !== null)(
  "HF38 dig: cookies, padding, a client subnet and the flag DO do no harm",
  async () => {
    using test = await testResponder(ENTRIES);
    const words = [
      "+cookie=0123456789abcdef",
      "+padding=128",
      "+subnet=192.0.2.0/24",
      "+nsid",
      "+dnssec",
      "+cd",
    ];
    const output = await dig(test.port, ...words, "four.test");
    expect(answerLines(output)).toEqual(["four.test. 5 IN A 192.0.2.3"]);
    expect(output).toContain("EDNS: version: 0, flags: do; udp: 1232");
  },
);

test.skipIf(noDig !== null)(
  "HF38 dig: several queries on one TCP connection, and a foreign name forwarded",
  async () => {
    using upstream = await testUpstream((query) => [
      testAnswer(query, {
        answers: [{ name: "example.com", type: "A", class: "IN", ttl: 9, data: "198.51.100.1" }],
      }),
    ]);
    using test = await testResponder(ENTRIES, { upstream: [upstream.address] });
    const output = await dig(
      test.port,
      "+tcp",
      "+keepopen",
      "+short",
      "four.test",
      "example.com",
      "+tcp",
      "+keepopen",
      "+short",
    );
    expect(output.trim().split("\n")).toEqual(["192.0.2.3", "198.51.100.1"]);
    expect(answerLines(await dig(test.port, "example.com"))).toEqual(["example.com. 9 IN A 198.51.100.1"]);
  },
);

test("HF38 the resolver of the runtime: addresses with their time to live, reverse, no data, refused", async () => {
  using test = await testResponder(ENTRIES);
  const resolver = new Resolver();
  resolver.setServers([`127.0.0.1:${test.port}`]);
  expect(await resolver.resolve4("db.test", { ttl: true })).toEqual([
    { address: "192.0.2.7", ttl: 5 },
    { address: "192.0.2.3", ttl: 5 },
  ]);
  expect(await resolver.resolve6("db.test")).toEqual(["2001:db8::7"]);
  expect(await resolver.reverse("192.0.2.7")).toEqual(["db.test"]);
  expect(await resolver.resolve4("many.test")).toHaveLength(200);
  const codeOf = (work: Promise<unknown>) => work.then(String, (error: { code?: string }) => error.code);
  // Bun 1.4.5 makes no difference between a name that is not there and one without such records.
  expect(await codeOf(resolver.resolve6("four.test"))).toMatch(/ENODATA|ENOTFOUND/);
  expect(await codeOf(resolver.resolve4("down.test"))).toMatch(/ENODATA|ENOTFOUND/);
  expect(await codeOf(resolver.resolve4("example.com"))).toContain("EREFUSED");
  test.names.entries.set("db.test", ["192.0.2.9"]);
  // A resolver keeps what it knows for the time to live; another one knows nothing.
  const other = new Resolver();
  other.setServers([`127.0.0.1:${test.port}`]);
  expect(await other.resolve4("db.test")).toEqual(["192.0.2.9"]);
});

test.skipIf(noRoot !== null)(
  "HF38 the C library: an IPv4-only name is found, a name with many addresses too",
  async () => {
    const folder = mkdtempSync(`${tmpdir()}/dns-`);
    try {
      writeFileSync(`${folder}/resolv.conf`, "nameserver 127.0.0.1\noptions timeout:2 attempts:1\n");
      writeFileSync(`${folder}/nsswitch.conf`, "hosts: dns\n");
      const program = `${import.meta.dir}/../../../../test/e2e/dns_responder_main.ts`;
      const script = `ip link set lo up && mount --bind ${folder}/resolv.conf /etc/resolv.conf &&
      mount --bind ${folder}/nsswitch.conf /etc/nsswitch.conf && exec ${process.execPath} ${program}`;
      const output = await run("unshare", "--net", "--mount", "sh", "-c", script);
      expect(JSON.parse(output)).toEqual({
        four: "192.0.2.3 STREAM four.test\n192.0.2.3 DGRAM\n192.0.2.3 RAW\n",
        both: ["192.0.2.3", "192.0.2.7", "2001:db8::7"],
        many: 200,
        reverse: "192.0.2.7 db.test\n",
        down: 2,
        unknown: 2,
      });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
