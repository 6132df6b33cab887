/** A store that cannot be used when the program starts, and lists that come after the rules that use them. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { conditionOf, literalOf, modelOf, ruleOf, to } from "../../src/core/redirect/test_decider.ts";
import { LISTS, listsBytes } from "../../src/planes/redirect/models/stored.ts";
import { LargeDocuments } from "../../src/store/large_documents.ts";
import { openStore, storeEnvironment } from "../support/store_tools.ts";
import { runFairlead, until } from "./processes_program.ts";
import { askRedirect, embeddedStore, writeModel, untilAllDecide } from "./redirect_program.ts";

const PATIENCE = 60_000;
const LITERAL = modelOf({ default_server: literalOf("http://here") });

test(
  "RD81 a store that could not be opened at the start is used as soon as it can be, and is spoken of once",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "fairlead-closed-"));
    const directory = join(folder, "store");
    // A file stands where the folder is to be.
    writeFileSync(directory, "");
    await using fairlead = await runFairlead(`workers: 1
redirect:
  address: "127.0.0.1:0"
  apps: { a1: {} }
  store: { type: sqlite, directory: ${directory} }
`);
    await fairlead.program.until("redirect_store_failed");
    expect((await askRedirect(fairlead)).status).toBe(503);
    // Long enough for several attempts.
    await Bun.sleep(1_500);
    rmSync(directory);
    const store = openStore("sqlite", { directory }, storeEnvironment(folder));
    await writeModel(store, "a1", 1, LITERAL);
    await untilAllDecide(fairlead);
    const failures = fairlead.program.said.filter(({ event }) => event === "redirect_store_failed");
    expect(failures.length).toBe(1);
    await store.close();
    rmSync(folder, { recursive: true });
  },
  PATIENCE,
);

test(
  "what is odd about a model is looked at again when lists come and go",
  async () => {
    await using fairlead = await runFairlead(`workers: 1
redirect:
  address: "127.0.0.1:0"
`);
    const store = embeddedStore(fairlead);
    const documents = new LargeDocuments(store);
    const beta = ruleOf(
      "beta",
      [conditionOf("contains", { param: "mac", lists: ["beta"] })],
      to(literalOf("xre://t:1")),
    );
    const problems = async (): Promise<string> => {
      const { out } = await fairlead.command(
        "redirect",
        "status",
        "--json",
        "--runtime-dir",
        join(fairlead.directory, "run"),
      );
      const { apps } = JSON.parse(out) as { apps: { app: string; problems: string[] }[] };
      return apps.find(({ app }) => app === "a1")?.problems.join() ?? "unknown";
    };
    const put = async (version: number, ...names: string[]): Promise<void> => {
      const lists = names.map((name) => ({
        name,
        description: null,
        type: "TEXT" as const,
        version: 1,
        values: [{ value: "M", encoded: null }],
      }));
      await documents.write(LISTS, listsBytes({ version, lists }));
    };
    await writeModel(store, "a1", 1, modelOf({ default_server: literalOf("http://here"), rules: [beta] }));
    await until(async () => (await problems()) === "rule beta: there is no list beta", "the list is missed");
    await put(1, "beta");
    await until(async () => (await problems()) === "", "the list is there");
    await put(2, "other");
    await until(async () => (await problems()) === "rule beta: there is no list beta", "the list has gone");
    await store.close();
  },
  PATIENCE,
);
