/** Programs on one SQLite store, each with a connection of its own. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore, storeEnvironment } from "../../../../test/support/store_tools.ts";
import type { RedirectModel } from "../../../core/redirect/model.ts";
import { modelOf, rolloutOf } from "../../../core/redirect/test_decider.ts";
import type { Store } from "../../../store/contract.ts";
import { StoreUnavailable } from "../../../store/errors.ts";
import { LargeDocuments } from "../../../store/large_documents.ts";
import { modelBytes, modelPath, readModel } from "../models/stored.ts";
import { StoredRolloutWriter } from "./stored_writer.ts";
import { type RolloutChange, StaleRollout } from "./writer.ts";

const MAX_BYTES = 2 ** 20;
let folder = "";
let stores: Store[] = [];
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "fairlead-rollouts-"))));
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

const write = (store: Store, version: number, model: RedirectModel) =>
  new LargeDocuments(store).write(modelPath("a1"), modelBytes({ version, model }));
const read = async (store: Store) =>
  readModel((await new LargeDocuments(store).read(modelPath("a1")))!.value);

const FORWARD: RolloutChange = { from: { step: 0, since_ms: 0 }, step: 1, state: "running", since_ms: 7 };

test("RD130 of two programs that decide the same one writes, and the other is told that it is too late", async () => {
  const [one, other] = [open(), open()];
  await write(one, 4, modelOf({ rollouts: [rolloutOf({ id: "first" }), rolloutOf()] }));
  const results = await Promise.allSettled(
    [one, other, one, other].map((store) =>
      new StoredRolloutWriter(store, MAX_BYTES).setStep("a1", "beta", FORWARD),
    ),
  );
  const failed = results.filter((result) => result.status === "rejected");
  expect(failed.length).toBe(3);
  for (const { reason } of failed) expect(reason).toBeInstanceOf(StaleRollout);
  expect(await read(other)).toEqual({
    version: 5,
    model: modelOf({ rollouts: [rolloutOf({ id: "first" }), rolloutOf({ step: 1, since_ms: 7 })] }),
  });
});

test("what somebody else changes of the model meanwhile stays", async () => {
  const [one, other] = [open(), open()];
  await write(one, 1, modelOf({ rollouts: [rolloutOf(), rolloutOf({ id: "next" })] }));
  await Promise.all([
    new StoredRolloutWriter(one, MAX_BYTES).setStep("a1", "beta", FORWARD),
    new StoredRolloutWriter(other, MAX_BYTES).setStep("a1", "next", { ...FORWARD, step: 2 }),
  ]);
  const { version, model } = await read(one);
  expect([version, model.rollouts.map(({ step }) => step)]).toEqual([3, [1, 2]]);
});

test("a rollout that is paused, elsewhere or gone is stale, with where it is", async () => {
  const store = open();
  const writer = new StoredRolloutWriter(store, MAX_BYTES);
  const said = async (model: RedirectModel | null): Promise<string> => {
    if (model !== null) await write(store, 1, model);
    return await writer.setStep("a1", "beta", FORWARD).then(
      () => "done",
      (error: Error) => `${error.name}: ${error.message}`,
    );
  };
  expect(await said(null)).toStartWith("StaleRollout: a1: rollout beta is gone with its model");
  expect(await said(modelOf())).toStartWith("StaleRollout: a1: rollout beta is gone:");
  expect(await said(modelOf({ rollouts: [rolloutOf({ state: "paused" })] }))).toContain(
    "is paused at step 0",
  );
  expect(await said(modelOf({ rollouts: [rolloutOf({ step: 2 })] }))).toContain("is running at step 2");
  expect(await said(modelOf({ rollouts: [rolloutOf({ since_ms: 1 })] }))).toContain("is running at step 0");
  await store.close();
  expect(writer.setStep("a1", "beta", FORWARD)).rejects.toBeInstanceOf(StoreUnavailable);
});
