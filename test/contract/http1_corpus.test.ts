/**
 * The HTTP/1 codec against the corpus of raw requests: each request whole and cut anywhere, its neighbours by one byte, and
 * everything that a backend would get read again by three independent readers.
 */
import { describe, expect, test } from "bun:test";
import { segmentsOf } from "../support/http1/codec_driver.ts";
import { codecOutcome, type CodecOutcome } from "../support/http1/codec_outcome.ts";
import { readCases, readCorpus, type CorpusCase } from "../support/http1/corpus.ts";
import { differential, type Received } from "../support/http1/differential.ts";
import { deviations, stableText } from "../support/http1/expectations.ts";
import { SEEDS, variantsOf } from "../support/http1/generated.ts";
import { isReadInTwoWays, readRequestsNaively } from "../support/http1/naive_requests.ts";

const corpus = readCorpus();
const rowOf = ({ id }: CorpusCase): string => id.slice(0, id.indexOf("/"));
const rows = [...new Set(corpus.map(rowOf))];

/** Texts up to this length are cut at each byte. */
const SHORT_BYTES = 600;

/** What a backend got, each text once. */
const received = new Map<string, Received>();

function collect(name: string, outcome: CodecOutcome): void {
  for (const bytes of outcome.received) {
    const key = bytes.toString("latin1");
    if (bytes.length > 0 && !received.has(key)) received.set(key, { name, bytes });
  }
}

/** What must not depend on how a text is cut. */
function essence({ statuses, ended, forwarded }: CodecOutcome): string {
  return `${statuses.join()} ${ended}\n${stableText(forwarded)}`;
}

describe("the corpus", () => {
  test("holds at least 150 requests and every row that the codec can show", () => {
    expect(corpus.length).toBeGreaterThanOrEqual(150);
    const groups = { A: 25, B: 17, C: 18 };
    // Rows that a raw request alone cannot show: certificates, middlewares, time, answers, states of the origin.
    const elsewhere = new Set(["H-A16", "H-A22", "H-B8"]);
    const missing = Object.entries(groups)
      .flatMap(([group, count]) => Array.from({ length: count }, (_, index) => `H-${group}${index + 1}`))
      .filter((row) => !rows.includes(row) && !elsewhere.has(row));
    expect(missing).toEqual([]);
  });

  test("a file that breaks the format is refused with its line", () => {
    const title = "=== H-A1/x | why\n";
    for (const [text, words] of [
      ["want wait\n", "file:1: Error: a line before the first case"],
      ["=== H-A1/x\n", "file:1"],
      [`${title}want nothing\n`, "file:2"],
      [`${title}want refuse 99\n`, "file:2"],
      [`${title}body x\n`, "file:2"],
      [`${title}want forward GET /\ncolour x\n`, "file:3: Error: unknown word"],
      [`${title}want wait\n> \\q\n`, "file:3: Error: unknown escape"],
      [`${title}want wait\n> \\{3:a\n`, "file:3"],
    ] as const)
      expect(() => readCases(text, "file")).toThrow(words);
    const [read] = readCases(`${title}want wait\n> \\{2:\\#\\{2:a\\x62}\\r}\\\\\\0\n`, "file");
    expect(Buffer.from(read!.bytes).toString("latin1")).toBe("0abab\r1abab\r\\\0");
  });
});

describe("each request gets what the corpus says", () => {
  test.each(rows)("%s/codec whole", (row) => {
    const faults: string[] = [];
    for (const each of corpus.filter((other) => rowOf(other) === row && !other.needsPlane)) {
      const outcome = codecOutcome([each.bytes], true);
      collect(each.id, outcome);
      for (const fault of deviations(each, outcome)) faults.push(`${each.id}: ${fault}`);
    }
    expect(faults).toEqual([]);
  });

  test.each(rows)("%s/cut at each byte", (row) => {
    const faults: string[] = [];
    for (const each of corpus.filter((other) => rowOf(other) === row && other.bytes.length <= SHORT_BYTES)) {
      const expected = essence(codecOutcome([each.bytes], true));
      const cuts = Array.from({ length: each.bytes.length - 1 }, (_, index) => index + 1);
      for (const list of [...cuts.map((cut) => [cut]), cuts]) {
        const outcome = codecOutcome(segmentsOf(each.bytes, list), true);
        collect(`${each.id} cut at ${list.length === 1 ? list[0] : "each byte"}`, outcome);
        if (essence(outcome) !== expected)
          faults.push(`${each.id} cut at ${list.join()}: ${essence(outcome)}`);
      }
    }
    expect(faults).toEqual([]);
  });
});

describe("each byte position", () => {
  test.each(SEEDS.map((seed) => [seed.name, seed] as const))(
    "%s/each byte another byte there gets what the naive reader says",
    (_, seed) => {
      const faults: string[] = [];
      for (const { name, bytes } of variantsOf(seed)) {
        const outcome = codecOutcome([bytes], true);
        collect(name, outcome);
        const { requests, ending } = readRequestsNaively(bytes);
        const expected = requests.map(({ method, target }): number => {
          if (isReadInTwoWays(target)) return 400;
          if (method === "TRACE") return 405;
          return method === "OPTIONS" && target === "*" ? 204 : 200;
        });
        if (ending.kind === "refused") expected.push(ending.status);
        if (outcome.statuses.join() !== expected.join())
          faults.push(
            `${name}: ${outcome.statuses.join()} and not ${expected.join()} (${JSON.stringify(ending)})`,
          );
        else if (outcome.forwarded.length !== expected.filter((status) => status === 200).length)
          faults.push(`${name}: ${outcome.forwarded.length} requests forwarded`);
      }
      expect(faults).toEqual([]);
    },
  );
});

test("H-C17/at-once many requests that are answered at once are taken in turn, not one inside the other", () => {
  const count = 20_000;
  const bytes = Buffer.from("OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n".repeat(count));
  expect(codecOutcome([bytes], true).statuses).toHaveLength(count);
});

test("H-C24/codec three strict readers read alike all that a backend gets", async () => {
  expect(received.size).toBeGreaterThan(1_000);
  expect(await differential([...received.values()])).toEqual([]);
});

test("H-C24/readers a text that can be read in two ways is found", async () => {
  const head = "POST /a HTTP/1.1\r\nHost: a\r\n";
  const texts = [
    `${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    `${head}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello`,
    `${head}X: a\n b\r\n\r\n`,
    `${head}Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n`,
    "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
  ];
  const list = texts.map((text, index) => ({ name: `text ${index}`, bytes: Buffer.from(text, "latin1") }));
  const reports = await differential([...list, { name: "sound", bytes: Buffer.from(`${head}\r\n`) }]);
  expect(reports.map((report) => report.split(":")[0])).toEqual(list.map(({ name }) => name));
});
