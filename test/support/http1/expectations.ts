/** Compares what a case of the corpus wants with what came out. */
import type { CorpusCase, Want } from "./corpus.ts";
import { type ReadRequest, readingText } from "./message.ts";
import { listOf, valuesOf } from "./naive_fields.ts";

export interface Outcome {
  /** Statuses of the final answers, in order. */
  readonly statuses: readonly number[];
  /** The connection ended after the last answer. */
  readonly ended: boolean;
  /** Whole requests that the backend got, in order. */
  readonly forwarded: readonly ReadRequest[];
}

/** What is wrong, empty when all is as wanted. `forwardStatus`: what the backend answers. */
export function deviations(theCase: CorpusCase, outcome: Outcome, forwardStatus = 200): string[] {
  const faults: string[] = [];
  const wanted = theCase.wants.flatMap((want) => statusOf(want, forwardStatus));
  if (outcome.statuses.join() !== wanted.join())
    faults.push(`answers ${outcome.statuses.join()} and not ${wanted.join()}`);
  const forwards = theCase.wants.filter((want) => want.kind === "forward");
  if (outcome.forwarded.length !== forwards.length)
    faults.push(`${outcome.forwarded.length} requests forwarded and not ${forwards.length}`);
  for (const [index, want] of forwards.entries()) {
    const request = outcome.forwarded[index];
    if (request !== undefined) faults.push(...differences(want, request));
  }
  if (theCase.wants.at(-1)!.kind === "refuse" && !outcome.ended) faults.push("the connection stays");
  return faults;
}

function statusOf(want: Want, forwardStatus: number): number[] {
  if (want.kind === "wait") return [];
  return [want.kind === "forward" ? forwardStatus : want.status];
}

function differences(want: Want & { kind: "forward" }, request: ReadRequest): string[] {
  const faults: string[] = [];
  const same = (what: string, actual: string, expected: string) => {
    if (actual !== expected)
      faults.push(`${what} is ${JSON.stringify(actual)} and not ${JSON.stringify(expected)}`);
  };
  same("method", request.method, want.method);
  same("target", request.target, want.target);
  same("version", request.version, "1.1");
  same("body", request.body, want.body);
  same("trailers", JSON.stringify(request.trailers), JSON.stringify(want.trailers));
  let at = -1;
  for (const [name, value] of want.fields) {
    at = request.fields.findIndex((field, index) => index > at && field[0] === name && field[1] === value);
    if (at < 0) {
      faults.push(
        `no field ${JSON.stringify(`${name}: ${value}`)} (in this order) in ${JSON.stringify(request.fields)}`,
      );
      break;
    }
  }
  for (const name of want.absent)
    if (valuesOf(request.fields, name).length > 0) faults.push(`${name} is there`);
  for (const [name, count] of want.counts) {
    const actual = valuesOf(request.fields, name).length;
    if (actual !== count) faults.push(`${name} is there ${actual} times and not ${count}`);
  }
  return faults.concat(ownFraming(request));
}

/** What holds for every request that we send: one Host, one framing, Connection with what belongs to it alone. */
function ownFraming({ fields }: ReadRequest): string[] {
  const faults: string[] = [];
  const count = (name: string) => valuesOf(fields, name).length;
  if (count("host") !== 1) faults.push(`${count("host")} Host fields`);
  if (count("content-length") + count("transfer-encoding") > 1) faults.push("two kinds of framing");
  const coding = valuesOf(fields, "transfer-encoding");
  if (coding.length > 0 && coding[0] !== "chunked") faults.push(`Transfer-Encoding: ${coding[0]}`);
  for (const token of count("connection") === 0 ? [] : listOf(fields, "connection"))
    if (token !== "te" && token !== "upgrade") faults.push(`Connection names ${token}`);
  for (const name of [
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "trailer",
    "http2-settings",
    "proxy",
  ])
    if (count(name) > 0) faults.push(`${name} is there`);
  return faults;
}

/** Requests as text without the fields that differ from run to run. */
export function stableText(requests: readonly ReadRequest[]): string {
  const stable = requests.map((request) => ({
    ...request,
    fields: request.fields.filter(([name]) => name.toLowerCase() !== "x-request-id"),
  }));
  return readingText({ requests: stable, ending: { kind: "complete" } });
}
