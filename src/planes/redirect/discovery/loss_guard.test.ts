import { expect, test } from "bun:test";
import { DEFAULT_REDIRECT } from "../../../core/defaults.ts";
import type { Host } from "../../../core/redirect/hosts.ts";
import { ManualClock } from "../../../platform/clock.ts";
import { LossGuard } from "./loss_guard.ts";

const STACK = "/EU/z1/1.0/a1";

function hostOf(number: number, name = `h${number}`): Host {
  return { key: `${STACK}/${name}`, ipv4: `10.0.0.${number}`, ipv6: null, weight: 5 };
}

function guardOf(hosts: number, max_loss: number = DEFAULT_REDIRECT.discovery.max_loss) {
  const clock = new ManualClock();
  const guard = new LossGuard({ max_loss, grace_ms: 60_000 }, clock);
  const add = (...numbers: number[]) => {
    for (const number of numbers) guard.add(STACK, hostOf(number));
    guard.settle();
  };
  const remove = (...numbers: number[]) => {
    for (const number of numbers) guard.remove(STACK, hostOf(number).key);
    guard.settle();
  };
  const usable = () => {
    guard.settle();
    return guard.usable(STACK).map(({ ipv4 }) => Number(ipv4!.slice(7)));
  };
  guard.recovered();
  add(...Array.from({ length: hosts }, (_, index) => index + 1));
  return { clock, guard, add, remove, usable };
}

test("RD155 a host that unregisters alone goes at once, also the last one", () => {
  const { clock, remove, usable, guard } = guardOf(3);
  for (const [number, left] of [
    [1, [2, 3]],
    [2, [3]],
    [3, []],
  ] as const) {
    remove(number);
    expect(usable()).toEqual([...left]);
    clock.advance(1_000);
  }
  guard.settle();
  expect([guard.graces, [...guard.stacks]]).toEqual([[], []]);
});

test("RD155 more than half within a second stay usable for the grace, and say so", () => {
  const { clock, remove, usable, guard } = guardOf(5);
  remove(1, 2, 3);
  expect(usable()).toEqual([1, 2, 3, 4, 5]);
  clock.advance(20_000);
  expect(guard.graces).toEqual([{ stack: STACK, hosts: 3, reason: "many at once", ends_in_ms: 40_000 }]);
  clock.advance(39_999);
  expect(usable()).toEqual([1, 2, 3, 4, 5]);
  clock.advance(1);
  expect(usable()).toEqual([4, 5]);
  expect(guard.graces).toEqual([]);
});

test("RD155 half of them, or as many in more than a second, go at once", () => {
  const half = guardOf(4);
  half.remove(1, 2);
  expect(half.usable()).toEqual([3, 4]);
  const slow = guardOf(6);
  for (const number of [1, 2, 3, 4, 5]) {
    slow.remove(number);
    slow.clock.advance(500);
  }
  // Only the last two, of three, were more than half within a second.
  expect(slow.usable()).toEqual([4, 5, 6]);
  expect(slow.guard.graces[0]).toMatchObject({ hosts: 2, reason: "many at once" });
});

test("RD155 those that had gone a moment before come back when too many follow", () => {
  const { clock, remove, usable } = guardOf(4);
  remove(1);
  expect(usable()).toEqual([2, 3, 4]);
  clock.advance(300);
  remove(2);
  expect(usable()).toEqual([3, 4]);
  clock.advance(300);
  remove(3);
  expect(usable()).toEqual([1, 2, 3, 4]);
});

test("RD155 a share of 1 keeps nothing, a share of 0 whatever does not go alone", () => {
  const never = guardOf(4, 1);
  never.remove(1, 2, 3, 4);
  expect(never.usable()).toEqual([]);
  const always = guardOf(100, 0);
  always.remove(1, 2);
  expect(always.usable().length).toBe(100);
});

test("RD155 hosts that come back end their grace, under another name too", () => {
  const { clock, guard, add, remove, usable } = guardOf(4);
  remove(1, 2, 3, 4);
  expect(usable()).toEqual([1, 2, 3, 4]);
  clock.advance(200);
  add(1);
  guard.add(STACK, hostOf(2, "another"));
  expect(usable()).toEqual([2, 1, 3, 4]);
  expect(guard.graces).toMatchObject([{ hosts: 2 }]);
  clock.advance(60_000);
  expect(usable()).toEqual([2, 1]);
});

test("RD155 after an outage those that are gone stay, even one; a host that came anew since goes at once", () => {
  const { clock, guard, add, remove, usable } = guardOf(5);
  clock.advance(100_000);
  guard.recovered();
  clock.advance(5_000);
  guard.listed();
  remove(1);
  expect(guard.graces).toEqual([{ stack: STACK, hosts: 1, reason: "store outage", ends_in_ms: 60_000 }]);
  clock.advance(30_000);
  remove(2);
  expect(usable()).toEqual([1, 2, 3, 4, 5]);
  expect(guard.graces).toMatchObject([{ hosts: 2, ends_in_ms: 30_000 }]);
  add(1);
  expect(guard.graces).toMatchObject([{ hosts: 1 }]);
  clock.advance(2_000);
  remove(1);
  expect(usable()).toEqual([2, 3, 4, 5]);
  clock.advance(28_000);
  expect(usable()).toEqual([3, 4, 5]);
  remove(3);
  expect(usable()).toEqual([4, 5]);
});

test("RD155 what is below a deleted node goes at once, in its grace too", () => {
  const { guard, remove, usable } = guardOf(4);
  const other = "/EU/z1/1.0/a10";
  guard.add(other, { ...hostOf(9), key: `${other}/h9` });
  remove(1, 2, 3, 4);
  expect(usable()).toEqual([1, 2, 3, 4]);
  guard.dropBelow(STACK);
  expect(usable()).toEqual([]);
  expect([...guard.stacks]).toEqual([other]);
  guard.dropBelow("/EU");
  expect([...guard.stacks]).toEqual([]);
});

test("a host that moves to another name is not kept beside itself", () => {
  const { clock, guard, remove, usable } = guardOf(3);
  for (const number of [1, 2, 3]) guard.add(STACK, hostOf(number, `new${number}`));
  clock.advance(5_000);
  guard.recovered();
  remove(1, 2, 3);
  expect(usable()).toEqual([1, 2, 3]);
  expect(guard.graces).toEqual([]);
});
