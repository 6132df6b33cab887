import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Health } from "../model.ts";
import { PoolStanding, type AvailabilityRules, type MemberState } from "./availability.ts";

const WORDS: Readonly<Record<string, Health>> = { h: "healthy", u: "unhealthy", "?": "unknown" };
const RULES: AvailabilityRules = { checked: true, on_all_down: "refuse", panic_threshold: 0 };

/**
 * Who serves, as positions of those that may, and how the pool stands. Members are written as the first letter of their
 * health, in brackets for last resort, with `-` behind for one that is not active, `0` for one without weight.
 */
function serving(text: string, rules: Partial<AvailabilityRules> = {}): string {
  const members = [...text.matchAll(/(\[?)([hu?])\]?([-0]?)/g)].map(
    ([, bracket, letter, mark]): MemberState => ({
      health: WORDS[letter!]!,
      weight: mark === "0" ? 0 : 1,
      active: mark !== "-",
      last_resort: bracket === "[",
    }),
  );
  const { condition, available } = new PoolStanding(members, { ...RULES, ...rules });
  return `${available.map((may, index) => (may ? index : "")).join("")} ${condition}`;
}

test("H-H11/availability unknown members wait while somebody is healthy, and serve while nobody is", () => {
  expect(serving("h?u")).toBe("0 serving");
  expect(serving("??u")).toBe("01 serving");
  expect(serving("h0?")).toBe("01 serving");
  expect(serving("h-?")).toBe("1 serving");
});

test("unhealthy members do not serve, nor do drained ones; without a check everybody else does", () => {
  expect(serving("uu")).toBe(" down");
  expect(serving("h-u")).toBe(" down");
  expect(serving("hu?u-", { checked: false })).toBe("012 serving");
});

test("H-H9/last resort members of last resort come in when no other may serve, and go again", () => {
  expect(serving("hu[h]")).toBe("0 serving");
  expect(serving("uu[h][u]")).toBe("2 last_resort");
  expect(serving("uu[?]")).toBe("2 last_resort");
  expect(serving("uu[u]")).toBe(" down");
  expect(serving("u-[h]", { checked: false })).toBe("1 last_resort");
  expect(serving("?u[h]")).toBe("0 serving");
});

test("H-H9/panic with on_all_down panic all serve when nobody may, but for drained ones", () => {
  expect(serving("uu-[u]", { on_all_down: "panic" })).toBe("02 panic");
  expect(serving("uu[h]", { on_all_down: "panic" })).toBe("2 last_resort");
  expect(serving("u-", { on_all_down: "panic" })).toBe(" down");
});

test("below the panic threshold health is not looked at; unknown members count as well, last resort not at all", () => {
  expect(serving("huuu", { panic_threshold: 0.5 })).toBe("0123 panic");
  expect(serving("hhuu", { panic_threshold: 0.5 })).toBe("01 serving");
  expect(serving("h??u", { panic_threshold: 0.5 })).toBe("0 serving");
  expect(serving("huu-u-", { panic_threshold: 0.5 })).toBe("0 serving");
  expect(serving("uu[h]", { panic_threshold: 0.5 })).toBe("01 panic");
});

const someHealth = fc.constantFrom<Health>("healthy", "unhealthy", "unknown");
const someMembers = fc.array(
  fc.record({
    health: someHealth,
    weight: fc.constantFrom(0, 1, 3),
    active: fc.boolean(),
    last_resort: fc.boolean(),
  }),
  { maxLength: 6 },
);
const someRules = fc.record({
  checked: fc.boolean(),
  on_all_down: fc.constantFrom("refuse" as const, "panic" as const),
  panic_threshold: fc.constantFrom(0, 0.3, 1),
});

test("nobody who is not active is ever chosen, and a pool is down only when nobody with weight is", () => {
  fc.assert(
    fc.property(someMembers, someRules, (members, rules) => {
      const { condition, available } = new PoolStanding(members, rules);
      const chosen = members.filter((_, index) => available[index]);
      expect(chosen.every(({ active }) => active)).toBe(true);
      expect(condition === "down").toBe(!chosen.some(({ weight }) => weight > 0));
    }),
  );
});

/** The rules in the words of the documentation, looked at anew each time. */
function judged(members: readonly MemberState[], rules: AvailabilityRules) {
  const may = (group: readonly MemberState[]): MemberState[] => {
    if (!rules.checked) return [...group];
    const anyHealthy = group.some(({ health, weight }) => health === "healthy" && weight > 0);
    return group.filter(({ health }) => health === "healthy" || (health === "unknown" && !anyHealthy));
  };
  const weighted = (group: readonly MemberState[]) => group.filter(({ weight }) => weight > 0);
  const active = members.filter((member) => member.active);
  const regular = active.filter((member) => !member.last_resort);
  const well = weighted(regular).filter(({ health }) => health !== "unhealthy").length;
  const share = well / weighted(regular).length;
  if (rules.checked && rules.panic_threshold > 0 && share < rules.panic_threshold)
    return { condition: "panic", chosen: regular };
  if (weighted(may(regular)).length > 0) return { condition: "serving", chosen: may(regular) };
  const spare = may(active.filter((member) => member.last_resort));
  if (weighted(spare).length > 0) return { condition: "last_resort", chosen: spare };
  if (rules.on_all_down === "panic" && weighted(active).length > 0)
    return { condition: "panic", chosen: active };
  return { condition: "down", chosen: may(regular) };
}

test("H-J22/ops change by change it stands as if it were looked at anew, and says when a change matters to others", () => {
  const changes = fc.array(fc.record({ at: fc.nat(5), health: someHealth }), { maxLength: 20 });
  fc.assert(
    fc.property(someMembers, someRules, changes, (given, rules, list) => {
      const members = given.map((member) => ({ ...member }));
      const standing = new PoolStanding(given, rules);
      for (const { at, health } of [{ at: 9, health: "unknown" as Health }, ...list]) {
        const before = standing.available;
        let matters = false;
        if (at < members.length) {
          members[at]!.health = health;
          matters = standing.setHealth(at, health);
        }
        const { condition, chosen } = judged(members, rules);
        expect(standing.condition as string).toBe(condition);
        expect(standing.available).toEqual(members.map((member) => chosen.includes(member)));
        expect(standing.available).toEqual(members.map((_, index) => standing.isAvailable(index)));
        if (!matters)
          for (const [index, was] of before.entries())
            if (index !== at) expect(standing.isAvailable(index)).toBe(was);
      }
    }),
  );
});

test("without a check no health counts, also not one that a plan before has left", () => {
  const member: MemberState = { health: "unhealthy", weight: 1, active: true, last_resort: false };
  const health = (checked: boolean) => new PoolStanding([member], { ...RULES, checked }).healthOf(0);
  expect([health(true), health(false)]).toEqual(["unhealthy", "unknown"]);
});
