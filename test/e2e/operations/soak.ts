/** A long load without acts: what it does to the memory and the open files of each process. */
import { readdirSync, readFileSync } from "node:fs";
import { until } from "./program.ts";
import { World } from "./world.ts";

const EVERY_MS = 2_000;
/** The slope is that of this time at the end. */
const JUDGED_SHARE = 0.6;
const PAGE_BYTES = 4_096;
/** Caches and the code that is compiled late come before the first count of files. */
const WARM_MS = 5_000;
/** Files of a probe that is under way come and go: the least of some counts is what stays open. */
const COUNTS = 25;
const COUNT_EVERY_MS = 20;

export interface Soak {
  readonly lines: readonly string[];
  /** By process: the supervisor, then workers. */
  readonly bytesPerMinute: readonly number[];
  readonly openedFiles: readonly number[];
  readonly failures: number;
}

interface Course {
  readonly pid: number;
  readonly filesAtStart: number;
  readonly samples: { readonly at: number; readonly bytes: number }[];
}

export async function soak(workers: number, ratePerSecond: number, durationMs: number): Promise<Soak> {
  const world = new World(workers);
  try {
    await world.start();
    // Before the first connection of a client: what is open then is what must be open in the end.
    await Bun.sleep(WARM_MS);
    const courses = await Promise.all(
      world.program.processes.map(async (pid): Promise<Course> => ({
        pid,
        filesAtStart: await lastingFiles(pid),
        samples: [],
      })),
    );
    const since = performance.now();
    world.startClients(ratePerSecond);
    while (performance.now() - since < durationMs) {
      await Bun.sleep(EVERY_MS);
      for (const { pid, samples } of courses)
        samples.push({ at: performance.now() - since, bytes: residentBytes(pid) });
    }
    const report = await world.report();
    const open = ({ pid, filesAtStart }: Course) => openFiles(pid) - filesAtStart;
    // Kept connections to backends end when their time is over.
    await until(() => courses.every((course) => open(course) <= 0), "files are closed").catch(() => {});
    const openedFiles = await Promise.all(
      courses.map(async ({ pid, filesAtStart }) => (await lastingFiles(pid)) - filesAtStart),
    );
    const judged = durationMs * (1 - JUDGED_SHARE);
    const bytesPerMinute = courses.map(({ samples }) => slope(samples.filter(({ at }) => at >= judged)));
    const lines = courses.map(({ pid, samples }, index) => {
      const [first, last] = [samples[0]!, samples.at(-1)!];
      return `pid ${pid}: ${mib(first.bytes)} at first, ${mib(last.bytes)} at last, ${mib(bytesPerMinute[index]!)} a minute in the last ${Math.round((durationMs * JUDGED_SHARE) / 1_000)} s, ${openedFiles[index]} more files open than at the start`;
    });
    lines.unshift(
      `${report.begun} requests, ${report.skipped} not begun, ${((report.begun / report.lastedMs) * 1_000).toFixed(0)} a second`,
    );
    return { lines, bytesPerMinute, openedFiles, failures: report.failures };
  } finally {
    await world.remove();
  }
}

const mib = (bytes: number): string => `${(bytes / 1_048_576).toFixed(2)} MiB`;
const openFiles = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

async function lastingFiles(pid: number): Promise<number> {
  let least = Infinity;
  for (let count = 0; count < COUNTS; count++) {
    least = Math.min(least, openFiles(pid));
    await Bun.sleep(COUNT_EVERY_MS);
  }
  return least;
}

const residentBytes = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/statm`, "latin1").split(" ")[1]) * PAGE_BYTES;

/** Bytes a minute of the straight line through the samples with the least squares. */
function slope(samples: Course["samples"]): number {
  const mean = (read: (sample: Course["samples"][number]) => number) =>
    samples.reduce((total, sample) => total + read(sample), 0) / samples.length;
  const [at, bytes] = [mean((sample) => sample.at), mean((sample) => sample.bytes)];
  let [above, below] = [0, 0];
  for (const sample of samples) {
    above += (sample.at - at) * (sample.bytes - bytes);
    below += (sample.at - at) ** 2;
  }
  return (above / below) * 60_000;
}
