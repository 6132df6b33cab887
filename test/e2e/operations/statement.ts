/** What a run has shown, as sentences with numbers, and what of it is wrong. */
import type { RunOptions, RunResult } from "./run.ts";

const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, count) => total + count, 0);

/** A request that was answered and not counted, or counted and not heard of, is one that a killed worker had. */
function killedMost({ verdict }: RunResult): number {
  return verdict.allowances
    .filter(({ act }) => act.startsWith("worker"))
    .reduce((total, { most }) => total + most, 0);
}

/** Lines that got mixed up on a full disk still begin each with their time. */
function linesWithin(torn: readonly string[]): number {
  return torn.reduce((total, line) => total + line.split('{"time":').length - 1, 0);
}

export interface Statement {
  readonly lines: readonly string[];
  /** Empty when everything is as it must be. */
  readonly wrong: readonly string[];
}

export function stateOf(result: RunResult, { ratePerSecond }: RunOptions): Statement {
  const { report, verdict, counted, log, droppedLines, loggedRequests } = result;
  const wrong: string[] = [];
  const lines: string[] = [];
  const reached = (report.begun / report.lastedMs) * 1_000;
  const share = (part: number) => `${Math.round((100 * part) / report.begun)} %`;
  lines.push(
    `${report.begun} requests in ${(report.lastedMs / 1_000).toFixed(1)} s: ${reached.toFixed(0)} a second of ${ratePerSecond} wanted, ` +
      `${report.skipped} of them not begun; ${share(report.onNewConnections)} on new connections, ${share(report.overTls)} over TLS`,
    `answers after ${report.latencies.map((ms) => `${ms.toFixed(1)} ms`).join(", ")} (half, 99 of 100, all)`,
  );
  if (report.skipped > 0) wrong.push(`${report.skipped} requests were due and not begun`);
  for (const { act, most, seen } of verdict.allowances) {
    lines.push(`${act}: ${seen} failures of at most ${most}`);
    if (seen > most) wrong.push(`${act}: ${seen} failures, at most ${most} may be`);
  }
  for (const failure of verdict.unexplained) wrong.push(`unexplained: ${JSON.stringify(failure)}`);
  for (const end of verdict.unexplainedEnds) wrong.push(`unexplained end: ${JSON.stringify(end)}`);
  lines.push(
    `streams: opened ${report.streams.websockets} WebSockets and ${report.streams.events} event streams in turn, ` +
      `${verdict.drainedStreams} ended at drain_tunnels`,
  );
  const [answered, metrics] = [sum(report.answers), sum(counted)];
  const unsure = killedMost(result);
  lines.push(
    `clients got ${answered} answers, metrics count ${metrics} requests; ${result.killedWorkers} killed workers had ${unsure} connections open`,
  );
  // A request whose client has gone is counted by the program too, as one without an answer.
  const cut =
    report.failures - (answered - (report.answers["GET 2xx"] ?? 0) - (report.answers["POST 2xx"] ?? 0));
  if (metrics < answered - unsure || metrics > answered + cut + unsure)
    wrong.push(`clients got ${answered} answers, ${cut} were cut, and metrics count ${metrics}`);
  const written = loggedRequests + linesWithin(log.torn);
  const unflushed = metrics - written - droppedLines;
  lines.push(
    `log: ${written} lines, ${droppedLines} dropped, ${unflushed} unflushed by killed workers, ${log.torn.length} lines mixed up on the full disk`,
  );
  if (unflushed < 0 || (unflushed > 0 && result.killedWorkers === 0))
    wrong.push(`the log has ${written} lines and ${droppedLines} were dropped, metrics count ${metrics}`);
  if (result.wrongBodies > 0) wrong.push(`backends got ${result.wrongBodies} wrong bodies`);
  return { lines, wrong };
}
