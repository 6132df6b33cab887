/** Programs on one SQLite store, each with a connection of its own. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RedirectModel } from "../../../core/redirect/model.ts";
import { modelOf, rolloutOf } from "../../../core/redirect/test_decider.ts";
import { LargeDocuments } from "../../../store/large_documents.ts";
import { modelBytes, modelPath } from "../models/stored.ts";
import { type RolloutChange, StaleRollout } from "../rollouts/writer.ts";
import { readAudit } from "./audit.ts";
import { modelRecord } from "./records/kinds.ts";
import { readRevision } from "./revisions.ts";
import { ServiceRolloutWriter } from "./rollout_writer.ts";
import { openTestStore, TestService } from "./test_service.ts";

let folder = "";
let programs: TestService[] = [];
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "fairlead-rollouts-"))));
afterEach(async () => {
  for (const { store } of programs) await store.close();
  programs = [];
  rmSync(folder, { recursive: true, force: true });
});

function open(): TestService {
  const program = new TestService({ store: openTestStore(folder) });
  programs.push(program);
  return program;
}

const writerOf = ({ service }: TestService) => new ServiceRolloutWriter(service.facts);
const write = ({ store }: TestService, version: number, model: RedirectModel) =>
  new LargeDocuments(store).write(modelPath("a1"), modelBytes({ version, model }));
const read = async ({ service }: TestService) => (await service.records.readFresh(modelRecord("a1"))).value;

const FORWARD: RolloutChange = { from: { step: 0, since_ms: 0 }, step: 1, state: "running", since_ms: 7 };
const BACK: RolloutChange = { from: { step: 1, since_ms: 7 }, step: 0, state: "rolled_back", since_ms: 9 };

test("RD130 a step that is taken back is a revision with its reason, and stands in the audit", async () => {
  const program = open();
  await write(program, 4, modelOf({ rollouts: [rolloutOf()] }));
  const writer = writerOf(program);
  await writer.setStep("a1", "beta", FORWARD, "the step has lasted");
  await writer.setStep("a1", "beta", BACK, "3 % of 100 samples fail; at most 2 % may");
  const { records } = program.service;
  const { entries, is_intact } = await readAudit(records, { app: "a1", before: 99, limit: 10 });
  expect(is_intact).toBeTrue();
  expect(entries).toMatchObject([
    {
      who: "(rollout)",
      action: "rollback",
      app: "a1",
      subject: "model 6: rollout beta from step 1 to 0, rolled_back",
      reason: "3 % of 100 samples fail; at most 2 % may",
    },
    { action: "rollout step", subject: "model 5: rollout beta from step 0 to 1, running" },
  ]);
  expect(await readRevision(records, "a1", 6)).toMatchObject({
    action: "rollback",
    approver: "(rollout)",
    changes: [{ kind: "rollout", id: "beta", type: "UPDATE" }],
    model: { rollouts: [{ step: 0, state: "rolled_back", since_ms: 9 }] },
  });
});

test("RD130 of two programs that decide the same one writes, and the other is told that it is too late", async () => {
  const [one, other] = [open(), open()];
  await write(one, 4, modelOf({ rollouts: [rolloutOf({ id: "first" }), rolloutOf()] }));
  const results = await Promise.allSettled(
    [one, other, one, other].map((program) => writerOf(program).setStep("a1", "beta", FORWARD, "why")),
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
    writerOf(one).setStep("a1", "beta", FORWARD, "why"),
    writerOf(other).setStep("a1", "next", { ...FORWARD, step: 2 }, "why"),
  ]);
  const { version, model } = await read(one);
  expect([version, model.rollouts.map(({ step }) => step)]).toEqual([3, [1, 2]]);
});

test("a rollout that is paused, elsewhere or gone is stale, with where it is", async () => {
  const program = open();
  const writer = writerOf(program);
  const said = async (model: RedirectModel): Promise<string> => {
    await write(program, 1, model);
    return await writer.setStep("a1", "beta", FORWARD, "why").then(
      () => "done",
      (error: Error) => `${error.name}: ${error.message}`,
    );
  };
  expect(await said(modelOf())).toStartWith("StaleRollout: a1: rollout beta is gone:");
  expect(await said(modelOf({ rollouts: [rolloutOf({ state: "paused" })] }))).toContain(
    "is paused at step 0",
  );
  expect(await said(modelOf({ rollouts: [rolloutOf({ step: 2 })] }))).toContain("is running at step 2");
  expect(await said(modelOf({ rollouts: [rolloutOf({ since_ms: 1 })] }))).toContain("is running at step 0");
  await program.store.close();
  expect(writer.setStep("a1", "beta", FORWARD, "why")).rejects.toMatchObject({ status: 503 });
});
