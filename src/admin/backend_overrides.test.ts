import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { applyDelta } from "../core/health/delta.ts";
import type { Snapshot } from "../core/snapshot.ts";
import { planOf, poolOf } from "../core/test_plan.ts";
import { ManualClock } from "../platform/clock.ts";
import { realFiles } from "../platform/files.ts";
import { BackendOverrides } from "./backend_overrides.ts";

const folder = mkdtempSync(join(tmpdir(), "fairlead-overrides-"));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A program that has started. */
async function started() {
  const backends = ["a", "b", "c"].map((id) => ({ id, url: "http://127.0.0.1:9" }));
  const plan = planOf([poolOf("web", backends)], { state_dir: folder });
  let snapshot: Snapshot = {
    generation: 1,
    plan,
    files: {},
    health: {},
    members: {},
    overrides: {},
    documents: {},
  };
  const overrides = new BackendOverrides(
    {
      snapshot: () => snapshot,
      publish: (delta) => (snapshot = applyDelta(snapshot, delta)),
      report() {},
    },
    realFiles,
    new ManualClock(),
  );
  await overrides.planChanged(plan);
  const weights = () => overrides.list().map(({ weight }) => weight);
  return { overrides, weights };
}

test("what a program sets while its successor starts is in force there too, save what that has set itself", async () => {
  const old = await started();
  await old.overrides.change("a", { action: "weight", weight: 2 }, "test");
  await old.overrides.change("c", { action: "weight", weight: 2 }, "test");
  const next = await started();
  expect(next.weights()).toEqual([2, 1, 2]);
  await old.overrides.change("a", { action: "weight", weight: 3 }, "test");
  await old.overrides.change("b", { action: "drain" }, "test");
  await old.overrides.change("c", { action: "reset" }, "test");
  expect(next.weights()).toEqual([2, 1, 2]);
  await next.overrides.relieved();
  expect(next.weights()).toEqual([3, 1, 1]);
  expect(next.overrides.list().map(({ enabled }) => enabled)).toEqual(["active", "draining", "active"]);
  await next.overrides.change("a", { action: "weight", weight: 9 }, "test");
  const last = await started();
  await last.overrides.change("b", { action: "enable" }, "test");
  await last.overrides.relieved();
  expect(last.weights()).toEqual([9, 1, 1]);
  expect(last.overrides.list()[1]!.enabled).toBe("active");
});
