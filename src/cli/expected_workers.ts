/**
 * How many workers a start is about to need, by a quick look: they are launched while the configuration is still read, so
 * that a start takes as long as the slower of the two. A wrong guess costs time and nothing else.
 */
import { readFileSync, statSync } from "node:fs";

/** More are launched when the configuration has been read: nobody waits for the last of many on few cores. */
const MOST = 8;
/** What the loader would refuse is not looked into: reading a pipe would wait for its writer, and hold up every signal. */
const MAX_BYTES = 64 * 2 ** 20;

export interface WorkersHint {
  /** Of `--workers`. */
  readonly flag: string | undefined;
  /** Of the environment variable. */
  readonly variable: string | undefined;
  /** Name of the main file. */
  readonly file: string;
  readonly cores: number;
}

/** From 0 to 8. None for a file that cannot be read. */
export function expectedWorkers({ flag, variable, file, cores }: WorkersHint): number {
  const words = flag ?? variable ?? wordInFile(file);
  if (words === null) return 0;
  const count = words === "auto" ? cores : Number(words);
  return Number.isInteger(count) && count > 0 ? Math.min(count, MOST) : 0;
}

function wordInFile(file: string): string | null {
  try {
    const found = statSync(file);
    if (!found.isFile() || found.size > MAX_BYTES) return null;
    return /^workers:\s*(\w+)/m.exec(readFileSync(file, "utf8"))?.[1] ?? "auto";
  } catch {
    return null;
  }
}
