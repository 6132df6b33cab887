/** The numbers of docs/strategies.md: what moves when a backend comes or goes, and how even the load is. */
import { expect, test } from "bun:test";
import { consistentHash } from "./consistent_hash.ts";
import type { Candidate } from "./contract.ts";
import { hashText } from "./hash.ts";
import { seededRandom } from "./random.ts";
import { candidateOf, picked } from "./test_candidates.ts";

const REQUESTS = 50_000;
/** So many requests are in flight at all times for each backend of the smaller pool. */
const IN_FLIGHT = 40;

interface Flow {
  /** Where each request went. */
  readonly backends: readonly string[];
  /** The fullest backend against the mean: requests in flight (averaged over the run), and requests of the whole run. */
  readonly peak: number;
  readonly total: number;
}

const names = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `10.4.0.${index}:8080`);

/** Sends the stream of `keys` to a pool; every request ends when `inFlight` others have come after it. */
function flowOf(
  pool: readonly string[],
  load_factor: number,
  keys: readonly number[],
  inFlight: number,
): Flow {
  const candidates = pool.map((name) => candidateOf(name));
  const picker = consistentHash.create(candidates, { load_factor }, Math.random, null);
  const running: Candidate[] = [];
  const backends: string[] = [];
  let peaks = 0;
  let samples = 0;
  for (const [at, key] of keys.entries()) {
    const candidate = picked(picker, key);
    candidate.in_flight++;
    backends.push(candidate.key);
    running.push(candidate);
    if (at < inFlight) continue;
    if (at % 50 === 0) {
      peaks += (Math.max(...candidates.map(({ in_flight }) => in_flight)) * pool.length) / (inFlight + 1);
      samples++;
    }
    running[at - inFlight]!.in_flight--;
  }
  const counts = pool.map((name) => backends.filter((backend) => backend === name).length);
  return { backends, peak: peaks / samples, total: (Math.max(...counts) * pool.length) / keys.length };
}

/** Shares of the requests, in percent, that go elsewhere in `after`: those of `member`, and the others. */
function moved(before: Flow, after: Flow, member: string): { readonly its: number; readonly beside: number } {
  let its = 0;
  let beside = 0;
  for (const [at, backend] of before.backends.entries()) {
    const next = after.backends[at]!;
    if (backend === next) continue;
    if (backend === member || next === member) its++;
    else beside++;
  }
  return { its: (100 * its) / REQUESTS, beside: (100 * beside) / REQUESTS };
}

const EVEN = Array.from({ length: REQUESTS }, (_, index) => hashText(`session-${index}`));
const drawn = seededRandom(6);
/** Every fifth request has the same key. */
const HOT = EVEN.map((key) => (drawn() < 0.2 ? EVEN[0]! : key));

const STREAMS = { even: EVEN, hot: HOT };

const text = (value: number): string => value.toFixed(2).padStart(6);

/** Stream, backends, factor; the most that may move beside the one that comes or goes, and the highest peak in flight. */
test.each([
  ["even", 3, 0, 0.5, 1.3],
  ["even", 3, 1.25, 3, 1.3],
  ["even", 10, 0, 0.5, 1.4],
  ["even", 10, 1.25, 3, 1.3],
  ["even", 100, 0, 1, 1.6],
  ["even", 100, 1.25, 3, 1.3],
  ["hot", 10, 0, 0.5, 3],
  ["hot", 10, 1.25, 10, 1.3],
] as const)(
  "H-H2/core Maglev: keys moved and peak load, %s keys, %d backends, load_factor %d",
  (stream, count, factor, mostBeside, highestPeak) => {
    const keys = STREAMS[stream];
    const pool = names(count);
    const inFlight = IN_FLIGHT * (count - 1);
    const flow = (members: readonly string[]): Flow => flowOf(members, factor, keys, inFlight);
    const now = flow(pool);
    const lost = moved(now, flow(pool.slice(1)), pool[0]!);
    const added = moved(now, flow([...pool, "10.4.1.0:8080"]), "10.4.1.0:8080");
    console.log(
      `consistent_hash | ${stream} | ${count} backends | load_factor ${factor} | removed: ${text(lost.its)} % leave it, ` +
        `${text(lost.beside)} % beside | added: ${text(added.its)} % to it, ${text(added.beside)} % beside | ` +
        `peak ${text(now.peak)} x mean in flight, ${text(now.total)} x mean in all`,
    );
    expect(lost.beside).toBeLessThan(mostBeside);
    expect(added.beside).toBeLessThan(mostBeside);
    expect(now.peak).toBeLessThan(highestPeak);
    if (factor > 0) expect(now.peak).toBeLessThan(factor + 1 / IN_FLIGHT + 0.01);
  },
);
