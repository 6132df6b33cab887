import { afterEach, beforeEach, expect, test } from "bun:test";
import type { Rollout } from "../../../core/redirect/model.ts";
import { rolloutOf } from "../../../core/redirect/test_decider.ts";
import { stack, TestService } from "./test_service.ts";

let service: TestService;
beforeEach(() => {
  const stacks = { a1: [stack("/EU/z1", "1.0", "10.0.0.1"), stack("/EU/z1", "2.0", "10.0.0.2")] };
  service = new TestService({ stacks });
});
afterEach(() => service.close());

const { id: _id, step: _step, state: _state, since_ms: _since, ...BODY } = rolloutOf();

async function save(body: object): Promise<Rollout> {
  const { status, text } = await service.ask("ann:editor", "PUT", "/rollouts/a1/beta", { body });
  if (status !== 201) throw new Error(text);
  return JSON.parse(text) as Rollout;
}

async function approve(): Promise<void> {
  const version = (await service.ask("bob:approver", "GET", "/changes/a1")).version();
  const path = `/changes/a1/approveWithoutValidation/${version}`;
  const { status, text } = await service.ask("root:admin", "POST", path);
  if (status !== 200) throw new Error(text);
}

async function approvedRollouts(): Promise<Rollout[]> {
  const { text } = await service.ask("eve:viewer", "GET", "/rollouts/a1");
  return (JSON.parse(text) as { rollouts: Rollout[] }).rollouts;
}

test("a rollout is saved, approved and goes on: its step begins when it is sent there, and not when it is edited", async () => {
  await service.ask("ann:editor", "POST", "/whitelist/a1", { body: { paths: ["/EU/z1"] } });
  await approve();
  const start = Date.now();
  const saved = await save(BODY);
  expect(saved).toMatchObject({ id: "beta", step: -1, state: "running", steps: [1, 5, 25] });
  expect(saved.since_ms).toBeWithin(start, Date.now() + 1);
  expect(await approvedRollouts()).toEqual([]);
  await approve();
  expect(await approvedRollouts()).toEqual([saved]);
  await Bun.sleep(2);
  const edited = await save({ ...BODY, bake_ms: 1 });
  expect(edited).toEqual({ ...saved, bake_ms: 1 });
  const sent = await save({ ...BODY, step: 2, state: "paused" });
  expect(sent).toMatchObject({ step: 2, state: "paused" });
  expect(sent.since_ms).toBeGreaterThan(saved.since_ms);
});

test("whoever may only look or approve cannot save one", async () => {
  for (const who of ["eve:viewer", "bob:approver"])
    expect((await service.ask(who, "PUT", "/rollouts/a1/beta", { body: BODY })).status).toBe(403);
});
