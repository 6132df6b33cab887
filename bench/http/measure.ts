/** Measures one peer for one stretch of time under the load of one cell. */
import { readCoreTimes, type CoreTimes } from "../support/core_usage.ts";
import type { Backends } from "./backends.ts";
import type { Cell } from "./cells.ts";
import { clientConnections } from "./connections.ts";
import { Load } from "./load.ts";
import type { Measurement } from "./result.ts";
import type { RunningPeer } from "./running_peer.ts";
import { LOAD_CORE, PEER_CORE } from "./settings.ts";
import type { Workplace } from "./workplace.ts";

const MIN_REUSE = 0.99;
const CONNECT_MS = 60_000;
/** The load has settled when a while of this length opens next to no new connections to the backends. */
const WHILE_MS = 500;
const SETTLED_SHARE = 0.003;
const SETTLE_LIMIT_MS = 30_000;
/** A warm-up takes this many times as long as it should, at most. */
const WARM_UP_LIMIT = 4;

export interface Stretch {
  readonly cell: Cell;
  readonly running: RunningPeer;
  readonly backends: Backends;
  readonly workplace: Workplace;
  readonly seconds: number;
  /** CPU time that the peer must spend before the stretch, in milliseconds: what a new process needs to be warm. */
  readonly warmUpMs: number;
}

export interface Measured {
  readonly measurement: Measurement;
  readonly problems: readonly string[];
  /** Requests that the load saw answered, in the stretch and around it. */
  readonly allRequests: number;
}

interface Sample {
  readonly timeMs: number;
  readonly userUs: number;
  readonly systemUs: number;
  readonly requests: number;
  readonly connections: number;
  readonly bytes: number;
  readonly cores: readonly [CoreTimes, CoreTimes];
}

/**
 * The state of everything at one moment. The backends answer when they come to it, so the CPU time is the mean of that
 * before and after their answer.
 */
async function sample({ cell, running, backends }: Stretch): Promise<Sample> {
  const before = { timeMs: performance.now(), ...running.usage() };
  const counts = await backends.counts();
  const bytes = cell.count === "bytes" ? clientConnections(port(cell, running)).acknowledgedBytes : 0;
  const cores = [readCoreTimes(PEER_CORE), readCoreTimes(LOAD_CORE)] as const;
  const after = { timeMs: performance.now(), ...running.usage() };
  return {
    timeMs: (before.timeMs + after.timeMs) / 2,
    userUs: (before.userUs + after.userUs) / 2,
    systemUs: (before.systemUs + after.systemUs) / 2,
    ...counts,
    bytes,
    cores,
  };
}

const port = (cell: Cell, { places }: RunningPeer): number =>
  cell.secure ? places.tlsPort : places.plainPort;

/** Waits until all clients of the load have sent a request. Throws Error when that does not happen. */
async function waitForClients({ cell, running }: Stretch, load: Load): Promise<void> {
  if (cell.renew !== "no") return;
  // With TLS 1.3, ClientHello, Finished and the request come one after the other.
  const segments = cell.secure ? 3 : 1;
  const end = performance.now() + CONNECT_MS;
  for (;;) {
    const { asking } = clientConnections(port(cell, running), segments);
    if (asking >= cell.connections) return;
    if (load.ended || performance.now() > end)
      throw new Error(`only ${asking} of ${cell.connections} clients have sent a request`);
    await Bun.sleep(50);
  }
}

/** Waits until a new process has worked for a while. On a core that it has for itself that is as long as it takes. */
async function warmUp({ running, warmUpMs }: Stretch): Promise<void> {
  if (warmUpMs === 0) return;
  const worked = (): number => {
    const { userUs, systemUs } = running.usage();
    return (userUs + systemUs) / 1_000;
  };
  const start = worked();
  const end = performance.now() + warmUpMs * WARM_UP_LIMIT;
  while (worked() - start < warmUpMs && performance.now() < end) await Bun.sleep(100);
}

