/** Fuzz entry of answers to probes: any bytes, in any segments, must lead to the same end. */
import { AnswerReader, HEAD_LIMIT_BYTES, type Progress } from "../../src/probes/http_answer.ts";
import type { FuzzEntry, Outcome } from "./engine.ts";

const BODY_LIMIT = 200;

function check(holds: boolean, broken: string): void {
  if (!holds) throw new Error(broken);
}

interface Reading {
  readonly progress: Progress;
  readonly reader: AnswerReader;
}

function readIn(bytes: Uint8Array, sizes: readonly number[], isHead: boolean): Reading {
  const reader = new AnswerReader(isHead, BODY_LIMIT);
  let progress: Progress = "more";
  for (let at = 0, part = 0; at < bytes.length && progress === "more"; part++) {
    const size = sizes[part % sizes.length]!;
    progress = reader.read(bytes.slice(at, at + size));
    at += size;
  }
  if (progress === "more") progress = reader.end();
  check(progress !== "more", "the end of the connection is no end");
  return { progress, reader };
}

function run(bytes: Uint8Array): Outcome {
  const isHead = bytes[0] === 0;
  const answer = isHead ? bytes.subarray(1) : bytes;
  const whole = readIn(answer, [Math.max(1, answer.length)], isHead);
  for (const sizes of [[1], [3, 1, 40], [4_096]]) {
    const parts = readIn(answer, sizes, isHead);
    const areSame = (whole.progress === "complete") === (parts.progress === "complete");
    // Of a malformed answer more may be read before that shows.
    const tooLate = whole.progress !== "complete" && whole.reader.status !== 0;
    check(areSame || tooLate, `read in parts of ${sizes.join()} it ends differently`);
    if (whole.progress !== "complete" || parts.progress !== "complete") continue;
    check(parts.reader.status === whole.reader.status, "another status in parts");
    check(Buffer.from(parts.reader.body).equals(whole.reader.body), "another body in parts");
  }
  const { progress, reader } = whole;
  if (progress !== "complete" && progress !== "more") {
    check(/^[\w ,/]+$/.test(progress.problem), `words of the backend in a problem: ${progress.problem}`);
    return progress.problem;
  }
  // Above 599 they mean nothing, and count as failures of the server (RFC 9110 15).
  check(reader.status >= 100 && reader.status <= 999, `a status ${reader.status}`);
  check(reader.body.length <= BODY_LIMIT, "more of the body than is wanted");
  return `${Math.floor(reader.status / 100)} ${reader.body.length > 0}`;
}

export const probeAnswer: FuzzEntry = {
  name: "probe_answer",
  run,
  seeds: () =>
    [
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\nLocation: /x\r\n\r\n",
      "HTTP/1.0 503 Down\r\n\r\nuntil the end",
      "HTTP/1.0 603 \r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n",
      "\0HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n",
    ].map((text) => new TextEncoder().encode(text)),
  tokens: [
    "HTTP/1.1 ",
    "200",
    "\r\n",
    "\r\n\r\n",
    "Content-Length: ",
    "Transfer-Encoding: chunked",
    "0\r\n",
    ";",
    ":",
  ],
  maxLength: HEAD_LIMIT_BYTES + 100,
};
