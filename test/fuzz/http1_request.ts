/** Fuzz entry of HTTP/1 requests: any bytes from a client, through the codec to the backend's side. */
import { INCOMPLETE, parsed, parseRequest } from "../../src/net/h1/parse.ts";
import { FIELD_STRIDE, Head } from "../../src/net/head.ts";
import { segmentsOf } from "../support/http1/codec_driver.ts";
import { codecOutcome, type CodecOutcome } from "../support/http1/codec_outcome.ts";
import { readingText, type ReadRequest } from "../support/http1/message.ts";
import { NO_LIMITS } from "../support/http1/naive_fields.ts";
import { isReadInTwoWays, readRequestsNaively } from "../support/http1/naive_requests.ts";
import { stableText } from "../support/http1/expectations.ts";
import { allFields, readRequestsByCodec } from "../support/http1/ours.ts";
import { SEEDS } from "../support/http1/generated.ts";
import type { FuzzEntry, Outcome } from "./engine.ts";

function check(holds: boolean, broken: string): asserts holds {
  if (!holds) throw new Error(broken);
}

/** Throws when an invariant is broken. A refusal is a good outcome. */
function run(bytes: Uint8Array): Outcome {
  const head = checkHead(bytes);
  const whole = codecOutcome([bytes], true);
  checkAgainstNaive(bytes, whole);
  for (const received of whole.received) {
    const naive = readRequestsNaively(received, NO_LIMITS);
    check(naive.ending.kind !== "refused", "the backend gets what is no request");
    check(
      readingText(naive) === readingText(readRequestsByCodec(received)),
      "two readers of the backend disagree",
    );
  }
  for (const cuts of cutsOf(bytes)) {
    const cut = codecOutcome(segmentsOf(bytes, cuts), true);
    check(cut.statuses.join() === whole.statuses.join(), `cut at ${cuts.join()} it is answered otherwise`);
    check(cut.ended === whole.ended, `cut at ${cuts.join()} the connection ends otherwise`);
    check(
      stableText(cut.forwarded) === stableText(whole.forwarded),
      `cut at ${cuts.join()} it is forwarded otherwise`,
    );
  }
  return `${head} ${whole.statuses.join()} ${whole.driver.errors.join()} ${whole.forwarded.length}`;
}

/** Statuses and requests are those of the naive reader. */
function checkAgainstNaive(bytes: Uint8Array, { statuses, forwarded }: CodecOutcome): void {
  const { requests, ending } = readRequestsNaively(bytes);
  const text = Buffer.from(bytes).toString("latin1");
  // A request that we answer ends its connection where its body is not read.
  const answered = ANSWERED_BY_US.test(text) || requests.some(isAnsweredByUs);
  if (answered && FRAMED.test(text)) return;
  const sent = requests.filter((request) => !isAnsweredByUs(request));
  const twoWays = requests.filter(({ target }) => isReadInTwoWays(target)).length;
  const refusals = statuses.filter((status) => status >= 400 && status !== 405).length - twoWays;
  if (ending.kind === "refused") check(refusals === 1, `the naive reader refuses: ${ending.why}`);
  // What can still become sound is refused by nobody; one byte of a head or body may tell the codec earlier.
  else if (ending.kind === "complete") check(refusals === 0, "the naive reader takes it all");
  check(forwarded.length === sent.length, "the naive reader finds another number of requests");
  for (const [index, { method, body }] of sent.entries())
    check(
      forwarded[index]!.method === method && forwarded[index]!.body === body,
      "the naive reader finds other requests",
    );
}

function isAnsweredByUs({ method, target }: ReadRequest): boolean {
  return method === "TRACE" || target === "*" || isReadInTwoWays(target);
}

const ANSWERED_BY_US = /^(?:TRACE |OPTIONS \*)/m;
const FRAMED = /^(?:content-length|transfer-encoding):/im;

/** The parser of heads alone: positions, incremental parsing, round trip. */
function checkHead(bytes: Uint8Array): number {
  const most = Math.min(bytes.length, 40_000);
  const head = new Head(100);
  const whole = parseRequest(head, bytes, most);
  check(whole <= most, "the head is longer than what came");
  const step = Math.max(1, most >> 5);
  for (let length = 0; length < most; length += step) {
    const part = parseRequest(new Head(100), bytes, length);
    if (whole > 0)
      check(part === (length < whole ? INCOMPLETE : whole), `a start of ${length} bytes is not incomplete`);
    else check(part <= 0, "a start is sound and the whole is not");
    if (whole === INCOMPLETE) check(part === INCOMPLETE, "a start is refused and the whole is not");
  }
  if (whole <= 0) return whole;
  check(parseRequest(head, bytes, most) === whole, "a second look finds something else");
  checkPositions(head, whole);
  checkRoundTrip(head, bytes);
  return 1;
}

function checkPositions(head: Head, end: number): void {
  let before = head.fieldsStart;
  for (let at = 0; at < head.count * FIELD_STRIDE; at++) {
    check(head.positions[at]! >= before, "positions are not in order");
    before = head.positions[at]!;
  }
  check(head.fieldsEnd >= before && head.fieldsEnd + 2 === end, "the fields end elsewhere");
}

/** A head that is written again from what was found reads the same. */
function checkRoundTrip(head: Head, bytes: Uint8Array): void {
  const fields = allFields(head);
  const start = Buffer.from(bytes.subarray(parsed.start, parsed.targetEnd)).toString("latin1");
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const text = Buffer.from(`${start} HTTP/1.1\r\n${lines}\r\n`, "latin1");
  const again = new Head(100);
  check(parseRequest(again, text, text.length) === text.length, "a head that is written again is refused");
  check(
    JSON.stringify(allFields(again)) === JSON.stringify(fields),
    "a head that is written again reads otherwise",
  );
}

/** A few ways to cut the text: into single bytes where it is short, else at places that depend on it. */
function cutsOf(bytes: Uint8Array): number[][] {
  const { length } = bytes;
  if (length < 2) return [];
  const mixed = Bun.hash.crc32(bytes);
  const cuts = [
    [1 + (mixed % (length - 1))],
    [1 + ((mixed >>> 8) % (length - 1)), 1 + ((mixed >>> 16) % (length - 1))],
  ];
  for (const list of cuts) list.sort((a, b) => a - b);
  if (length <= 300) cuts.push(Array.from({ length: length - 1 }, (_, index) => index + 1));
  return cuts;
}

const TOKENS = [
  "Host: a\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Content-Length: 5\r\n",
  "Connection: close\r\n",
  "HTTP/1.1",
]
  .concat([
    "Expect: 100-continue\r\n",
    "0\r\n\r\n",
    "5\r\nhello\r\n",
    "GET / HTTP/1.1\r\n",
    "http://",
    "%2f",
    "\r\n\r\n",
    ";a=b",
  ])
  .concat([
    "Connection: Upgrade\r\nUpgrade: websocket\r\n",
    "OPTIONS *",
    "CONNECT",
    "[::1]",
    "HTTP/1.0",
    "X_A: 1\r\n",
    "TE: trailers\r\n",
  ]);

export const http1Request: FuzzEntry = {
  name: "http1_request",
  seeds: () => [
    ...SEEDS.map(({ text }) => new Uint8Array(Buffer.from(text, "latin1"))),
    new Uint8Array(
      Buffer.from(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: 1\r\n\r\nGET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
      ),
    ),
  ],
  run,
  tokens: TOKENS,
};
