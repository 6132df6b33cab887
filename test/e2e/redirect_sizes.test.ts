/** Documents of all sizes: what is as large as the settings let it be acts, and what is larger is refused without harm. */
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RedirectModel } from "../../src/core/redirect/model.ts";
import { conditionOf, literalOf, modelOf, ruleOf, to } from "../../src/core/redirect/test_decider.ts";
import { LISTS, listsBytes, modelBytes, modelPath } from "../../src/planes/redirect/models/stored.ts";
import type { Store } from "../../src/store/contract.ts";
import { LargeDocuments } from "../../src/store/large_documents.ts";
import { startZookeeper, zookeeperLacking } from "../daemons/zookeeper.ts";
import { requirement } from "../support/require.ts";
import { openStore, storeEnvironment } from "../support/store_tools.ts";
import { type RunningFairlead, runFairlead, until } from "./processes_program.ts";

const PATIENCE = 120_000;
const MIB = 2 ** 20;
const RULES = 4_000;
const lacksZookeeper = requirement("zookeeper", zookeeperLacking());

const configuration = (redirect: string): string => `workers: 2
redirect:
  address: "127.0.0.1:0"
  apps: { a1: { answer_headers: true } }
  ${redirect}
`;

async function placeOf(fairlead: RunningFairlead, query: string): Promise<string> {
  const url = `http://127.0.0.1:${fairlead.port("redirect")}/serviceDirect/a1?${query}`;
  const answer = await fetch(url, { redirect: "manual" });
  return `${answer.headers.get("x-fairlead-version")} ${answer.headers.get("location")}`;
}

/** A model of about so many bytes. */
function modelOfSize(bytes: number): RedirectModel {
  const description = "x".repeat(bytes / RULES);
  const rules = Array.from({ length: RULES }, (_, index) =>
    ruleOf(
      `rule${index}`,
      [conditionOf("equals", { param: "mac", value: `m${index}` })],
      to(literalOf(`http://r${index}`, { description })),
    ),
  );
  const listed = ruleOf(
    "listed",
    [conditionOf("contains", { param: "mac", lists: ["macs"] })],
    to(literalOf("http://listed")),
  );
  return modelOf({ default_server: literalOf("http://other"), rules: [...rules, listed] });
}

function listsOfSize(bytes: number): Uint8Array {
  const text = "y".repeat(1_000);
  const values = Array.from({ length: bytes / 1_000 }, (_, index) => ({
    value: `${index}-${text}`,
    encoded: null,
  }));
  const list = { name: "macs", description: null, type: "TEXT" as const, version: 1, values };
  return listsBytes({ version: 1, lists: [list] });
}

/** Writes a model of 64 MiB and waits until it acts. */
async function takesLargeModel(fairlead: RunningFairlead, store: Store, version: number): Promise<void> {
  const model = modelBytes({ version, model: modelOfSize(63 * MIB) });
  expect(model.length).toBeGreaterThan(63 * MIB);
  await new LargeDocuments(store, 80 * MIB).write(modelPath("a1"), model);
  const place = `${version} http://r${RULES - 1}?ruleName=rule${RULES - 1}`;
  await until(async () => (await placeOf(fairlead, `mac=m${RULES - 1}`)) === place, "the model acts");
}

test(
  "RD153 a model and lists of 64 MiB in SQLite act where the settings allow that",
  async () => {
    await using fairlead = await runFairlead(configuration("max_model_bytes: 80MiB"));
    const store = openStore("sqlite", {}, storeEnvironment(join(fairlead.directory, "state")));
    await new LargeDocuments(store, 80 * MIB).write(LISTS, listsOfSize(63 * MIB));
    await takesLargeModel(fairlead, store, 1);
    const listed = `mac=65000-${"Y".repeat(1_000)}`;
    expect(await placeOf(fairlead, listed)).toBe("1 http://listed?ruleName=listed");
    await takesLargeModel(fairlead, store, 2);
    await store.close();
  },
  PATIENCE,
);

test.skipIf(lacksZookeeper !== null)(
  "RD153 a model of 64 MiB in ZooKeeper acts where the settings allow that",
  async () => {
    const zookeeper = await startZookeeper();
    const connect = zookeeper.members[0]!.address;
    await using fairlead = await runFairlead(
      configuration(`max_model_bytes: 80MiB\n  store: { type: zookeeper, connect: "${connect}" }`),
    );
    const store = openStore("zookeeper", { connect }, storeEnvironment(fairlead.directory));
    await store.whenConnected(10_000);
    // Just once: the server keeps the last 500 changes in its memory too.
    await takesLargeModel(fairlead, store, 1);
    await store.close();
    await zookeeper.stop();
  },
  PATIENCE,
);

/** Most memory that a process has had since `forget`, in bytes. */
const mostMemory = (pid: number): number =>
  Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))![1]) * 1_024;
const forgetMostMemory = (pid: number): void => writeFileSync(`/proc/${pid}/clear_refs`, "5");

test(
  "RD154 a model over the limit in the store is refused with size and limit, takes no memory, and the one before serves on",
  async () => {
    await using fairlead = await runFairlead(configuration("max_model_bytes: 32MiB"));
    const store = openStore("sqlite", {}, storeEnvironment(join(fairlead.directory, "state")));
    const documents = new LargeDocuments(store, 256 * MIB);
    await documents.write(modelPath("a1"), modelBytes({ version: 1, model: modelOfSize(RULES) }));
    await until(
      async () => (await placeOf(fairlead, "mac=m1")) === "1 http://r1?ruleName=rule1",
      "a model acts",
    );
    const processes = [fairlead.program.child.pid, ...fairlead.workers];
    for (const pid of processes) forgetMostMemory(pid);
    const before = processes.map(mostMemory);
    const large = modelBytes({ version: 2, model: modelOfSize(150 * MIB) });
    await documents.write(modelPath("a1"), large);
    const { message } = await fairlead.program.until("redirect_refused");
    expect(message).toContain(String(large.length));
    expect(message).toMatch(/32 ?MiB|33,?554,?432/);
    expect(await placeOf(fairlead, "mac=m1")).toBe("1 http://r1?ruleName=rule1");
    for (const [index, pid] of processes.entries())
      expect(mostMemory(pid) - before[index]!).toBeLessThan(64 * MIB);
    // The next one that is not too large acts.
    await documents.write(modelPath("a1"), modelBytes({ version: 3, model: modelOfSize(RULES) }));
    await until(async () => (await placeOf(fairlead, "mac=m1")).startsWith("3 "), "a smaller model acts");
    await store.close();
  },
  PATIENCE,
);
