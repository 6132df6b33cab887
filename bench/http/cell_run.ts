/** Cells that are compared: all peers are up, and in each round every one of them is measured in turn, in every cell. */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import type { Cell } from "./cells.ts";
import type { Context } from "./context.ts";
import { measure, type Stretch } from "./measure.ts";
import { profilePeer } from "./profile.ts";
import type { FoundPeer } from "./programs.ts";
import type { CellResult, Measurement } from "./result.ts";
import { RunningPeer } from "./running_peer.ts";

const MIN_LOGGED = 0.99;
const NOISY = 0.05;
const PROFILE_SECONDS = 2;
/** All of them write what they have buffered within this time. */
const LOG_FLUSH_MS = 1_500;

/** A peer that runs through all rounds of a cell, and what the load saw of it. */
interface Contender {
  readonly found: FoundPeer;
  readonly running: RunningPeer;
  allRequests: number;
  stretches: number;
}

class CellRun {
  readonly result: CellResult;
  readonly #context: Context;
  readonly #cell: Cell;
  readonly #contenders: Contender[] = [];

  constructor(context: Context, cell: Cell) {
    this.#context = context;
    this.#cell = cell;
    this.result = { id: cell.id, title: cell.title, measurements: {}, problems: [] };
  }

  async start(found: readonly FoundPeer[]): Promise<void> {
    const { workers, routes, routedBy, secure, peers } = this.#cell;
    const shape = { workers, routes, routedBy, tls: secure };
    for (const each of found) {
      if (peers !== null && !peers.includes(each.peer.name)) continue;
      await this.#guarded(each, async () => {
        const running = await RunningPeer.start(each, shape, this.#context.settings);
        this.#contenders.push({ found: each, running, allRequests: 0, stretches: 0 });
      });
    }
  }

  async round(round: number): Promise<void> {
    const count = this.#contenders.length;
    for (let turn = 0; turn < count; turn++) {
      // Another one begins in each round, so that nobody always comes after the same neighbour.
      const contender = this.#contenders[(turn + round) % count]!;
      await this.#guarded(contender.found, () => this.#measure(contender, round));
    }
  }

  async profile(): Promise<void> {
    for (const { found, running } of this.#contenders) {
      this.#context.say(`  profile of ${found.peer.label}`);
      const stretch = { ...this.#stretch(running), seconds: PROFILE_SECONDS };
      await this.#guarded(found, async () => this.#context.say(await profilePeer(stretch)));
    }
  }

  /** Stops all peers, and checks that their access logs have a line for each request. */
  async end(): Promise<void> {
    await Bun.sleep(LOG_FLUSH_MS);
    for (const { found, running, allRequests } of this.#contenders) {
      await running.stop();
      const counted = spawnSync("wc", ["-l", running.accessLog], { encoding: "utf8" });
      const lines = Number.parseInt(counted.stdout, 10) || 0;
      if (lines < allRequests * MIN_LOGGED)
        this.#problem(found, `${lines} log lines for ${allRequests} requests`);
      rmSync(running.accessLog, { force: true });
    }
  }

  async #measure(contender: Contender, round: number): Promise<void> {
    const { options, say } = this.#context;
    const { found, running } = contender;
    const warmUpMs = contender.stretches++ === 0 ? options.warmUpMs : 0;
    const stretch = { ...this.#stretch(running), warmUpMs };
    const { measurement, problems, allRequests } = await measure(stretch);
    contender.allRequests += allRequests;
    (this.result.measurements[found.peer.name] ??= []).push(measurement);
    const where = `${round + 1}/${options.rounds} ${this.#cell.id.padEnd(14)} ${found.peer.label.padEnd(9)}`;
    say(`  ${where} ${describe(measurement)}`);
    for (const text of problems) this.#problem(found, text);
  }

  #stretch(running: RunningPeer): Stretch {
    const { backends, workplace, options } = this.#context;
    return { cell: this.#cell, running, backends, workplace, seconds: options.seconds, warmUpMs: 0 };
  }

  async #guarded(found: FoundPeer, act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.#problem(found, (error as Error).message);
    }
  }

  #problem({ peer }: FoundPeer, text: string): void {
    this.#context.say(`  ${peer.label}: ${text}`);
    this.result.problems.push(`${peer.label}: ${text}`);
  }
}

function describe(one: Measurement): string {
  const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
  const noise = [
    ...(one.foreignShare > NOISY ? [`others ${percent(one.foreignShare)} of the core`] : []),
    ...(one.stolenShare > NOISY ? [`stolen ${percent(one.stolenShare)}`] : []),
  ];
  return (
    `${(one.userUs + one.systemUs).toFixed(1)} µs per request (${one.userUs.toFixed(1)} + ${one.systemUs.toFixed(1)}), ` +
    `${one.requestsPerSecond.toFixed(0)}/s, p99 ${(one.p99Us / 1_000).toFixed(1)} ms` +
    (noise.length > 0 ? `   noise: ${noise.join(", ")}` : "")
  );
}

/** Measures cells side by side. What goes wrong with a peer stands in the results; the others go on. */
export async function runCells(
  context: Context,
  cells: readonly Cell[],
  found: readonly FoundPeer[],
): Promise<CellResult[]> {
  const runs = cells.map((cell) => new CellRun(context, cell));
  try {
    for (const run of runs) await run.start(found);
    for (let round = 0; round < context.options.rounds; round++)
      for (const run of runs) await run.round(round);
    if (context.options.profile) for (const run of runs) await run.profile();
  } finally {
    for (const run of runs) await run.end();
  }
  return runs.map(({ result }) => result);
}
