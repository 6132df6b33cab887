/** What a process of this machine uses, from /proc (proc(5)). Meant to be read when somebody asks. */
import { readdirSync, readFileSync, statSync } from "node:fs";

/** USER_HZ: ticks a second in what the kernel tells programs, on every architecture that we run on. */
const TICKS_PER_SECOND = 100;

export interface ProcessUsage {
  /** User and system time, of all threads. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  /** Seconds since 1970-01-01 UTC, as the calendar stood when this program first asked. */
  readonly startSeconds: number;
  readonly openDescriptors: number;
  /** Infinity = no limit. */
  readonly maxDescriptors: number;
}

/** Null for a process that is gone or may not be looked at. */
export function usageOf(pid: number): ProcessUsage | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // Fields from the third on: the second is a name that may hold anything.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    const limits = readFileSync(`/proc/${pid}/limits`, "latin1");
    const soft = /^Max open files\s+(\S+)/m.exec(limits)?.[1] ?? "unlimited";
    return {
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
      residentBytes: Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1_024,
      startSeconds: bootSeconds() + Number(fields[19]) / TICKS_PER_SECOND,
      openDescriptors: openDescriptors(`/proc/${pid}/fd`),
      maxDescriptors: soft === "unlimited" ? Infinity : Number(soft),
    };
  } catch {
    return null;
  }
}

/** Linux 6.2 and later tell the number as the size of the directory; others must list them. */
function openDescriptors(directory: string): number {
  const { size } = statSync(directory);
  return size > 0 ? size : readdirSync(directory).length;
}

let boot = 0;

function bootSeconds(): number {
  if (boot === 0) boot = Number(/^btime (\d+)$/m.exec(readFileSync("/proc/stat", "latin1"))?.[1] ?? 0);
  return boot;
}
