/** What a list of a million entries takes of the machine's memory: proportional set sizes of all processes. */
import { readFileSync } from "node:fs";
import type { Say } from "../http/context.ts";
import type { FoundPeer } from "../http/programs.ts";
import type { Workplace } from "../http/workplace.ts";
import { everyCore } from "../operations/clients.ts";
import { allProcesses, treeOf } from "../support/process_tree.ts";
import { FilledStore } from "./filled_store.ts";
import { keyRules, LIST_TARGET, listOfSize, stacksOf, valueOf, withListRule } from "./models.ts";
import { RunningRedirector } from "./peers.ts";

export const ENTRIES = 1_000_000;
const SETTLE_MS = 15_000;

export interface MemoryFigure {
  readonly workers: number;
  /** Bytes of all processes, before the list is there and with it. */
  readonly before: number;
  readonly after: number;
  /** The same with a second list in place of the first. */
  readonly replaced: number;
  /** Milliseconds from the end of the write to the first answer by the list. */
  readonly actsAfterMs: number;
}

/** Pages that processes share are counted in parts: the sum is what the machine has to hold. */
function heldBytes(pid: number): number {
  const sizes = treeOf(allProcesses(), [pid]).map((one) => {
    const text = readFileSync(`/proc/${one.pid}/smaps_rollup`, "latin1");
    return Number(/^Pss:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1_024;
  });
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function settledBytes(pid: number): Promise<number> {
  await Bun.sleep(SETTLE_MS);
  return heldBytes(pid);
}

export async function measureMemory(
  peer: FoundPeer,
  workers: number,
  workplace: Workplace,
  say: Say,
): Promise<MemoryFigure> {
  const running = await RunningRedirector.start(peer, { rules: 10, workers }, everyCore(), workplace);
  const store = new FilledStore(running.stateDirectory);
  try {
    await store.register(stacksOf(10, () => 10));
    await store.writeModel(1, withListRule(keyRules(10)));
    await running.until(({ status }) => status === 302);
    const before = await settledBytes(running.pid);
    const list = listOfSize(ENTRIES);
    await store.writeList(1, list);
    const start = performance.now();
    await running.until(({ head }) => head.includes(LIST_TARGET), valueOf(ENTRIES - 1));
    const actsAfterMs = performance.now() - start;
    const after = await settledBytes(running.pid);
    const added = { value: "one-more", encoded: null };
    await store.writeList(2, { ...list, values: [...list.values, added] });
    await running.until(({ head }) => head.includes(LIST_TARGET), added.value);
    const replaced = await settledBytes(running.pid);
    const figure = { workers, before, after, replaced, actsAfterMs };
    const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
    say(
      `${ENTRIES} entries, ${workers} workers: ${mib(before)} MiB, then ${mib(after)} MiB, after a change ${mib(replaced)} MiB; acts after ${actsAfterMs.toFixed(0)} ms`,
    );
    return figure;
  } finally {
    await running.stop();
    await store.close();
  }
}
