/** Lists that are too large to be copied to each worker: who knows them, whatever becomes of workers and supervisors. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { readFileSync } from "node:fs";
import { conditionOf, literalOf, modelOf, ruleOf, to } from "../../src/core/redirect/test_decider.ts";
import { LISTS, listsBytes, modelBytes, modelPath } from "../../src/planes/redirect/models/stored.ts";
import { LargeDocuments } from "../../src/store/large_documents.ts";
import { openStore, storeEnvironment } from "../support/store_tools.ts";
import { type RunningFairlead, runFairlead, until } from "./processes_program.ts";

const PATIENCE = 60_000;
const SIZE = 50_000;
const MODEL = modelOf({
  default_server: literalOf("http://other"),
  rules: [
    ruleOf(
      "listed",
      [conditionOf("contains", { param: "mac", lists: ["macs"] })],
      to(literalOf("http://listed")),
    ),
  ],
});

const configuration = (workers: number): string => `workers: ${workers}
redirect:
  address: "127.0.0.1:0"
  apps: { a1: {} }
`;

const listOf = (prefix: string) => ({
  name: "macs",
  description: null,
  type: "TEXT" as const,
  version: 1,
  values: Array.from({ length: SIZE }, (_, index) => ({ value: `${prefix}${index}`, encoded: null })),
});

/** Where clients with this value are sent, each on a connection of its own. */
async function places(fairlead: RunningFairlead, mac: string): Promise<string> {
  const url = `http://127.0.0.1:${fairlead.port("redirect")}/serviceDirect/a1?mac=${mac}`;
  const ask = async () => {
    const answer = await fetch(url, { redirect: "manual", keepalive: false });
    return `${answer.status} ${answer.headers.get("location")}`;
  };
  return [...new Set(await Promise.all(Array.from({ length: 16 }, ask)))].toSorted().join();
}

const LISTED = "302 http://listed?ruleName=listed";
const OTHER = "302 http://other";

/** How many large memory files of ours a process maps. */
const largeMappings = (pid: number): number =>
  readFileSync(`/proc/${pid}/maps`, "latin1")
    .split("\n")
    .filter((line) => {
      const [from = 0, end = 0] = line.split(/[- ]/, 2).map((text) => Number.parseInt(text, 16));
      return line.includes("memfd:fairlead") && end - from > SIZE * 16;
    }).length;

for (const workers of [2, 0])
  test(
    `RD145 a large list is known to all of ${workers} workers, also to those that start later, and goes as a whole`,
    async () => {
      await using fairlead = await runFairlead(configuration(workers));
      const store = openStore("sqlite", {}, storeEnvironment(join(fairlead.directory, "state")));
      const documents = new LargeDocuments(store);
      await documents.write(LISTS, listsBytes({ version: 1, lists: [listOf("A")] }));
      await documents.write(modelPath("a1"), modelBytes({ version: 1, model: MODEL }));
      await until(async () => (await places(fairlead, "a49999")) === LISTED, "the list acts");
      expect([await places(fairlead, "a50000"), await places(fairlead, "b1")]).toEqual([OTHER, OTHER]);
      const processes = workers === 0 ? [fairlead.program.child.pid] : fairlead.workers;
      for (const pid of processes) expect(largeMappings(pid)).toBeGreaterThanOrEqual(1);

      if (workers > 0) {
        process.kill(processes[0]!, "SIGKILL");
        await fairlead.program.until("worker_ready");
        await fairlead.apply(configuration(workers + 1));
        expect(await places(fairlead, "A7")).toBe(LISTED);
        expect(fairlead.workers.length).toBe(workers + 1);
        // Another supervisor reads the lists itself, and shares them with workers of its own.
        const runtime = join(fairlead.directory, "run");
        expect((await fairlead.command("upgrade", "--runtime-dir", runtime)).code).toBe(0);
        expect([await places(fairlead, "A8"), await places(fairlead, "b8")]).toEqual([LISTED, OTHER]);
      }

      await documents.write(LISTS, listsBytes({ version: 2, lists: [listOf("B")] }));
      await until(async () => (await places(fairlead, "b7")) === LISTED, "the next list acts");
      expect(await places(fairlead, "a7")).toBe(OTHER);
      await documents.write(LISTS, listsBytes({ version: 3, lists: [] }));
      await until(async () => (await places(fairlead, "b7")) === OTHER, "no list acts");
      await store.close();
    },
    PATIENCE,
  );
