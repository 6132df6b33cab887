/** CPU time per HTTP answer, of each program on a core of its own. */
import { join } from "node:path";
import type { Say } from "../http/context.ts";
import { parseWrkReport } from "../http/load.ts";
import type { FoundPeer } from "../http/programs.ts";
import { LOAD_CORE, PEER_CORE } from "../http/settings.ts";
import type { Workplace } from "../http/workplace.ts";
import { FilledStore } from "./filled_store.ts";
import { keyRules, stacksOf } from "./models.ts";
import { PATH, RunningRedirector } from "./peers.ts";

const CONNECTIONS = 64;
const HOSTS = 100;
const WARM_UP_S = 3;

export interface AnswerFigure {
  readonly peer: string;
  readonly rules: number;
  /** CPU µs per answer, by round. */
  readonly cpuUs: number[];
  readonly perSecond: number[];
}

/** Starts `peer` with `rules` rules, ready to answer. */
async function started(
  peer: FoundPeer,
  rules: number,
  workplace: Workplace,
): Promise<[RunningRedirector, FilledStore | null]> {
  const running = await RunningRedirector.start(peer, { rules, workers: 1 }, PEER_CORE, workplace);
  if (!peer.peer.isCheckout) return [running, null];
  const store = new FilledStore(running.stateDirectory);
  await store.register(stacksOf(HOSTS, () => 10));
  await store.writeModel(1, keyRules(rules));
  await running.until(({ status }) => status === 302);
  return [running, store];
}

/** Rounds in which all programs are measured in turn. */
export async function measureAnswers(
  peers: readonly FoundPeer[],
  { rules, rounds, seconds }: { readonly rules: number; readonly rounds: number; readonly seconds: number },
  workplace: Workplace,
  say: Say,
): Promise<AnswerFigure[]> {
  const all = await Promise.all(peers.map((peer) => started(peer, rules, workplace)));
  const figures = peers.map(({ peer }): AnswerFigure => ({
    peer: peer.name,
    rules,
    cpuUs: [],
    perSecond: [],
  }));
  try {
    for (let round = -1; round < rounds; round++)
      for (const [index, [running]] of all.entries()) {
        const before = running.cpuUs();
        const report = await load(running, rules, round < 0 ? WARM_UP_S : seconds, workplace);
        const cpuUs = (running.cpuUs() - before) / report.requests;
        if (report.failed > 0) throw new Error(`${peers[index]!.peer.label}: ${report.failure}`);
        if (round < 0) continue;
        figures[index]!.cpuUs.push(cpuUs);
        figures[index]!.perSecond.push(report.requests / report.seconds);
      }
  } finally {
    for (const [running, store] of all) {
      await running.stop();
      await store?.close();
    }
  }
  for (const { peer, cpuUs } of figures)
    say(`${rules} rules, ${peer}: ${cpuUs.map((value) => value.toFixed(1)).join(" ")} us CPU per answer`);
  return figures;
}

async function load({ place }: RunningRedirector, rules: number, seconds: number, workplace: Workplace) {
  const child = Bun.spawn(
    [
      ...["taskset", "-c", String(LOAD_CORE), "wrk", "-t1", `-c${CONNECTIONS}`, `-d${seconds}s`],
      ...["-s", join(import.meta.dir, "../http/native/wrk.lua"), `http://127.0.0.1:${place.port}/`],
      ...["--", "paths", String(rules), `${PATH}key-%05d`],
    ],
    { cwd: workplace.directory, stdio: ["ignore", "pipe", "inherit"] },
  );
  const text = await child.stdout.text();
  const line = text.split("\n").find((one) => one.startsWith("result "));
  if (line === undefined) throw new Error(`wrk has not reported: ${text}`);
  return parseWrkReport(line);
}
