/** Runs the bench of operations: finds the programs, then measures area after area. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../../src/core/text/message_of.ts";
import { Backends } from "../http/backends.ts";
import type { Say } from "../http/context.ts";
import { describeMachine, openFileLimit } from "../http/machine.ts";
import { backendBinary, compileClient, findPeer, installMissing } from "../http/programs.ts";
import { Workplace } from "../http/workplace.ts";
import { parseCoreTimes } from "../support/core_usage.ts";
import { measureMemory } from "./areas/memory.ts";
import { measureMetrics } from "./areas/metrics.ts";
import { measureProbes } from "./areas/probes.ts";
import { measureReloads } from "./areas/reload.ts";
import { measureSuccession } from "./areas/succession.ts";
import type { Context, FoundSubject } from "./context.ts";
import { Figures, type Area, type OperationsResult } from "./figure.ts";
import type { Options } from "./options.ts";

const MEASURES: Readonly<Record<Area, (context: Context) => Promise<void>>> = {
  reload: measureReloads,
  memory: measureMemory,
  succession: measureSuccession,
  probes: measureProbes,
  metrics: measureMetrics,
};

/** How long the machine is watched before each area. */
const LOOK_MS = 1_000;

/** Measures everything that the options ask for. Throws Error when nothing can be measured at all. */
export async function runOperations(options: Options, say: Say): Promise<OperationsResult> {
  installMissing(
    options.subjects.map(({ peer }) => peer),
    say,
  );
  const subjects: FoundSubject[] = [];
  const missing: { name: string; reason: string }[] = [];
  for (const subject of options.subjects) {
    const found = findPeer(subject.peer, say);
    if ("reason" in found) missing.push({ name: subject.peer.name, reason: found.reason });
    else subjects.push({ subject, found });
  }
  for (const { name, reason } of missing) say(`without ${name}: ${reason}`);
  const openFiles = openFileLimit();
  const workplace = new Workplace();
  const figures = new Figures();
  const problems: string[] = [];
  let backends: Backends | null = null;
  let foreignShare = 0;
  try {
    compileClient(join(import.meta.dir, "native/open_load.c"), join(workplace.tools, "open_load"));
    backends = await Backends.start(workplace, backendBinary()!, openFiles);
    const context: Context = { options, workplace, backends, openFiles, figures, subjects, problems, say };
    for (const [index, area] of options.areas.entries()) {
      const before = await busyShare();
      foreignShare = Math.max(foreignShare, before);
      say(
        `\n[${index + 1}/${options.areas.length}] ${area} (others use ${(before * 100).toFixed(0)} % of the machine)`,
      );
      try {
        await MEASURES[area](context);
      } catch (error) {
        problems.push(`${area}: ${messageOf(error)}`);
        say(`${area}: ${messageOf(error)}`);
      }
    }
    return {
      date: new Date().toISOString(),
      machine: describeMachine(),
      workers: options.workers,
      rounds: options.rounds,
      reloads: options.reloads,
      programs: subjects.map(({ found: { peer, version } }) => ({
        name: peer.name,
        label: peer.label,
        version,
      })),
      missing,
      foreignShare,
      figures: figures.all,
      problems,
    };
  } finally {
    await backends?.stop();
    if (options.keep) {
      workplace.keep();
      say(`kept: ${workplace.directory}`);
    } else workplace.remove();
  }
}

/** Share of all cores that is in use while the bench does nothing. */
async function busyShare(): Promise<number> {
  const times = (): { busy: number; total: number } => {
    const text = readFileSync("/proc/stat", "latin1");
    const sum = { busy: 0, total: 0 };
    for (let core = 0; core < navigator.hardwareConcurrency; core++) {
      const one = parseCoreTimes(text, core);
      sum.busy += one === null ? 0 : one.busy + one.stolen;
      sum.total += one?.total ?? 0;
    }
    return sum;
  };
  const before = times();
  await Bun.sleep(LOOK_MS);
  const after = times();
  return (after.busy - before.busy) / Math.max(1, after.total - before.total);
}
