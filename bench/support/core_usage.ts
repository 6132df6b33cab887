/** How busy a core was, and with how much of it other guests of the machine ran off (/proc/stat, proc(5)). */
import { readFileSync } from "node:fs";

/** Times of one core in clock ticks since boot. */
export interface CoreTimes {
  /** Everything but idle, waiting for input or output, and stolen time. */
  readonly busy: number;
  readonly stolen: number;
  readonly total: number;
}

/** The times of core `core` in the text of /proc/stat, or null when it has none. */
export function parseCoreTimes(text: string, core: number): CoreTimes | null {
  const line = text.split("\n").find((candidate) => candidate.startsWith(`cpu${core} `));
  if (line === undefined) return null;
  const [user = 0, nice = 0, system = 0, idle = 0, waiting = 0, interrupts = 0, soft = 0, stolen = 0] = line
    .split(/\s+/)
    .slice(1)
    .map(Number);
  const busy = user + nice + system + interrupts + soft;
  return { busy, stolen, total: busy + idle + waiting + stolen };
}

/** Times of a core now. Throws Error when the machine has no such core. */
export function readCoreTimes(core: number): CoreTimes {
  const times = parseCoreTimes(readFileSync("/proc/stat", "latin1"), core);
  if (times === null) throw new Error(`this machine has no core ${core}`);
  return times;
}
