import { expect, test } from "bun:test";
import { ManualClock } from "./clock.ts";
import { NEVER, TICK_MS, Timed, TimerWheel } from "./timer_wheel.ts";

class Recorder extends Timed {
  readonly fired: number[] = [];
  again: ((now: number) => void) | null = null;

  override onDeadline(now: number): void {
    this.fired.push(now);
    this.again?.(now);
  }
}

function fixture() {
  const clock = new ManualClock();
  return { clock, wheel: new TimerWheel(clock), entry: new Recorder() };
}

test("a deadline fires once, never early and at most one tick late", () => {
  for (const delay of [1, 49, 50, 51, 999, 25_600, 25_601, 3_600_000]) {
    const { clock, wheel, entry } = fixture();
    clock.advance(33);
    wheel.after(entry, delay);
    clock.advance(delay + TICK_MS * 2);
    expect(entry.fired.length).toBe(1);
    expect(entry.fired[0]).toBeGreaterThanOrEqual(33 + delay);
    expect(entry.fired[0]).toBeLessThan(33 + delay + TICK_MS * 2);
    expect(wheel.size).toBe(0);
  }
});

test("moving a deadline later is a store, moving it earlier moves the entry", () => {
  const { clock, wheel, entry } = fixture();
  wheel.after(entry, 1_000);
  const tick = entry.wheelTick;
  wheel.after(entry, 5_000);
  expect(entry.wheelTick).toBe(tick);
  clock.advance(2_000);
  expect(entry.fired).toEqual([]);
  wheel.after(entry, 100);
  clock.advance(200);
  expect(entry.fired.length).toBe(1);
});

test("no deadline, a cleared one and a removed one never fire", () => {
  const { clock, wheel, entry } = fixture();
  wheel.after(entry, 0);
  expect(wheel.size).toBe(0);
  wheel.after(entry, 500);
  wheel.clear(entry);
  clock.advance(1_000);
  expect([entry.fired.length, wheel.size]).toEqual([0, 0]);
  wheel.after(entry, 500);
  wheel.after(entry, 0);
  clock.advance(1_000);
  wheel.after(entry, 500);
  wheel.remove(entry);
  expect([wheel.size, entry.deadline]).toEqual([0, NEVER]);
  wheel.remove(entry);
  clock.advance(60_000);
  expect(entry.fired).toEqual([]);
});

test("an entry may set itself again, and remove others, while it fires", () => {
  const { clock, wheel, entry } = fixture();
  const victim = new Recorder();
  entry.again = () => {
    wheel.remove(victim);
    if (entry.fired.length < 3) wheel.after(entry, 100);
  };
  wheel.after(entry, 100);
  wheel.after(victim, 100);
  clock.advance(1_000);
  expect(entry.fired.length).toBe(3);
  expect(victim.fired).toEqual([]);
});

test("a stall of the event loop fires everything that fell due, once", () => {
  let now = 0;
  let tick = () => {};
  const clock = {
    now: () => now,
    wall: () => now,
    every: (_: number, run: () => void) => ((tick = run), () => {}),
  };
  for (const stall of [400, 25_600, 25_650, 26_000, 3_600_000]) {
    const wheel = new TimerWheel(clock);
    const entries = Array.from({ length: 1_000 }, () => new Recorder());
    const start = now;
    for (const [index, entry] of entries.entries()) wheel.after(entry, 10 + index * 70);
    now += stall;
    tick();
    for (const entry of entries) expect(entry.fired.length).toBe(entry.deadline === NEVER ? 1 : 0);
    const waiting = entries.filter((entry) => entry.deadline !== NEVER);
    expect(waiting.every((entry) => entry.deadline > now - TICK_MS)).toBe(true);
    expect(waiting.length).toBe(wheel.size);
    for (; now < start + stall + 80_000; now += TICK_MS) tick();
    expect(entries.every((entry) => entry.fired.length === 1)).toBe(true);
  }
});

test("a deadline whose handler throws is told, and the others of its bucket are met", () => {
  const clock = new ManualClock();
  const told: unknown[] = [];
  const wheel = new TimerWheel(clock, (error) => told.push(error));
  class Broken extends Timed {
    override onDeadline(): void {
      throw new Error("broken");
    }
  }
  const [broken, whole] = [new Broken(), new Recorder()];
  for (const entry of [broken, whole]) wheel.after(entry, 60);
  clock.advance(200);
  expect([told.length, whole.fired.length, wheel.size]).toEqual([1, 1, 0]);
});

test("the interval runs only while entries are there", () => {
  let running = 0;
  const manual = new ManualClock();
  const wheel = new TimerWheel({
    now: () => manual.now(),
    wall: () => manual.wall(),
    every(intervalMs, run) {
      running++;
      const stop = manual.every(intervalMs, run);
      return () => {
        running--;
        stop();
      };
    },
  });
  const entry = new Recorder();
  expect(running).toBe(0);
  wheel.after(entry, 100);
  expect(running).toBe(1);
  manual.advance(1_000);
  expect([running, entry.fired.length]).toEqual([0, 1]);
  manual.advance(3_600_000);
  wheel.afterCoarse(entry, 100);
  manual.advance(1_000);
  expect([running, entry.fired.length]).toEqual([0, 2]);
});

test("against a sorted list: random sets, moves and removals", () => {
  let seed = 7;
  const random = (below: number) => (seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff) % below;
  const { clock, wheel } = fixture();
  const entries = Array.from({ length: 200 }, () => new Recorder());
  const expected = new Map<Recorder, number>();
  for (let step = 0; step < 5_000; step++) {
    const entry = entries[random(entries.length)];
    if (entry === undefined) continue;
    const deadline = clock.now() + 1 + random(40_000);
    if (random(10) === 0) {
      wheel.remove(entry);
      expected.delete(entry);
    } else {
      wheel.set(entry, deadline);
      expected.set(entry, deadline);
    }
    clock.advance(random(40));
    for (const [candidate, due] of expected) {
      const fired = candidate.fired.at(-1);
      if (fired !== undefined && fired >= due) {
        expect(fired - due).toBeLessThan(TICK_MS * 2);
        candidate.fired.length = 0;
        expected.delete(candidate);
      } else expect(due).toBeGreaterThan(clock.now() - TICK_MS * 2);
    }
    expect(entries.every((candidate) => candidate.fired.length === 0)).toBe(true);
  }
});
