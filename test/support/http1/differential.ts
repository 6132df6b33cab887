/**
 * What an origin received, read again by three strict readers: the codec, the naive one, llhttp. A text that two of them
 * read differently can smuggle a request past one of them (RFC 9112 11.2).
 */
import { readRequestsByLlhttp } from "./llhttp.ts";
import { readingText, type Reading } from "./message.ts";
import { NO_LIMITS } from "./naive_fields.ts";
import { readRequestsNaively, type NaiveReading } from "./naive_requests.ts";
import { readRequestsByCodec } from "./ours.ts";

export interface Received {
  /** What the bytes belong to, for the report. */
  readonly name: string;
  /** Everything that came on one connection, in order. */
  readonly bytes: Uint8Array;
}

/** llhttp knows a fixed list of methods; these are surely in it, and all others are given to it as POST. */
const KNOWN_METHODS = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"]);

/** Reports of what two readers read differently, or one refuses; empty when all is well. */
export async function differential(list: readonly Received[]): Promise<string[]> {
  const naive = list.map(({ bytes }) => readRequestsNaively(bytes, NO_LIMITS));
  const llhttp = await readRequestsByLlhttp(list.map(({ bytes }, index) => forLlhttp(bytes, naive[index]!)));
  const reports: string[] = [];
  for (const [index, { name, bytes }] of list.entries()) {
    const readings: [string, Reading][] = [
      ["naive", naive[index]!],
      ["codec", readRequestsByCodec(bytes)],
      ["llhttp", withMethods(llhttp[index]!, naive[index]!)],
    ];
    const expected = readingText(readings[0]![1]);
    const agree = readings.every(([, reading]) => readingText(reading) === expected);
    if (agree && naive[index]!.ending.kind !== "refused") continue;
    const views = readings.map(([reader, reading]) => `  ${reader}: ${JSON.stringify(reading)}`);
    reports.push(
      [`${name}: ${JSON.stringify(Buffer.from(bytes).toString("latin1").slice(0, 2_000))}`, ...views].join(
        "\n",
      ),
    );
  }
  return reports;
}

function forLlhttp(bytes: Uint8Array, { requests, starts }: NaiveReading): Uint8Array {
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const [index, { method }] of requests.entries()) {
    if (KNOWN_METHODS.has(method)) continue;
    parts.push(bytes.subarray(at, starts[index]!), Buffer.from("POST"));
    at = starts[index]! + method.length;
  }
  return Buffer.concat([...parts, bytes.subarray(at)]);
}

function withMethods(reading: Reading, { requests }: NaiveReading): Reading {
  const restored = reading.requests.map((request, index) => {
    const method = requests[index]?.method ?? "";
    return KNOWN_METHODS.has(method) || request.method !== "POST" ? request : { ...request, method };
  });
  return { ...reading, requests: restored };
}