/** Waits for the least time, then until all clients take part: each new one may bring a connection to a backend. */
async function settle({ cell, backends }: Stretch): Promise<void> {
  await Bun.sleep(cell.settleMs);
  const end = performance.now() + SETTLE_LIMIT_MS;
  let before = await backends.counts();
  while (performance.now() < end) {
    await Bun.sleep(WHILE_MS);
    const now = await backends.counts();
    const requests = now.requests - before.requests;
    if (requests > 0 && now.connections - before.connections <= requests * SETTLED_SHARE) return;
    before = now;
  }
}

/** Puts the load on, waits until it has settled, and measures. Throws Error when the load cannot be put on. */
export async function measure(stretch: Stretch): Promise<Measured> {
  const { cell, running, workplace, seconds } = stretch;
  const load = new Load(cell, running.places, workplace);
  try {
    await waitForClients(stretch, load);
    await warmUp(stretch);
    await settle(stretch);
    const start = await sample(stretch);
    await Bun.sleep(seconds * 1_000);
    const end = await sample(stretch);
    const { rssBytes } = running.memory();
    const report = await load.stop();
    if (start.requests === end.requests) throw new Error(`no request was answered (${report.failure})`);
    return assess(cell, { start, end, rssBytes, report });
  } catch (error) {
    if (!load.ended) await load.stop().catch(() => {});
    throw error;
  }
}

interface Observed {
  readonly start: Sample;
  readonly end: Sample;
  readonly rssBytes: number;
  readonly report: Awaited<ReturnType<Load["stop"]>>;
}

function assess(cell: Cell, { start, end, rssBytes, report }: Observed): Measured {
  const seconds = (end.timeMs - start.timeMs) / 1_000;
  const upstreamRequests = end.requests - start.requests;
  const requests = cell.count === "bytes" ? (end.bytes - start.bytes) / cell.bodyBytes : upstreamRequests;
  const userUs = end.userUs - start.userUs;
  const systemUs = end.systemUs - start.systemUs;
  const ownShare = (userUs + systemUs) / 1e6 / seconds;
  const core = (index: 0 | 1, value: (times: CoreTimes) => number): number =>
    (value(end.cores[index]) - value(start.cores[index])) /
    Math.max(1, end.cores[index].total - start.cores[index].total);
  const measurement: Measurement = {
    seconds,
    requests,
    userUs: userUs / requests,
    systemUs: systemUs / requests,
    requestsPerSecond: requests / seconds,
    p50Us: report.p50Us,
    p99Us: report.p99Us,
    rssBytes,
    reuse: 1 - (end.connections - start.connections) / Math.max(1, upstreamRequests),
    ownShare,
    foreignShare: Math.max(0, core(0, (times) => times.busy) - ownShare),
    stolenShare: Math.max(
      core(0, (times) => times.stolen),
      core(1, (times) => times.stolen),
    ),
  };
  return { measurement, problems: problemsOf(cell, measurement, report), allRequests: report.requests };
}

function problemsOf(cell: Cell, measurement: Measurement, report: Observed["report"]): string[] {
  const problems: string[] = [];
  if (report.failed > 0)
    problems.push(`${report.failed} failures of ${report.requests} requests (${report.failure})`);
  if (measurement.reuse < MIN_REUSE)
    problems.push(`only ${(measurement.reuse * 100).toFixed(1)} % of upstream requests reused a connection`);
  const { resumedShare } = report;
  if (cell.renew === "full" && resumedShare !== null && resumedShare > 0)
    problems.push(`${(resumedShare * 100).toFixed(1)} % of the handshakes resumed a session`);
  if (cell.renew === "resumed" && (resumedShare === null || resumedShare < MIN_REUSE))
    problems.push(`only ${((resumedShare ?? 0) * 100).toFixed(1)} % of the handshakes resumed a session`);
  return problems;
}
