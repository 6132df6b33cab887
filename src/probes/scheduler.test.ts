import { expect, test } from "bun:test";
import { ManualClock, type Clock } from "../platform/clock.ts";
import { socketAddress } from "../platform/socket_address.ts";
import { TICK_MS } from "../platform/timer_wheel.ts";
import type { Check, ProbeResult } from "./contract.ts";
import { ProbeScheduler, STARTS_PER_TURN, type Scheduled } from "./scheduler.ts";

const address = socketAddress({ kind: "tcp", host: "127.0.0.1", port: 9 });
const GOOD: ProbeResult = { healthy: true, reason: "good" };

/** A check that ends when the test says so, or at once with `answer`. */
class FakeCheck implements Check {
  readonly starts: number[] = [];
  open: ((result: ProbeResult) => void)[] = [];
  most = 0;
  readonly #clock: ManualClock;
  readonly #answer: ProbeResult | null;

  constructor(clock: ManualClock, answer: ProbeResult | null = null) {
    this.#clock = clock;
    this.#answer = answer;
  }

  start(_: unknown, done: (result: ProbeResult) => void): () => void {
    this.starts.push(this.#clock.now());
    if (this.#answer !== null) done(this.#answer);
    else this.open.push(done);
    this.most = Math.max(this.most, this.open.length);
    return () => {
      this.open = this.open.filter((one) => one !== done);
    };
  }

  finish(result: ProbeResult = GOOD): void {
    const { open } = this;
    this.open = [];
    for (const done of open) done(result);
  }
}

function member(
  id: string,
  check: Check,
  timing: Partial<Scheduled["timing"]> = {},
  settings = "",
): Scheduled {
  return {
    id,
    settings,
    check,
    address,
    timing: { interval_ms: 1_000, timeout_ms: 300, jitter: 0, ...timing },
  };
}

function setUp(random: () => number = () => 1 - 2 ** -53, maxRunning?: number) {
  const clock = new ManualClock();
  const results: [string, boolean, string, number][] = [];
  const scheduler = new ProbeScheduler({
    clock,
    random,
    result: (id, { healthy, reason }) => results.push([id, healthy, reason, clock.now()]),
    ...(maxRunning === undefined ? {} : { maxRunning }),
  });
  return { clock, results, scheduler };
}

/** A seeded source (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

test("probes follow each other by the interval, from start to start", () => {
  const { clock, results, scheduler } = setUp();
  const check = new FakeCheck(clock, GOOD);
  scheduler.update([member("a", check)]);
  expect(results).toEqual([["a", true, "good", 0]]);
  clock.advance(5_500);
  expect(check.starts).toEqual([0, 1_000, 2_000, 3_000, 4_000, 5_000]);
  scheduler.stop();
});

test("H-H5/jitter stretches each interval by up to its share, and never shortens it", () => {
  const { clock, scheduler } = setUp(seeded(7));
  const check = new FakeCheck(clock, GOOD);
  scheduler.update([member("a", check, { jitter: 0.2 })]);
  clock.advance(200_000);
  const gaps = check.starts.slice(2).map((at, index) => at - check.starts[index + 1]!);
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1_000);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(1_200 + TICK_MS);
  expect(new Set(gaps).size).toBeGreaterThan(3);
  scheduler.stop();
});

test("H-H6/scheduler a probe that does not end is ended at its timeout, and the next one waits for the interval", () => {
  const { clock, results, scheduler } = setUp();
  const check = new FakeCheck(clock);
  scheduler.update([member("a", check)]);
  clock.advance(299);
  expect([check.open.length, scheduler.running]).toEqual([1, 1]);
  clock.advance(TICK_MS);
  expect(results).toEqual([["a", false, "no answer within 300ms", 300]]);
  expect([check.open.length, scheduler.running]).toEqual([0, 0]);
  clock.advance(700);
  expect(check.starts).toEqual([0, 1_000]);
  scheduler.stop();
});

test("probes of a member never overlap: one that takes longer than the interval is followed at once", () => {
  const { clock, results, scheduler } = setUp();
  const check = new FakeCheck(clock);
  scheduler.update([member("a", check, { interval_ms: 100, timeout_ms: 450 })]);
  clock.advance(2_000);
  expect(check.most).toBe(1);
  expect(results.map(([, , , at]) => at)).toEqual([450, 950, 1_450, 1_950]);
  scheduler.stop();
});

test("a late answer of a probe that was ended counts for nothing", () => {
  const { clock, results, scheduler } = setUp();
  const kept: ((result: ProbeResult) => void)[] = [];
  const check: Check = {
    start(_, done) {
      kept.push(done);
      return () => {};
    },
  };
  scheduler.update([member("a", check)]);
  clock.advance(350);
  kept[0]!(GOOD);
  expect(results).toEqual([["a", false, "no answer within 300ms", 300]]);
  scheduler.stop();
});

test("H-H7/scheduler 1,000 members: first probes at once, no more than the limit, then spread over the interval", () => {
  const { clock, results, scheduler } = setUp(seeded(1), 256);
  const checks = Array.from({ length: 1_000 }, () => new FakeCheck(clock));
  const open = () => checks.reduce((sum, { open: list }) => sum + list.length, 0);
  scheduler.update(checks.map((check, index) => member(`m${index}`, check, { interval_ms: 10_000 })));
  let most = 0;
  for (let round = 0; results.length < 1_000 && round < 10; round++) {
    most = Math.max(most, open(), scheduler.running);
    for (const check of checks) check.finish();
  }
  expect([results.length, most, clock.now()]).toEqual([1_000, 256, 0]);
  const second: number[] = [];
  for (let at = 0; at < 10_050; at += TICK_MS) {
    clock.advance(TICK_MS);
    for (const check of checks)
      if (check.open.length > 0 && check.starts.length === 2) second.push(clock.now());
    for (const check of checks) check.finish();
  }
  expect(second.length).toBe(1_000);
  const perSecond = Array.from({ length: 10 }, () => 0);
  for (const at of second) perSecond[Math.min(9, Math.floor(at / 1_000))]!++;
  // Binomial with n = 1000, p = 0.1: the standard deviation is 9.5.
  for (const count of perSecond) expect(Math.abs(count - 100)).toBeLessThan(50);
  scheduler.stop();
});

test("a hanging member keeps its place only until its timeout, and the line moves on", () => {
  const { clock, results, scheduler } = setUp(() => 0.5, 2);
  const hanging = new FakeCheck(clock);
  const good = new FakeCheck(clock, GOOD);
  scheduler.update(["a", "b", "c", "d"].map((id) => member(id, id < "c" ? hanging : good)));
  expect(results).toEqual([]);
  clock.advance(350);
  expect(results.map(([id]) => id).toSorted()).toEqual(["a", "b", "c", "d"]);
  expect(scheduler.running).toBe(0);
  scheduler.stop();
});

test("1,000 members that fail at once do not nest", () => {
  const { clock, results, scheduler } = setUp(() => 0.5, 1);
  const refused = new FakeCheck(clock, { healthy: false, reason: "refused" });
  scheduler.update(Array.from({ length: 1_000 }, (_, index) => member(`m${index}`, refused)));
  expect(results.length).toBe(1_000);
  scheduler.stop();
});

test("H-H10/scheduler an unchanged member keeps its rhythm and its probe over an update, a changed one starts anew", () => {
  const { clock, results, scheduler } = setUp();
  const [kept, changed, removed] = [new FakeCheck(clock), new FakeCheck(clock), new FakeCheck(clock)];
  scheduler.update([member("kept", kept), member("changed", changed), member("removed", removed)]);
  clock.advance(100);
  const fresh = new FakeCheck(clock);
  scheduler.update([member("changed", fresh, {}, "other"), member("kept", new FakeCheck(clock))]);
  expect([kept, changed, removed, fresh].map(({ open }) => open.length)).toEqual([1, 0, 0, 1]);
  kept.finish();
  expect(results).toEqual([["kept", true, "good", 100]]);
  fresh.finish();
  clock.advance(1_000);
  expect([kept.starts, changed.starts, removed.starts, fresh.starts]).toEqual([
    [0, 1_000],
    [0],
    [0],
    [100, 1_100],
  ]);
  scheduler.stop();
});

test("after stop nothing is open, nothing runs and nothing starts", () => {
  const { clock, results, scheduler } = setUp(() => 0.5, 1);
  const check = new FakeCheck(clock);
  scheduler.update([member("a", check), member("b", check)]);
  expect(check.open.length).toBe(1);
  scheduler.stop();
  expect([check.open.length, scheduler.running]).toEqual([0, 0]);
  clock.advance(10_000);
  expect([check.starts.length, results.length]).toEqual([1, 0]);
});

test("a check that throws is a failed probe", () => {
  const { clock, results, scheduler } = setUp();
  const check: Check = {
    start() {
      throw new Error("no descriptor left");
    },
  };
  scheduler.update([member("a", check)]);
  expect(results).toEqual([["a", false, "the probe failed: no descriptor left", 0]]);
  clock.advance(1_050);
  expect(results.length).toBe(2);
  scheduler.stop();
});

test("many probes start in several turns, and all of them run", () => {
  const clock = new ManualClock();
  const turns: (() => void)[] = [];
  const check = new FakeCheck(clock, GOOD);
  const scheduler = new ProbeScheduler({
    clock,
    random: () => 0.5,
    result: () => {},
    nextTurn: (run) => turns.push(run),
  });
  const count = 2 * STARTS_PER_TURN + 1;
  scheduler.update(Array.from({ length: count }, (_, id) => member(String(id), check)));
  expect(check.starts.length).toBe(STARTS_PER_TURN);
  turns.shift()!();
  expect(check.starts.length).toBe(2 * STARTS_PER_TURN);
  turns.shift()!();
  expect(check.starts.length).toBe(count);
  expect(turns.length).toBe(0);
  scheduler.stop();
});

test("the lateness of ticks does not add up", () => {
  const { clock, scheduler } = setUp();
  const check = new FakeCheck(clock, GOOD);
  // Never a multiple of a tick: each probe is late by a part of one.
  scheduler.update([member("a", check, { interval_ms: 1_010 })]);
  clock.advance(101 * 1_010 + TICK_MS);
  expect(check.starts.length).toBe(102);
  scheduler.stop();
});

test("HF45 1,000 probes that time out use one timer, and none is left behind them", () => {
  const clock = new ManualClock();
  let timers = 0;
  let most = 0;
  const counting: Clock = {
    now: () => clock.now(),
    wall: () => clock.wall(),
    every(ms, run) {
      most = Math.max(most, ++timers);
      const stop = clock.every(ms, run);
      return () => {
        timers--;
        stop();
      };
    },
  };
  let failed = 0;
  const result = (_: string, found: ProbeResult): void => void (failed += found.healthy ? 0 : 1);
  const scheduler = new ProbeScheduler({ clock: counting, random: () => 0.5, result });
  const check = new FakeCheck(clock);
  scheduler.update(Array.from({ length: 10 }, (_, index) => member(`m${index}`, check)));
  clock.advance(101_000);
  expect(failed).toBeGreaterThanOrEqual(1_000);
  expect([most, check.most]).toEqual([1, 10]);
  scheduler.stop();
  expect([timers, check.open.length, scheduler.running]).toEqual([0, 0, 0]);
});
