/**
 * Files in `state_dir` that are damaged: a start goes on, says so in one sentence, and loses that file alone. The readers
 * wait for files, so these are no fuzz entries; the damage is the fuzzer's.
 */
import { expect, test } from "bun:test";
import { BackendOverrides } from "../../src/admin/backend_overrides.ts";
import { LastGoodLoader } from "../../src/config/last_good.ts";
import { testParts } from "../../src/config/test_parts.ts";
import type { Snapshot, SnapshotDelta } from "../../src/core/snapshot.ts";
import { planOf, poolOf } from "../../src/core/test_plan.ts";
import { ManualClock } from "../../src/platform/clock.ts";
import { MemoryFiles } from "../../src/platform/files.ts";
import { HealthFile } from "../../src/probes/health_file.ts";
import { mutate } from "./mutate.ts";
import { randomSource } from "./random_source.ts";

const STATE = "/var/lib/fairlead";
const TOKENS = [
  "null",
  "{}",
  "[]",
  '"',
  ":",
  ",",
  "-1",
  "1e999",
  "version",
  "__proto__",
  '"healthy"',
  '"active"',
];

/** Damaged forms of `text`, the same in each run. */
function* damaged(text: string, count: number): Generator<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  const random = randomSource(7);
  const tokens = TOKENS.map((token) => new TextEncoder().encode(token));
  const material = { inputs: [bytes], tokens, maxLength: 4_096 };
  yield new Uint8Array(0);
  for (let length = 1; length < bytes.length; length += 7) yield bytes.slice(0, length);
  for (let made = 0; made < count; made++) yield mutate(material, random);
}

const plan = planOf([
  poolOf("web", [
    { id: "a", url: "http://192.0.2.1:80" },
    { id: "b", url: "http://192.0.2.2:80" },
  ]),
]);

test("H-J21/state a damaged backends.json costs only what operators had set, and says so once", async () => {
  const good = JSON.stringify({
    version: 1,
    overrides: {
      "web/a": { enabled: "draining" },
      "web/b": { weight: 7 },
      "web/gone": { enabled: "active" },
    },
  });
  let used = 0;
  let refused = 0;
  for (const bytes of damaged(good, 1_000)) {
    const files = new MemoryFiles();
    files.write(`${STATE}/backends.json`, bytes);
    const told: string[] = [];
    const published: SnapshotDelta[] = [];
    const host = {
      snapshot: (): Snapshot => ({
        generation: 1,
        plan,
        files: {},
        health: {},
        members: {},
        overrides: {},
        documents: {},
      }),
      publish: (delta: SnapshotDelta) => void published.push(delta),
      report: ({ text }: { readonly text: string }) => void told.push(text),
    };
    const overrides = new BackendOverrides(host, files, new ManualClock());
    await overrides.planChanged({ ...plan, state_dir: STATE });
    expect(published.length).toBe(1);
    for (const [key, { enabled, weight }] of Object.entries(published[0]!.overrides)) {
      expect(["web/a", "web/b"]).toContain(key);
      expect(["active", "draining", "disabled", undefined]).toContain(enabled);
      if (weight !== undefined)
        expect(Number.isInteger(weight) && weight >= 0 && weight <= 65_535).toBe(true);
    }
    expect(told.length).toBeLessThanOrEqual(1);
    expect(overrides.list().length).toBe(2);
    await overrides.stop();
    if (told.length === 0) used++;
    else {
      refused++;
      expect(told[0]).toContain("backends.json is not ours or damaged");
      expect(published[0]!.overrides).toEqual({});
    }
  }
  expect([used > 10, refused > 100]).toEqual([true, true]);
});

test("H-J21/state a damaged health.json means that nothing is known, and is told once", async () => {
  const clock = new ManualClock();
  const good = JSON.stringify({
    version: 1,
    written_at: clock.wall(),
    members: {
      "web/a": { health: "healthy", identity: "x1" },
      "web/b": { health: "unhealthy", identity: "y" },
    },
  });
  let used = 0;
  let refused = 0;
  for (const bytes of damaged(good, 1_000)) {
    const files = new MemoryFiles();
    files.write(`${STATE}/health.json`, bytes);
    const told: string[] = [];
    const file = new HealthFile(STATE, {
      files,
      clock,
      records: () => ({}),
      failed: (text) => void told.push(text),
    });
    const records = await file.read();
    for (const { health, identity } of Object.values(records)) {
      expect(["healthy", "unhealthy"]).toContain(health);
      expect(typeof identity).toBe("string");
    }
    expect(told.length).toBeLessThanOrEqual(1);
    if (told.length === 0) used++;
    else {
      refused++;
      expect(records).toEqual({});
      expect(told[0]).not.toContain("\n");
    }
  }
  expect([used > 10, refused > 100]).toEqual([true, true]);
});

test("H-J21/state a damaged copy of the last good configuration keeps no good one from acting", async () => {
  const main = "/etc/fairlead/fairlead.yaml";
  const copy = `${STATE}/last-good.json`;
  const yaml = (pool: string): string => `listeners: { web: { address: ":8080" } }
pools: { ${pool}: { backends: [{ url: "http://127.0.0.1:1" }] } }
routes: [{ pool: ${pool} }]
`;
  const load = async (files: MemoryFiles) =>
    new LastGoodLoader(
      { file: main, parts: testParts, files, environment: {}, cores: 1 },
      () => 1_700_000_000_000,
    ).load();
  const written = new MemoryFiles({ [main]: yaml("one") });
  const loader = new LastGoodLoader(
    { file: main, parts: testParts, files: written, environment: {}, cores: 1 },
    () => 1_700_000_000_000,
  );
  await loader.load();
  await loader.acts();
  const kept = await written.read(copy, 1e6);
  const text = new TextDecoder().decode("bytes" in kept ? kept.bytes : new Uint8Array(0));
  let recovered = 0;
  let lost = 0;
  for (const bytes of damaged(text, 150)) {
    const files = new MemoryFiles({ [main]: "pools: [" });
    files.write(copy, bytes);
    const result = await load(files);
    // What comes of the copy is a whole plan or none; the problem of the main file is told either way.
    expect(result.problems.length).toBeGreaterThan(0);
    if (result.plan === null) lost++;
    else recovered++;
    files.write(main, yaml("two"));
    expect((await load(files)).plan?.pools.map(({ name }) => name)).toEqual(["two"]);
  }
  expect([recovered > 0, lost > 20]).toEqual([true, true]);
}, 60_000);
