/** Fuzz entry of HTTP/1 answers: any bytes from a backend, through the codec to the client. */
import { INCOMPLETE, parseResponse } from "../../src/net/h1/parse.ts";
import { Head } from "../../src/net/head.ts";
import { CodecDriver, segmentsOf } from "../support/http1/codec_driver.ts";
import { readResponses, type ReadResponse } from "../support/http1/naive_response.ts";
import type { FuzzEntry, Outcome } from "./engine.ts";

function check(holds: boolean, broken: string): asserts holds {
  if (!holds) throw new Error(broken);
}

const REQUESTS = [
  "GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n",
  "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
].concat([
  "GET / HTTP/1.0\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
]);

interface Passed {
  /** The final answer that the client can read, or null. */
  readonly final: ReadResponse | null;
  readonly interim: readonly number[];
  readonly reset: boolean;
  readonly raw: string;
  readonly errors: string;
}

function pass(request: string, segments: readonly Uint8Array[], isHead: boolean): Passed {
  const driver = new CodecDriver(() => segments);
  driver.feed(Buffer.from(request));
  driver.finishBackend();
  driver.dispose();
  const raw = driver.clientSocket.bytes.toString("latin1");
  const { reset, finished } = driver.clientSocket;
  const responses = readResponses(raw, isHead, finished && !reset);
  const final = responses.at(-1) ?? null;
  const isFinal = final !== null && (final.status >= 200 || final.status === 101);
  return {
    final: isFinal ? final : null,
    interim: responses.slice(0, isFinal ? -1 : undefined).map(({ status }) => status),
    reset,
    raw,
    errors: driver.errors.join(),
  };
}

/** Fields that a hop writes anew or leaves out; nominated ones are not followed here. */
const OF_A_HOP =
  /^(?:connection|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade|http2-settings|content-length|proxy-authorization)$/i;

/** Throws when an invariant is broken. The first byte chooses the request. */
function run(bytes: Uint8Array): Outcome {
  const request = REQUESTS[(bytes[0] ?? 0) % REQUESTS.length]!;
  const isHead = request.startsWith("HEAD");
  const answer = bytes.subarray(1);
  checkHead(answer);
  const whole = pass(request, [answer], isHead);
  checkPassed(Buffer.from(answer).toString("latin1"), whole, isHead);
  for (const cuts of cutsOf(answer)) {
    const cut = pass(request, segmentsOf(answer, cuts), isHead);
    const where = `cut at ${cuts.join()}`;
    check(cut.final?.status === whole.final?.status, `${where} the status is another`);
    check(cut.reset === whole.reset, `${where} the connection ends otherwise`);
    check(cut.interim.join() === whole.interim.join(), `${where} other interim answers are passed on`);
    check(cut.final?.body === whole.final?.body, `${where} the body is another`);
    check(
      JSON.stringify(cut.final?.fields) === JSON.stringify(whole.final?.fields),
      `${where} the fields are others`,
    );
  }
  const kind = whole.final === null ? "none" : `${whole.final.status} ${whole.final.delimited}`;
  return `${kind} ${whole.reset} ${whole.errors} ${whole.interim.length}`;
}

/** What the client reads as complete is what the naive reader finds in the backend's bytes. */
function checkPassed(answer: string, { final, reset, interim }: Passed, isHead: boolean): void {
  const expected = readResponses(answer, isHead, true).at(-1) ?? null;
  if (reset) return;
  check(final !== null, "the client gets no answer and no reset");
  if (final.status === 502) return;
  check(expected !== null, "the client gets an answer that the backend did not give");
  check(final.status === expected.status, "the client gets another status");
  if (final.status === 101) return;
  check(final.body === expected.body, "the client gets another body");
  check(
    interim.every((status) => status > 101 && status < 200),
    "an interim answer that nobody waits for is passed on",
  );
  if (/^connection:/im.test(answer)) return;
  const kept = (response: ReadResponse) => response.fields.filter(([name]) => !OF_A_HOP.test(name));
  check(JSON.stringify(kept(final)) === JSON.stringify(kept(expected)), "the client gets other fields");
}

function checkHead(bytes: Uint8Array): void {
  const most = Math.min(bytes.length, 40_000);
  const whole = parseResponse(new Head(100), bytes, most);
  check(whole <= most, "the head is longer than what came");
  const step = Math.max(1, most >> 5);
  for (let length = 0; length < most; length += step) {
    const part = parseResponse(new Head(100), bytes, length);
    if (whole > 0)
      check(part === (length < whole ? INCOMPLETE : whole), `a start of ${length} bytes is not incomplete`);
    else check(part <= 0, "a start is sound and the whole is not");
  }
}

function cutsOf(bytes: Uint8Array): number[][] {
  const { length } = bytes;
  if (length < 2) return [];
  const mixed = Bun.hash.crc32(bytes);
  const cuts = [8, 16, 24].map((shift) => 1 + ((mixed >>> shift) % (length - 1))).toSorted((a, b) => a - b);
  const lists = [[1 + (mixed % (length - 1))], cuts];
  if (length <= 300) lists.push(Array.from({ length: length - 1 }, (_, index) => index + 1));
  return lists;
}

const ANSWERS = [
  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-T: 1\r\n\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3;a=b\r\nabc\r\n0\r\nX-T: 1\r\n\r\n",
]
  .concat([
    "HTTP/1.0 200 OK\r\nX: 1\r\n\r\nuntil the end",
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n",
  ])
  .concat([
    "HTTP/1.1 103 Early\r\nLink: a\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
  ])
  .concat([
    "HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nbytes",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n",
  ])
  .concat([
    "HTTP/1.1 200 OK\r\nConnection: close, X-A\r\nX-A: 1\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 1\r\n\r\nx",
  ]);

export const http1Response: FuzzEntry = {
  name: "http1_response",
  seeds: () =>
    ANSWERS.flatMap((text, index) =>
      [0, index].map(
        (choice) => new Uint8Array(Buffer.from(String.fromCharCode(choice % 4) + text, "latin1")),
      ),
    ),
  run,
  tokens: [
    "Content-Length: 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "5\r\nhello\r\n",
    "0\r\n\r\n",
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.0 ",
    "\r\n\r\n",
  ].concat([
    "HTTP/1.1 103 x\r\n\r\n",
    "Connection: close\r\n",
    "204",
    "304",
    "101",
    ";a=b",
    "Connection: Upgrade\r\nUpgrade: websocket\r\n",
    "X-T: 1\r\n",
  ]),
};
