/** What many reloads leave in memory. */
import { join } from "node:path";
import { readFileSync } from "node:fs";
import { parseRss } from "../../support/process_tree.ts";
import { startSubject, type Context } from "../context.ts";
import type { Running } from "../subject.ts";

const MANY = 20;
/** Heaps have the size by then that they need while a reload is made. */
const FIRST = 10;
/** Workers give memory back that nobody uses within this time. */
const REST_MS = 20_000;

export async function measureMemory(context: Context): Promise<void> {
  const subject = context.subjects.find(({ subject: { peer } }) => peer.name === "fairlead");
  if (subject === undefined) return;
  const { figures, say, options } = context;
  const total = MANY * options.reloads;
  const running = await startSubject(context, subject, "many");
  try {
    const start = await memoryOf(running);
    await reloadTimes(running, 2, FIRST);
    const first = await memoryOf(running);
    await reloadTimes(running, 2 + FIRST, total);
    const last = await memoryOf(running);
    say(
      `memory: ${text(start)} MiB at the start, ${text(first)} after ${FIRST}, ${text(last)} after ${total} more`,
    );
    const row = (title: string, goal: number | null, value: number, unit: "MiB" | "%" = "MiB"): void =>
      figures.add({ area: "memory", title, unit, goal }, "fairlead", value);
    for (const [index, label] of [
      "supervisor",
      ...running.workers.map((_, place) => `worker ${place}`),
    ].entries()) {
      row(`${label}: at the start`, null, start[index]!);
      row(`${label}: after ${FIRST} reloads`, null, first[index]!);
      row(`${label}: after ${total} more`, null, last[index]!);
      row(`${label}: growth by these ${total}`, 10, (last[index]! / first[index]! - 1) * 100, "%");
    }
  } finally {
    await running.stop();
  }
}

async function reloadTimes(running: Running, from: number, count: number): Promise<void> {
  for (let index = 0; index < count; index++) await running.change(from + index)();
}

/** MiB of the supervisor, then of each worker. */
async function memoryOf(running: Running): Promise<number[]> {
  await Bun.sleep(REST_MS);
  return [running.pid, ...running.workers].map(
    (pid) => parseRss(readFileSync(join("/proc", String(pid), "smaps_rollup"), "latin1")) / 2 ** 20,
  );
}

const text = (values: readonly number[]): string => values.map((value) => value.toFixed(0)).join("/");
