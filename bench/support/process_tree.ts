/** CPU time and memory of a program with everything that it started, read from /proc (proc(5)). */
import { readdirSync, readFileSync } from "node:fs";

/** The fields of /proc/PID/stat that are used here; times in clock ticks. */
export interface ProcessStat {
  readonly pid: number;
  readonly name: string;
  readonly state: string;
  readonly parent: number;
  readonly user: number;
  readonly system: number;
  /** Of children that have ended and were waited for. */
  readonly childrenUser: number;
  readonly childrenSystem: number;
  /** Ticks from boot to the start of the process: tells it from a later one with the same pid. */
  readonly startTime: number;
}

export interface TreeUsage {
  /** In microseconds, with ended children that were waited for. */
  readonly userUs: number;
  readonly systemUs: number;
  readonly processes: readonly ProcessStat[];
}

export interface TreeMemory {
  /** Resident bytes of all processes together; pages that two of them share count twice. */
  readonly rssBytes: number;
  /** Resident bytes of the largest process that has no children: the worker, where there are workers. */
  readonly workerRssBytes: number;
}

/** Reads one line of /proc/PID/stat. The name may hold spaces and parentheses. Returns null for text of another form. */
export function parseStat(text: string): ProcessStat | null {
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")");
  if (open < 0 || close < open) return null;
  const fields = text
    .slice(close + 2)
    .trimEnd()
    .split(" ");
  const number = (index: number): number => Number(fields[index - 3]);
  if (fields.length < 20) return null;
  return {
    pid: Number(text.slice(0, open)),
    name: text.slice(open + 1, close),
    state: fields[0]!,
    parent: number(4),
    user: number(14),
    system: number(15),
    childrenUser: number(16),
    childrenSystem: number(17),
    startTime: number(22),
  };
}

/** The processes of `roots` and all their descendants among `all`, each once. */
export function treeOf(all: readonly ProcessStat[], roots: readonly number[]): ProcessStat[] {
  const found = new Map<number, ProcessStat>();
  const add = (one: ProcessStat): void => {
    if (found.has(one.pid)) return;
    found.set(one.pid, one);
    for (const other of all) if (other.parent === one.pid) add(other);
  };
  for (const one of all) if (roots.includes(one.pid)) add(one);
  return [...found.values()];
}

/** Adds up the CPU time of processes; `tickUs` is the length of a clock tick in microseconds. */
export function sumUsage(processes: readonly ProcessStat[], tickUs: number): TreeUsage {
  const sum = (value: (one: ProcessStat) => number): number =>
    processes.reduce((total, one) => total + value(one), 0) * tickUs;
  return {
    userUs: sum((one) => one.user + one.childrenUser),
    systemUs: sum((one) => one.system + one.childrenSystem),
    processes,
  };
}

/** Resident bytes in the text of /proc/PID/smaps_rollup or /proc/PID/status, or 0. */
export function parseRss(text: string): number {
  return Number(/^(?:Rss|VmRSS):\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return ""; // the process has ended meanwhile
  }
}

const tick = Bun.spawnSync(["getconf", "CLK_TCK"]);
/** Length of a clock tick in microseconds. */
const TICK_US = 1_000_000 / (Number(tick.stdout.toString()) || 100);

/** All processes of the machine. */
export function allProcesses(): ProcessStat[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => parseStat(readText(`/proc/${pid}/stat`)))
    .filter((stat) => stat !== null);
}

/** CPU time that the programs with these pids and their descendants have used so far. */
export function readUsage(roots: readonly number[]): TreeUsage {
  return sumUsage(treeOf(allProcesses(), roots), TICK_US);
}

/** Memory of the programs with these pids and their descendants. Walks page tables: not while something is measured. */
export function readMemory(roots: readonly number[]): TreeMemory {
  const tree = treeOf(allProcesses(), roots);
  const sizes = tree.map(({ pid }) => {
    const exact = parseRss(readText(`/proc/${pid}/smaps_rollup`));
    return exact > 0 ? exact : parseRss(readText(`/proc/${pid}/status`));
  });
  const leaves = sizes.filter((_, index) => !tree.some(({ parent }) => parent === tree[index]!.pid));
  return { rssBytes: sizes.reduce((sum, size) => sum + size, 0), workerRssBytes: Math.max(0, ...leaves) };
}
