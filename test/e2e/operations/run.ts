/** One run: clients at a rate, each act so many times, and what the books say in the end. */
import type { Exposition } from "../../../src/observe/test_exposition.ts";
import { ACTS } from "./acts/all.ts";
import type { Act } from "./act.ts";
import type { Verdict } from "./books.ts";
import type { LogBook } from "./log_directory.ts";
import type { Report } from "./messages.ts";
import { until } from "./program.ts";
import { TIMES, World } from "./world.ts";

export interface RunOptions {
  readonly workers: number;
  readonly ratePerSecond: number;
  readonly durationMs: number;
  readonly rounds: number;
  readonly acts?: readonly Act[];
  readonly say?: (text: string) => void;
}

export interface RunResult {
  readonly report: Report;
  readonly verdict: Verdict;
  /** Requests of the clients by the program's metrics, by method and class: `GET 2xx`. */
  readonly counted: Readonly<Record<string, number>>;
  readonly log: LogBook;
  readonly droppedLines: number;
  readonly loggedRequests: number;
  readonly wrongBodies: number;
  readonly killedWorkers: number;
  readonly exitSaid: readonly string[];
}

export async function runOperations(options: RunOptions): Promise<RunResult> {
  const { workers, ratePerSecond, durationMs, rounds, acts = ACTS, say = () => {} } = options;
  const world = new World(workers);
  try {
    await world.start();
    world.startClients(ratePerSecond);
    const startedAt = performance.now();
    const slotMs = durationMs / (rounds * acts.length + 1);
    // A little of everything under way before the first act.
    await Bun.sleep(Math.min(slotMs, 2_000));
    for (let step = 0; step < rounds * acts.length; step++) {
      const act = acts[step % acts.length]!;
      const since = performance.now();
      const before = world.books.failures.length;
      try {
        await act.run(world);
      } catch (error) {
        throw new Error(`${act.name}: ${String(error)}\n${lastWords(world)}`, { cause: error });
      }
      const { length } = world.books.failures;
      say(
        `${((performance.now() - startedAt) / 1_000).toFixed(1)} s: ${act.name} took ${Math.round(performance.now() - since)} ms, ${length - before} failures meanwhile`,
      );
      const due = startedAt + (step + 2) * slotMs;
      await Bun.sleep(Math.max(0, due - performance.now()));
    }
    await Bun.sleep(Math.max(0, startedAt + durationMs - performance.now()));
    return await close(world);
  } finally {
    await world.remove();
  }
}

/** Ends the clients, lets everybody drain, and reads all books. */
async function close(world: World): Promise<RunResult> {
  const report = await world.report();
  const { program } = world;
  const gauge = async (name: string) => (await program.metrics()).sum(`fairlead_${name}`);
  await until(async () => (await gauge("connections_open")) === 0, "all connections are over");
  const metrics = await program.metrics();
  let wrongBodies = 0;
  for (const backend of world.backends) wrongBodies += (await backend.counts()).wrongBodies;
  const result = {
    report,
    verdict: world.books.judge(TIMES.drainTunnelsMs),
    counted: countedRequests(metrics),
    droppedLines: metrics.sum("fairlead_access_log_lines_dropped_total"),
    wrongBodies,
    killedWorkers: world.killedWorkers,
  };
  await program.stop();
  const log = world.logs.read();
  return { ...result, log, loggedRequests: log.ofRoute.get("load") ?? 0, exitSaid: suspicious(world) };
}

function countedRequests(metrics: Exposition): Record<string, number> {
  const counted: Record<string, number> = {};
  for (const { name, labels, value } of metrics.samples) {
    if (name !== "fairlead_http_requests_total" || labels["route"] !== "load") continue;
    const key = `${labels["method"]} ${labels["class"]}`;
    counted[key] = (counted[key] ?? 0) + value;
  }
  return counted;
}

/** Events that say more than what was done to the program. */
const EXPECTED = new Set([
  "listening",
  "ready",
  "reloaded",
  "reload_refused",
  "worker_ended",
  "worker_ready",
  "backend_set",
  "predecessor_relieved",
  "relieved",
  "stopping",
  "stopped",
]);

function suspicious({ program }: World): string[] {
  return program.said
    .filter(({ event }) => !EXPECTED.has(event))
    .map(({ event, message }) => `${event}: ${message}`);
}

function lastWords({ program }: World): string {
  return program.said
    .slice(-8)
    .map(({ event, message }) => `${event}: ${message}`)
    .join("\n");
}
