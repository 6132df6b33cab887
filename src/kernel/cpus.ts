/** How many processors the kernel keeps a value for: those that may ever come, not those that are there. */
import { readFileSync } from "node:fs";

const POSSIBLE = "/sys/devices/system/cpu/possible";

let numbers = 0;

/** Throws Error where the kernel does not say. */
export function cpuNumbers(): number {
  if (numbers === 0) numbers = countOf(readFileSync(POSSIBLE, "latin1"));
  return numbers;
}

/** Of a list such as `0-3,8`. Throws Error for another text. */
export function countOf(list: string): number {
  const counts = list
    .trim()
    .split(",")
    .map((range) => {
      const match = /^(\d+)(?:-(\d+))?$/.exec(range);
      if (match === null) throw new Error(`${POSSIBLE}: ${list.trim()}: expected numbers such as 0-3`);
      return Number(match[2] ?? match[1]) - Number(match[1]) + 1;
    });
  return counts.reduce((sum, count) => sum + count, 0);
}
