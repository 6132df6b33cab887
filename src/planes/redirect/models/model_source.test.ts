/** Two connections to one SQLite store, as gateway and service have them. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bytesOf, eventually, openStore, storeEnvironment } from "../../../../test/support/store_tools.ts";
import { allSteps } from "../../../core/steps.ts";
import type { NamedList } from "../../../core/redirect/model.ts";
import { modelOf } from "../../../core/redirect/test_decider.ts";
import type { Store } from "../../../store/contract.ts";
import { LargeDocuments } from "../../../store/large_documents.ts";
import { ModelSource } from "./model_source.ts";
import { appOfPath, LISTS, listsBytes, modelBytes, modelPath, readModel } from "./stored.ts";

let folder = "";
let stores: Store[] = [];
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "fairlead-models-"))));
afterEach(async () => {
  for (const store of stores) await store.close();
  stores = [];
  rmSync(folder, { recursive: true, force: true });
});

function open(): Store {
  const store = openStore("sqlite", { poll: "10ms" }, storeEnvironment(folder));
  stores.push(store);
  return store;
}

/** Follows the store and keeps what it is told. */
async function follow(maxBytes = 2 ** 20) {
  const told: string[] = [];
  const share = (bytes: number) => ({ name: "", bytes: new Uint8Array(bytes), drop: () => {} });
  const source = new ModelSource(open(), maxBytes, share, {
    modelChanged: (app, stored) => void told.push(`${app} ${stored?.version ?? "gone"}`),
    listsChanged: (lists) =>
      told.push(`lists ${lists?.named.names.map(({ name }) => name).join() ?? "gone"}`),
    settingsChanged: (settings) => told.push(`settings ${settings?.min_hosts ?? "gone"}`),
    stacksReload: (app) => told.push(`${app} reload`),
    refused: (what, problem) => told.push(`${what}: ${problem}`),
  });
  await source.start();
  return { told, source };
}

const LIST: NamedList = { name: "beta", description: null, type: "TEXT", version: 1, values: [] };

test("RD113 RD169 what another program writes is told, models and lists, with what was there before", async () => {
  const documents = new LargeDocuments(open());
  await documents.write(modelPath("a1"), modelBytes({ version: 1, model: modelOf() }));
  const { told, source } = await follow();
  expect(told).toEqual(["a1 1"]);
  const start = performance.now();
  await documents.write(LISTS, listsBytes({ version: 1, lists: [LIST] }));
  await documents.write(modelPath("a/b ö"), modelBytes({ version: 7, model: modelOf() }));
  await documents.write(modelPath("a1"), modelBytes({ version: 2, model: modelOf() }));
  await eventually("all are told", () => told.length >= 4);
  expect(performance.now() - start).toBeLessThan(2_000);
  expect(told.toSorted()).toEqual(["a/b ö 7", "a1 1", "a1 2", "lists beta"]);
  await documents.remove(modelPath("a1"));
  await eventually("it is told that one is gone", () => told.length >= 5);
  expect(told.at(-1)).toBe("a1 gone");
  await source.close();
  await documents.write(modelPath("a1"), modelBytes({ version: 3, model: modelOf() }));
  await Bun.sleep(50);
  expect(told.length).toBe(5);
});

test("RD154 a document that is too large or is none of ours is refused by name, and the others go on", async () => {
  const documents = new LargeDocuments(open());
  await documents.write(modelPath("large"), new Uint8Array(2_000));
  await documents.write(modelPath("small"), modelBytes({ version: 1, model: modelOf() }));
  const { told, source } = await follow(1_000);
  expect(told).toEqual([expect.stringMatching(/large\/model.*2,?000.*1,?000/), "small 1"]);
  await documents.write(modelPath("later"), bytesOf('{"format":2}'));
  await eventually("the newer one is refused", () => told.some((line) => line.includes("later")));
  expect(told.at(-1)).toBe(`${modelPath("later")}: the document has the format 2; expected 1`);
  for (const [text, words] of [
    ["{", "not JSON"],
    ['{"format":1}', "no version"],
    ['{"format":1,"version":1}', "no model"],
  ] as const) {
    await documents.write(modelPath("odd"), bytesOf(text));
    await eventually(words, () => told.at(-1)?.includes(words) === true);
  }
  await source.close();
});

test("an application's name is one step of a path, whatever is in it", () => {
  for (const name of ["a1", "a/b", "ö ", "%2f", ".."])
    expect(appOfPath(`${modelPath(name)}/head`)).toBe(name);
  expect([appOfPath(LISTS), appOfPath("/fairlead/redirect/apps/%zz/model")]).toEqual([null, null]);
});

test("a model that was stored before there were rollouts has none", () => {
  const { rollouts: _none, ...before } = modelOf();
  const bytes = bytesOf(JSON.stringify({ format: 1, version: 3, model: before }));
  expect(allSteps(readModel(bytes))).toEqual({ version: 3, model: modelOf() });
});
