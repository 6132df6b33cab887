import { expect, test } from "bun:test";
import { ManualClock } from "./clock.ts";
import {
  FIRST_RETRY_MS,
  LAST_RETRY_MS,
  LOOKUP_TIMEOUT_MS,
  MAX_ADDRESSES,
  MAX_TTL_MS,
  MIN_TTL_MS,
  NameWatcher,
  type NameAnswer,
} from "./names.ts";
import { FakeNames } from "./names_test_source.ts";
import { TICK_MS } from "./timer_wheel.ts";

function setUp() {
  const clock = new ManualClock();
  const source = new FakeNames();
  const changes: string[] = [];
  const failures: [string, string, number][] = [];
  const watcher = new NameWatcher({
    clock,
    source,
    changed: (name) => changes.push(`${name} ${watcher.addresses(name).join()}`),
    failed: (...failure) => failures.push(failure),
  });
  /** Moves the clock in steps, with room for promises in between. */
  const advance = async (ms: number) => {
    for (let left = ms; left > 0; left -= TICK_MS) {
      clock.advance(Math.min(left, TICK_MS));
      await settle();
    }
  };
  return { clock, source, changes, failures, watcher, advance };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 6; turn++) await Promise.resolve();
}

test("H-E21/names a changed answer is seen when its time to live is over, an equal one in other order is no change", async () => {
  const { source, changes, watcher, advance } = setUp();
  source.set("web.test", ["192.0.2.2", "192.0.2.1"], 3_000);
  watcher.watch(new Set(["web.test"]));
  await settle();
  expect(watcher.addresses("web.test")).toEqual(["192.0.2.1", "192.0.2.2"]);
  source.set("web.test", ["192.0.2.1", "192.0.2.2"], 3_000);
  await advance(3_000);
  expect(source.lookups.length).toBe(2);
  source.set("web.test", ["192.0.2.9"], 3_000);
  await advance(2_900);
  expect(watcher.addresses("web.test")).toEqual(["192.0.2.1", "192.0.2.2"]);
  await advance(100 + TICK_MS);
  expect(changes).toEqual(["web.test 192.0.2.1,192.0.2.2", "web.test 192.0.2.9"]);
  watcher.stop();
});

test("the time to live is kept between its bounds", async () => {
  for (const [ttl, wait] of [
    [0, MIN_TTL_MS],
    [7_000, 7_000],
    [86_400_000, MAX_TTL_MS],
  ] as const) {
    const { source, watcher, advance } = setUp();
    source.set("web.test", ["192.0.2.1"], ttl);
    watcher.watch(new Set(["web.test"]));
    await settle();
    await advance(wait - TICK_MS);
    expect([ttl, source.lookups.length]).toEqual([ttl, 1]);
    await advance(2 * TICK_MS);
    expect([ttl, source.lookups.length]).toEqual([ttl, 2]);
    watcher.stop();
  }
});

test("a failure keeps the last good answer and is tried again soon, then later and later", async () => {
  const { clock, source, changes, failures, watcher, advance } = setUp();
  source.set("web.test", ["192.0.2.1"], 1_000);
  watcher.watch(new Set(["web.test"]));
  await settle();
  source.fail("web.test");
  const start = clock.now();
  await advance(120_000);
  expect(watcher.addresses("web.test")).toEqual(["192.0.2.1"]);
  expect(changes.length).toBe(1);
  expect(failures[0]).toEqual(["web.test", "server failure", 1]);
  // 1 s of the answer, then 1, 2, 4, 8, 16 s, then 30 s each.
  expect(failures.length).toBe(8);
  expect([start, FIRST_RETRY_MS, LAST_RETRY_MS]).toEqual([0, 1_000, 30_000]);
  source.set("web.test", ["192.0.2.2"], 1_000);
  await advance(LAST_RETRY_MS);
  expect(watcher.addresses("web.test")).toEqual(["192.0.2.2"]);
  source.fail("web.test");
  await advance(1_000 + FIRST_RETRY_MS + 2 * TICK_MS);
  expect(failures.length).toBe(10);
  watcher.stop();
});

test("one family that cannot be looked up keeps its addresses beside the new ones of the other", async () => {
  const { source, watcher, advance } = setUp();
  source.set("web.test", ["2001:db8::1", "192.0.2.1"], 1_000);
  watcher.watch(new Set(["web.test"]));
  await settle();
  source.set("web.test", { kind: "found", addresses: ["192.0.2.5"], ttl_ms: 1_000, missing: 6 });
  await advance(1_000 + TICK_MS);
  expect(watcher.addresses("web.test")).toEqual(["192.0.2.5", "2001:db8::1"]);
  source.set("web.test", ["192.0.2.5"], 1_000);
  await advance(1_000 + TICK_MS);
  expect(watcher.addresses("web.test")).toEqual(["192.0.2.5"]);
  watcher.stop();
});

