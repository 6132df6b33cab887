/**
 * Requests that must be refused. What all refusals have in common is checked here: one answer with the right status and
 * nothing of ours in it, the end of the connection, not one byte to a backend, and one line in the access log with its
 * reason and its bytes.
 */
import type { Fairlead, LogLine } from "./fairlead.ts";
import { askOnce, rawClient, type Answer } from "./raw_client.ts";
import type { RawOrigin } from "./raw_origin.ts";

export interface RefusalCase {
  readonly name: string;
  readonly request: string | Uint8Array;
  readonly status: number;
  /** What the log says, or a pattern for it where two readings of the request are equally right. */
  readonly reason: string | RegExp;
}

/** Cases that are refused alike. A case without a name is called by how it begins. */
export function refusals(
  status: number,
  reason: string | RegExp,
  requests: readonly (string | readonly [name: string, request: string])[],
): RefusalCase[] {
  return requests.map((entry) => {
    const [name, request] = typeof entry === "string" ? [JSON.stringify(entry.slice(0, 60)), entry] : entry;
    return { name, request, status, reason };
  });
}

/** Sent before and after all refusals, so that all that belongs to them is found in between. */
const sentinel = (target: string) => `GET ${target} HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n`;
let sentinels = 0;

/** The body of an error answer: status, title and the words of the error table, nothing that a client sent. */
const PLAIN_BODY = /^([0-9]{3}) [A-Z][A-Za-z ]+: [A-Za-z][A-Za-z ,'-]*\n$/;

/**
 * Sends each request on a connection of its own and returns what is wrong, [] when all is well. `it.origin` must answer
 * a GET with 200. Nothing else may use `it` meanwhile.
 */
export async function refusalFaults(
  it: { readonly fairlead: Fairlead; readonly origin: RawOrigin },
  cases: readonly RefusalCase[],
): Promise<string[]> {
  const faults: string[] = [];
  const answers: (Answer | null)[] = [];
  const before = await askSentinel(it);
  for (const theCase of cases) answers.push(await refused(it.fairlead.port(), theCase, faults));
  const after = await askSentinel(it);
  const forwarded = after.bytesBefore - before.bytesAfter;
  if (forwarded !== 0) faults.push(`${forwarded} bytes have reached the backend`);
  const lines = after.linesBefore.slice(before.linesBefore.length + 1);
  if (lines.length !== cases.length)
    faults.push(`${lines.length} lines in the log for ${cases.length} requests`);
  for (const [index, theCase] of cases.entries())
    checkLine(theCase, answers[index] ?? null, lines[index], faults);
  return faults;
}

/** Number of lines of the access log when all requests before this call have theirs. */
export async function logMark(it: {
  readonly fairlead: Fairlead;
  readonly origin: RawOrigin;
}): Promise<number> {
  return (await askSentinel(it)).linesBefore.length + 1;
}

/** Asks for something that is served: the log's lines before its own, and what the backend had got around it. */
async function askSentinel({ fairlead, origin }: { fairlead: Fairlead; origin: RawOrigin }) {
  const target = `/sentinel-${++sentinels}`;
  const { status } = await askOnce(fairlead.port(), sentinel(target));
  if (status !== 200) throw new Error(`${target} was answered with ${status}`);
  const bytesAfter = receivedBytes(origin);
  const bytesBefore = bytesAfter - origin.requests.at(-1)!.raw.length;
  for (let look = 0; look < 200; look++) {
    const lines = await fairlead.log(0);
    const at = lines.findIndex(({ path }) => path === target);
    if (at >= 0) return { bytesBefore, bytesAfter, linesBefore: lines.slice(0, at) };
    await Bun.sleep(10);
  }
  throw new Error(`${target} has no line in the log`);
}

async function refused(port: number, theCase: RefusalCase, faults: string[]): Promise<Answer | null> {
  const fault = (text: string) => void faults.push(`${theCase.name}: ${text}`);
  using client = await rawClient(port);
  client.send(theCase.request);
  try {
    const answer = await client.answer({ timeoutMs: 1_000 });
    if (answer.status !== theCase.status) fault(`answered with ${answer.status}, not ${theCase.status}`);
    if (answer.get("connection") !== "close") fault(`Connection is ${answer.get("connection")}`);
    if (answer.get("date") === null) fault("no Date");
    const body = answer.body.toString("latin1");
    if (PLAIN_BODY.exec(body)?.[1] !== String(answer.status)) fault(`the body is ${JSON.stringify(body)}`);
    await client.end(1_000);
    if (client.received.length > 0)
      fault(`more than one answer: ${JSON.stringify(client.received.toString("latin1"))}`);
    return answer;
  } catch (error) {
    fault(String(error));
    return null;
  }
}

function checkLine(
  theCase: RefusalCase,
  answer: Answer | null,
  line: LogLine | undefined,
  faults: string[],
): void {
  const fault = (text: string) => void faults.push(`${theCase.name}: the log says ${text}`);
  if (line === undefined) {
    fault("nothing");
    return;
  }
  const reason = String(line["reason"]);
  const right = typeof theCase.reason === "string" ? reason === theCase.reason : theCase.reason.test(reason);
  if (!right) fault(`reason ${reason}, not ${String(theCase.reason)}`);
  if (line["status"] !== theCase.status) fault(`status ${line["status"]}`);
  if (answer !== null && line["bytes_out"] !== answer.raw.length)
    fault(`bytes_out ${line["bytes_out"]} of ${answer.raw.length}`);
  const [least, most] = [headLength(theCase.request), theCase.request.length];
  const bytesIn = Number(line["bytes_in"]);
  if (bytesIn < least || bytesIn > most) fault(`bytes_in ${bytesIn}, not ${least} to ${most}`);
}

/** Length of the first head, which the log counts at least; the whole text where a head does not end. */
function headLength(request: string | Uint8Array): number {
  const end = Buffer.from(request as string, "latin1").indexOf("\r\n\r\n", 4);
  return end < 0 ? request.length : end + 4;
}

/** All bytes that have come to an origin. */
export function receivedBytes(origin: RawOrigin): number {
  return origin.connections.reduce((sum, { everything }) => sum + everything.length, 0);
}
