/** Sound requests of all kinds, each with what a backend must get of it. */
import type { RandomSource } from "../../fuzz/random_source.ts";
import type { RawClient } from "../raw_client.ts";
import type { FieldLine, ReadRequest } from "./message.ts";

const HOST = "Host: a.example\r\n";

/** Any member of a list. */
export const pick = <T>(random: RandomSource, list: readonly T[]): T => list[random.below(list.length)]!;
const many = <T>(random: RandomSource, most: number, make: () => T): T[] =>
  Array.from({ length: random.below(most + 1) }, make);

/** Pieces of bodies and values that a parser that has lost its place would take for something else. */
const PIECES = [
  "0\r\n\r\n",
  "\r\n",
  "GET /smuggled HTTP/1.1\r\nHost: b\r\n\r\n",
  "5\r\n",
  ";",
  "\0",
  "\xff",
  "a",
  ": ",
  "\n",
];

function randomBody(random: RandomSource): string {
  return many(random, 6, () => pick(random, PIECES)).join("");
}

function randomField(random: RandomSource): FieldLine {
  const name = pick(random, [
    "X-A",
    "x-b",
    "Accept",
    "X-Hop",
    "Cookie",
    "X-Content-Length",
    "Transfer",
    "Keep-Alive",
    "!#$",
  ]);
  const value = pick(random, [
    "",
    "a",
    "a, b",
    "chunked",
    "5",
    "\xa0",
    "a\tb",
    "http://b/?c=d:e",
    '"\\""',
    "x".repeat(300),
  ]);
  return [name, value];
}

export interface SentRequest {
  readonly text: string;
  readonly request: Pick<ReadRequest, "method" | "target" | "body" | "trailers">;
}

/** A sound request and what the backend must get of it. */
export function randomRequest(random: RandomSource, target: string): SentRequest {
  const method = pick(random, ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "QUERY", "get"]);
  const body = randomBody(random);
  const hops = pick(random, [
    "",
    "",
    "Connection: X-Hop\r\n",
    "Connection: keep-alive, x-b\r\n",
    "Proxy-Connection: close\r\n",
  ]);
  const fields = many(random, 8, () => randomField(random))
    .map(
      ([name, value]) =>
        `${name}:${pick(random, ["", " ", "\t", "  "])}${value}${pick(random, ["", " ", "\t"])}\r\n`,
    )
    .join("");
  const kind = random.below(3);
  if (kind === 0) {
    const text = `${method} ${target} HTTP/1.1\r\n${fields}${HOST}${hops}\r\n`;
    return { text, request: { method, target, body: "", trailers: [] } };
  }
  if (kind === 1) {
    const length = `${"0".repeat(random.below(3))}${body.length}`;
    const text = `${method} ${target} HTTP/1.1\r\n${HOST}${hops}${fields}Content-Length: ${length}\r\n\r\n${body}`;
    return { text, request: { method, target, body, trailers: [] } };
  }
  const takesTrailers = random.below(2) === 0;
  const trailers = many(random, 3, (): FieldLine => [
    pick(random, ["X-T", "x-sum", "X-Z"]),
    pick(random, ["", "1", "a b", "\xff"]),
  ]);
  const te = takesTrailers ? "TE: trailers\r\n" : "";
  const text = `${method} ${target} HTTP/1.1\r\n${fields}${te}Transfer-Encoding: chunked\r\n${hops}${HOST}\r\n${randomChunks(random, body)}${trailers.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
  return { text, request: { method, target, body, trailers: takesTrailers ? trailers : [] } };
}

/** Chunks of `body` up to the line of the last one. */
function randomChunks(random: RandomSource, body: string): string {
  const extension = () => pick(random, ["", "", "", ";a", ";a=b;c", ';a="5"']);
  let text = "";
  for (let at = 0; at < body.length;) {
    const size = Math.min(body.length - at, 1 + random.below(12));
    const digits = size.toString(16);
    text += `${"0".repeat(random.below(3))}${random.below(2) === 0 ? digits : digits.toUpperCase()}${extension()}\r\n${body.slice(at, at + size)}\r\n`;
    at += size;
  }
  return `${text}${"0".repeat(1 + random.below(2))}${extension()}\r\n`;
}

/** Sends `text` in segments that end anywhere. */
export async function sendInSegments(client: RawClient, random: RandomSource, text: string): Promise<void> {
  for (let at = 0; at < text.length && !client.closed;) {
    const size = 1 + random.below(pick(random, [4, 40, 400, 4_000]));
    client.send(text.slice(at, at + size));
    at += size;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