test("a lookup that never ends counts as failed, and its late answer as nothing", async () => {
  const { source, failures, watcher, advance } = setUp();
  const late = Promise.withResolvers<NameAnswer>();
  source.set("web.test", late.promise);
  watcher.watch(new Set(["web.test"]));
  await advance(LOOKUP_TIMEOUT_MS + TICK_MS);
  expect(failures).toEqual([["web.test", "no answer within 10s", 0]]);
  source.set("web.test", ["192.0.2.1"]);
  late.resolve({ kind: "found", addresses: ["192.0.2.66"], ttl_ms: 1_000 });
  await settle();
  expect(watcher.addresses("web.test")).toEqual([]);
  await advance(FIRST_RETRY_MS + TICK_MS);
  expect(watcher.addresses("web.test")).toEqual(["192.0.2.1"]);
  watcher.stop();
});

test("a source that rejects is a failure", async () => {
  const { source, failures, watcher } = setUp();
  const broken = Promise.reject(new Error("no descriptor left"));
  broken.catch(() => {});
  source.set("web.test", broken);
  watcher.watch(new Set(["web.test"]));
  await settle();
  expect(failures).toEqual([["web.test", "no descriptor left", 0]]);
  watcher.stop();
});

test("a changed list of names keeps those that stay, forgets the others, and looks up the new ones at once", async () => {
  const { source, changes, watcher, advance } = setUp();
  for (const name of ["a.test", "b.test", "c.test"]) source.set(name, ["192.0.2.1"], 10_000);
  watcher.watch(new Set(["a.test", "b.test"]));
  await settle();
  watcher.watch(new Set(["b.test", "c.test"]));
  await settle();
  expect(source.lookups).toEqual(["a.test", "b.test", "c.test"]);
  expect([watcher.addresses("a.test"), watcher.addresses("b.test")]).toEqual([[], ["192.0.2.1"]]);
  await advance(30_000);
  expect(source.lookups.filter((name) => name === "a.test").length).toBe(1);
  expect(changes.length).toBe(3);
  watcher.stop();
});

test("a source that has changed is asked again at once", async () => {
  const { source, changes, watcher } = setUp();
  source.set("web.test", ["192.0.2.1"], 60_000);
  watcher.watch(new Set(["web.test"]));
  await settle();
  source.set("web.test", ["192.0.2.2"], 60_000);
  source.change();
  await settle();
  expect(changes).toEqual(["web.test 192.0.2.1", "web.test 192.0.2.2"]);
  watcher.watch(new Set());
  expect(source.watched).toBe(false);
  watcher.stop();
});

test("first answers are waited for, failures count as answers, and the wait has an end", async () => {
  const { clock, source, watcher } = setUp();
  const slow = Promise.withResolvers<NameAnswer>();
  source.set("good.test", ["192.0.2.1"]);
  source.fail("bad.test");
  source.set("slow.test", slow.promise);
  let over = "";
  await watcher.firstAnswers(1_000);
  watcher.watch(new Set(["good.test", "bad.test", "slow.test"]));
  void watcher.firstAnswers(1_000).then(() => (over = `after ${clock.now()} ms`));
  await settle();
  expect(over).toBe("");
  clock.advance(1_000);
  await settle();
  expect(over).toBe("after 1000 ms");
  void watcher.firstAnswers(1_000).then(() => (over = `with ${watcher.addresses("slow.test").join()}`));
  slow.resolve({ kind: "found", addresses: ["192.0.2.7"], ttl_ms: 1_000 });
  await settle();
  expect(over).toBe("with 192.0.2.7");
  watcher.stop();
});

test("after stop nothing is looked up and the source is closed", async () => {
  const { source, watcher, advance } = setUp();
  source.set("web.test", ["192.0.2.1"], 1_000);
  watcher.watch(new Set(["web.test"]));
  await settle();
  watcher.stop();
  await advance(20_000);
  expect([source.lookups.length, source.closed, source.watched]).toEqual([1, true, false]);
});

test("a name has no more addresses than the limit", async () => {
  const { source, watcher } = setUp();
  const many = Array.from({ length: 1_000 }, (_, index) => `10.0.${index >> 8}.${index & 255}`);
  source.set("web.test", many);
  watcher.watch(new Set(["web.test"]));
  await settle();
  expect(watcher.addresses("web.test").length).toBe(MAX_ADDRESSES);
  watcher.stop();
});
