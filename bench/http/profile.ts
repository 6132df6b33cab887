/** Where the CPU time of a peer goes: system calls per request, and samples of its processes. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { PinnedProgram } from "../support/pinned_program.ts";
import { Load } from "./load.ts";
import type { Stretch } from "./measure.ts";
import { LOAD_CORE } from "./settings.ts";

const SHOWN_CALLS = 12;
const SHOWN_SYMBOLS = 25;
const BEGIN_MS = 5_000;
const END_MS = 20_000;

/** Calls by name in the table that `strace -c` prints. */
export function parseStraceCounts(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const line of text.split("\n")) {
    // % time, seconds, usecs/call, calls, [errors,] name
    const match = /^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)(?:\s+\d+)?\s+([a-z]\w*)$/.exec(line);
    if (match !== null && match[2] !== "total") counts.set(match[2]!, Number(match[1]));
  }
  return counts;
}

interface Watch {
  readonly command: readonly string[];
  /** True when the watching has begun. */
  readonly begun: () => boolean;
}

/**
 * Runs a watching program on the load's core for the seconds of the stretch, then ends it with SIGINT. Returns the
 * requests that came while it watched.
 */
async function watch({ workplace, backends, seconds }: Stretch, { command, begun }: Watch): Promise<number> {
  const program = new PinnedProgram({
    core: LOAD_CORE,
    command,
    cwd: workplace.directory,
    logFile: join(workplace.directory, "profile.output"),
  });
  const limit = performance.now() + BEGIN_MS;
  while (!begun() && !program.ended && performance.now() < limit) await Bun.sleep(20);
  const before = await backends.counts();
  await Bun.sleep(seconds * 1_000);
  const after = await backends.counts();
  program.signal("SIGINT");
  await Promise.race([program.exited, Bun.sleep(END_MS)]);
  await program.stop();
  return after.requests - before.requests;
}

function isTraced(pid: number): boolean {
  try {
    return /^TracerPid:\s+[1-9]/m.test(readFileSync(`/proc/${pid}/status`, "latin1"));
  } catch {
    return true; // it has ended
  }
}

async function countCalls(stretch: Stretch, pids: readonly number[]): Promise<string> {
  const file = join(stretch.workplace.directory, "strace.txt");
  const command = ["strace", "-f", "-c", "-o", file, ...pids.flatMap((pid) => ["-p", String(pid)])];
  const requests = await watch(stretch, { command, begun: () => pids.every(isTraced) });
  if (!existsSync(file)) return "no system calls counted: strace did not work";
  const counts = [...parseStraceCounts(readFileSync(file, "utf8"))].toSorted(
    (one, other) => other[1] - one[1],
  );
  const total = counts.reduce((sum, [, count]) => sum + count, 0);
  const rows = counts
    .slice(0, SHOWN_CALLS)
    .map(([name, count]) => `${name} ${(count / requests).toFixed(2)}`);
  return `system calls per request: ${(total / requests).toFixed(2)} (${rows.join(", ")})`;
}

async function sampleCpu(stretch: Stretch, pids: readonly number[]): Promise<string> {
  const data = join(stretch.workplace.directory, "perf.data");
  // A guest has no hardware counters: the clock will do.
  const record = ["perf", "record", "-q", "-e", "cpu-clock", "-F", "999", "-o", data, "-p", pids.join(",")];
  await watch(stretch, { command: record, begun: () => true });
  const report = (sort: string): string[] => {
    const command = ["perf", "report", "-i", data, "--stdio", "-q", "--sort", sort];
    const { stdout } = Bun.spawnSync(command, { stdio: ["ignore", "pipe", "ignore"], timeout: 60_000 });
    return stdout
      .toString()
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => /^\d/.test(line));
  };
  const parts = report("dso").slice(0, 6);
  if (parts.length === 0) return "no samples: perf did not work";
  return [...parts, "", ...report("dso,symbol").slice(0, SHOWN_SYMBOLS)].join("\n");
}

/** Puts the load of a cell on a peer and watches it. Says what is missing where strace or perf is. */
export async function profilePeer(stretch: Stretch): Promise<string> {
  const { cell, running, workplace } = stretch;
  const load = new Load(cell, running.places, workplace);
  const pids = running.usage().processes.map(({ pid }) => pid);
  try {
    await Bun.sleep(cell.settleMs);
    const parts: string[] = [];
    for (const [program, part] of [
      ["strace", countCalls],
      ["perf", sampleCpu],
    ] as const) {
      parts.push(Bun.which(program) === null ? `${program} is not installed` : await part(stretch, pids));
    }
    return parts.join("\n").replaceAll(/^/gm, "    ");
  } finally {
    await load.stop().catch(() => {});
  }
}
