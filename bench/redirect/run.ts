/** Runs the bench of the redirect plane: answers beside peers, the engine alone, memory of lists, swaps of models. */
import { join } from "node:path";
import type { Say } from "../http/context.ts";
import { describeMachine, type Machine } from "../http/machine.ts";
import { fairlead, fairleadBase } from "../http/peers/fairlead.ts";
import { haproxy } from "../http/peers/haproxy.ts";
import { nginx } from "../http/peers/nginx.ts";
import { compileClient, findPeer, installMissing, type FoundPeer } from "../http/programs.ts";
import { PEER_CORE } from "../http/settings.ts";
import { Workplace } from "../http/workplace.ts";
import type { BenchOptions } from "../support/bench_command.ts";
import { type AnswerFigure, measureAnswers } from "./answers.ts";
import type { EngineCell } from "./engine.ts";
import { measureMemory, type MemoryFigure } from "./memory.ts";
import { measureSwaps, type SwapFigure } from "./swaps.ts";

export const AREAS = ["engine", "answers", "memory", "swaps"] as const;
export type Area = (typeof AREAS)[number];
export const RULES = [10, 1_000, 10_000] as const;

export interface RedirectOptions extends BenchOptions {
  readonly areas: readonly Area[];
  readonly rounds: number;
  readonly seconds: number;
  /** Another checkout of Fairlead is measured too. */
  readonly withBase: boolean;
}

export interface EngineFigure {
  readonly title: string;
  readonly cell: EngineCell;
  /** Nanoseconds per decision, by round. */
  readonly ns: readonly number[];
}

export interface RedirectResult {
  readonly date: string;
  readonly machine: Machine;
  readonly rounds: number;
  readonly seconds: number;
  readonly programs: readonly { readonly name: string; readonly label: string; readonly version: string }[];
  readonly missing: readonly string[];
  readonly answers: readonly AnswerFigure[];
  readonly engine: readonly EngineFigure[];
  readonly memory: MemoryFigure | null;
  readonly swaps: SwapFigure | null;
}

export const ENGINE_CELLS: readonly (Omit<EngineFigure, "ns"> & {
  readonly base: number | null;
  readonly goal: number | null;
})[] = [
  engineCell("10 rules", { rules: 10 }, null),
  engineCell("1,000 rules", { rules: 1_000 }, { base: 0, goal: null }),
  engineCell("10,000 rules", { rules: 10_000 }, { base: 0, goal: 3 }),
  engineCell("1,000 rules, weights 1 to 100", { rules: 1_000, weight: 100 }, { base: 1, goal: 1.5 }),
  engineCell("1,000 rules, list of 1,000", { rules: 1_000, entries: 1_000 }, null),
  engineCell("1,000 rules, list of 100,000", { rules: 1_000, entries: 100_000 }, { base: 4, goal: 1.5 }),
  engineCell("1,000 rules, list of 1,000,000", { rules: 1_000, entries: 1_000_000 }, { base: 4, goal: 1.5 }),
];

function engineCell(
  title: string,
  cell: Partial<EngineCell>,
  compared: { readonly base: number; readonly goal: number | null } | null,
) {
  const whole: EngineCell = { rules: 10, hosts: 1_000, weight: 1, entries: 0, ...cell };
  return { title, cell: whole, base: compared?.base ?? null, goal: compared?.goal ?? null };
}

/** Measures what the options ask for. Throws Error when that cannot be. */
export async function runRedirect(options: RedirectOptions, say: Say): Promise<RedirectResult> {
  const { areas, rounds, seconds } = options;
  const wanted = [fairlead, ...(options.withBase ? [fairleadBase] : []), nginx, haproxy];
  installMissing(wanted, say);
  const missing: string[] = [];
  const peers: FoundPeer[] = [];
  for (const peer of wanted) {
    const found = findPeer(peer, say);
    if ("reason" in found) missing.push(`${peer.label}: ${found.reason}`);
    else peers.push(found);
  }
  const own = peers.find(({ peer }) => peer === fairlead);
  if (own === undefined) throw new Error(missing.join("; "));
  const workplace = new Workplace();
  try {
    compileClient(
      join(import.meta.dir, "../operations/native/open_load.c"),
      join(workplace.tools, "open_load"),
    );
    const has = (area: Area): boolean => areas.includes(area);
    const answers: AnswerFigure[] = [];
    for (const rules of has("answers") ? RULES : [])
      answers.push(...(await measureAnswers(peers, { rules, rounds, seconds }, workplace, say)));
    return {
      date: new Date().toISOString(),
      machine: describeMachine(),
      rounds,
      seconds,
      programs: peers.map(({ peer, version }) => ({ name: peer.name, label: peer.label, version })),
      missing,
      answers,
      engine: has("engine") ? engineFigures(rounds, say) : [],
      memory: has("memory") ? await measureMemory(own, 2, workplace, say) : null,
      swaps: has("swaps") ? await measureSwaps(own, rounds, workplace, say) : null,
    };
  } finally {
    workplace.remove();
  }
}

/** Rounds in which all cells are measured in turn, each in a process of its own. */
function engineFigures(rounds: number, say: Say): EngineFigure[] {
  const figures = ENGINE_CELLS.map(({ title, cell }) => ({ title, cell, ns: [] as number[] }));
  for (let round = 0; round < rounds; round++) for (const { cell, ns } of figures) ns.push(engineTime(cell));
  for (const { title, ns } of figures)
    say(`engine, ${title}: ${ns.map((value) => value.toFixed(0)).join(" ")} ns per decision`);
  return figures;
}

function engineTime({ rules, hosts, weight, entries }: EngineCell): number {
  const words = [rules, hosts, weight, entries].map(String);
  const program = ["taskset", "-c", String(PEER_CORE), process.execPath, join(import.meta.dir, "engine.ts")];
  const { exitCode, stdout, stderr } = Bun.spawnSync([...program, ...words]);
  if (exitCode !== 0) throw new Error(`the engine cannot be measured: ${stderr.toString()}`);
  return Number(stdout.toString());
}
