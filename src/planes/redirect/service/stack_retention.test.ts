import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock } from "../../../platform/clock.ts";
import type { Store } from "../../../store/contract.ts";
import { registerHost } from "../discovery/test_services.ts";
import { StackRetention } from "./stack_retention.ts";
import { openTestStore } from "./test_service.ts";

const DAY = 86_400_000;
const NODE = "/services/EU/z1/0.9/a1";
const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

function ready(): { store: Store; clock: ManualClock; retention: () => StackRetention; deleted: string[] } {
  const folder = mkdtempSync(join(tmpdir(), "stack-retention-"));
  const store = openTestStore(folder);
  closing.push(async () => {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const [clock, deleted] = [new ManualClock(), [] as string[]];
  const options = { root: "/services", retention_ms: 7 * DAY, max_bytes: 1_000_000 };
  const retention = (): StackRetention => {
    const made = new StackRetention(store, clock, options, (paths) => void deleted.push(...paths));
    closing.push(() => made.close());
    return made;
  };
  return { store, clock, retention, deleted };
}

test("RD168 a stack without hosts is deleted after seven days, over restarts, with what is empty above it", async () => {
  const { store, clock, retention, deleted } = ready();
  await store.put(NODE, new Uint8Array());
  await registerHost(store, "/EU/z2/1.0/a1", "10.0.0.2");
  const sweepOnce = async (): Promise<void> => {
    const keeper = retention();
    await keeper.sweep();
    await keeper.close();
  };
  await sweepOnce();
  clock.advance(7 * DAY - 1_000);
  await sweepOnce();
  expect(await store.get(NODE)).not.toBeNull();
  clock.advance(2_000);
  await sweepOnce();
  expect(deleted).toEqual(["/EU/z1/0.9/a1"]);
  expect(await store.children("/services/EU")).toEqual(["z2"]);
});

test("RD168 a stack that gets a host meanwhile begins anew, and one that gets it at the last moment stays", async () => {
  const { store, clock, retention, deleted } = ready();
  const host = await registerHost(store, "/EU/z1/0.9/a1", "10.0.0.1");
  await host.close();
  const keeper = retention();
  await keeper.sweep();
  clock.advance(6 * DAY);
  const again = await registerHost(store, "/EU/z1/0.9/a1", "10.0.0.1");
  await keeper.sweep();
  await again.close();
  clock.advance(2 * DAY);
  await keeper.sweep();
  expect(await store.get(NODE)).not.toBeNull();
  clock.advance(7 * DAY);
  // Two programs look at once, and a host comes while they do.
  const [one, two, last] = [
    keeper.sweep(),
    retention().sweep(),
    registerHost(store, "/EU/z1/0.9/a1", "10.0.0.9"),
  ];
  await Promise.all([one, two, last]);
  expect(await store.children(NODE)).toHaveLength(1);
  expect(new Set(deleted).size).toBe(deleted.length);
});
