/** The corpus of raw requests through a whole Fairlead, and all that the backend got read again by three readers. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readCorpus, type CorpusCase } from "../support/http1/corpus.ts";
import { differential } from "../support/http1/differential.ts";
import { deviations, type Outcome } from "../support/http1/expectations.ts";
import { recordingOrigin, type RecordingOrigin } from "../support/http1/recording_origin.ts";
import { startFairlead, type Fairlead } from "../support/fairlead.ts";
import { rawClient, readAnswer, type RawClient } from "../support/raw_client.ts";

const corpus = readCorpus();
const rowOf = ({ id }: CorpusCase): string => id.slice(0, id.indexOf("/"));
const rows = [...new Set(corpus.map(rowOf))];
let backend: RecordingOrigin;
let fairlead: Fairlead;

beforeAll(async () => {
  backend = await recordingOrigin();
  fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${backend.origin.url}" }] } }\nroutes: [{ pool: app }]`,
  );
});

afterAll(async () => {
  backend[Symbol.dispose]();
  await fairlead[Symbol.asyncDispose]();
});

/** Statuses of the final answers in what a client got. */
function statusesOf(client: RawClient, theCase: CorpusCase): number[] {
  const statuses: number[] = [];
  let rest = client.received;
  for (;;) {
    const want = theCase.wants[statuses.length];
    const isHead = want?.kind === "forward" && want.method === "HEAD";
    const found = readAnswer(rest, isHead, client.ended || client.closed);
    if (found === null) return statuses;
    if (found.answer.status >= 200) statuses.push(found.answer.status);
    rest = rest.subarray(found.length);
  }
}

async function outcomeOf(theCase: CorpusCase): Promise<Outcome> {
  using client = await rawClient(fairlead.port());
  client.send(theCase.bytes);
  const last = theCase.wants.at(-1)!;
  const answers = theCase.wants.filter(({ kind }) => kind !== "wait").length;
  // FIN tells Fairlead that nothing more comes; without it, an answer too many would not be seen.
  if (last.kind === "wait") client.socket.end();
  else
    await client.until(() => statusesOf(client, theCase).length >= answers || client.ended || client.closed);
  if (last.kind !== "refuse") client.socket.end();
  await client.end();
  return { statuses: statusesOf(client, theCase), ended: true, forwarded: backend.take() };
}

test.each(rows)("%s/corpus", async (row) => {
  const faults: string[] = [];
  for (const theCase of corpus.filter((other) => rowOf(other) === row)) {
    const outcome = await outcomeOf(theCase);
    for (const fault of deviations(theCase, outcome)) faults.push(`${theCase.id}: ${fault}`);
  }
  expect(faults).toEqual([]);
  expect(backend.takeFaults()).toEqual([]);
});

test("H-A5/corpus the answer to HTTP/1.9 says 1.1", async () => {
  using client = await rawClient(fairlead.port());
  const answer = await client.ask("GET /a HTTP/1.9\r\nHost: a\r\n\r\n");
  expect([answer.version, answer.status]).toEqual(["1.1", 200]);
  backend.take();
});

test("H-A19/log the log has the path as it came", async () => {
  using client = await rawClient(fairlead.port());
  await client.ask("GET /x/../marker/%2e HTTP/1.1\r\nHost: a\r\n\r\n");
  backend.take();
  const logged = async () => (await fairlead.log(1)).some(({ path }) => path === "/x/../marker/%2e");
  for (let look = 0; look < 200 && !(await logged()); look++) await Bun.sleep(10);
  expect(await logged()).toBe(true);
});

test("H-C24 three strict readers read alike all that the backend got", async () => {
  const received = backend.origin.connections.map(({ everything, index }) => ({
    name: `connection ${index}`,
    bytes: everything,
  }));
  expect(received.length).toBeGreaterThan(0);
  expect(await differential(received)).toEqual([]);
});
