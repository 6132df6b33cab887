import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Candidate, mayTake, type Picker } from "./contract.ts";
import { leastTime } from "./least_time.ts";
import { PeakEwma } from "./peak_ewma.ts";
import { seededRandom } from "./random.ts";
import { candidateOf, candidatesOf, pickCounts } from "./test_candidates.ts";

const create = (candidates: readonly Candidate[], previous: Picker | null = null): Picker =>
  leastTime.create(candidates, { decay: 10_000 }, seededRandom(1), previous);

type Changeable = { -readonly [Key in keyof Candidate]: Candidate[Key] };

test("H-J22/ops picks are those of the reference model", () => {
  const load = fc.record({
    weight: fc.integer({ min: 0, max: 5 }),
    in_flight: fc.nat(6),
    latency_ms: fc.constantFrom(0, 1, 4, 50),
    limit: fc.constantFrom(0, 0, 3),
    available: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(load, { maxLength: 8 }), fc.nat(3), (loads, triedCount) => {
      const candidates = loads.map((one, index) => ({ ...one, key: `b${index}` }));
      const tried = candidates.slice(0, triedCount);
      const known = candidates.filter(({ weight, latency_ms }) => weight > 0 && latency_ms > 0);
      const unknown = known.length === 0 ? 1 : Math.min(...known.map(({ latency_ms }) => latency_ms));
      const cost = ({ latency_ms, in_flight, weight }: Candidate) =>
        (latency_ms || unknown) * (1 + in_flight / weight);
      const free = candidates.filter((candidate) => mayTake(candidate, tried));
      const least = Math.min(...free.map(cost));
      const candidate = create(candidates).pick!(0, tried);
      if (free.length === 0) expect(candidate).toBeNull();
      else expect(cost(candidate!)).toBe(least);
    }),
  );
});

test("an idle pool of equal times follows its weights", () => {
  const candidates = candidatesOf(1, 2, 5);
  expect(pickCounts(create(candidates), candidates, 800).map((count) => Math.round(count / 100))).toEqual([
    1, 2, 5,
  ]);
});

/** Requests at a steady rate against backends that take their time, on a clock of the test. Counts by backend. */
function simulate(
  durations: readonly ((now: number) => number)[],
  seconds: number,
  perSecond = 100,
): number[] {
  const members = durations.map((_, index) => ({
    candidate: candidateOf(`b${index}`) as Changeable,
    times: new PeakEwma(10_000),
    picks: 0,
  }));
  const picker = create(members.map(({ candidate }) => candidate));
  let running: { member: (typeof members)[number]; start: number; end: number }[] = [];
  for (let now = 0; now < seconds * 1_000; now += 1_000 / perSecond) {
    for (const { member, start, end } of running.filter((one) => one.end <= now)) {
      member.candidate.in_flight--;
      member.times.observe(end - start, end);
    }
    running = running.filter((one) => one.end > now);
    for (const { candidate, times } of members) candidate.latency_ms = times.at(now);
    const chosen = picker.pick!(0, [])!;
    const index = members.findIndex(({ candidate }) => candidate === chosen);
    const member = members[index]!;
    member.candidate.in_flight++;
    member.picks++;
    running.push({ member, start: now, end: now + durations[index]!(now) });
  }
  return members.map(({ picks }) => picks);
}

test("a slow backend gets little, and never nothing: it is tried again as its time fades", () => {
  const [fast = 0, slow = 0] = simulate([() => 10, () => 200], 120);
  expect(slow).toBeGreaterThan(2);
  expect(fast / slow).toBeGreaterThan(15);
});

test("a backend that becomes slow is left at once, and comes back when it has recovered", () => {
  const stalls = (now: number) => (now > 20_000 && now < 40_000 ? 2_000 : 10);
  const share = (seconds: number) => {
    const [one = 0, other = 0] = simulate([() => 10, stalls], seconds);
    return [one, other] as const;
  };
  const [before, during, after] = [share(20), share(40), share(120)];
  expect(before[1] / before[0]).toBeGreaterThan(0.8);
  expect(during[1] - before[1]).toBeLessThan(60);
  expect((after[1] - during[1]) / (after[0] - during[0])).toBeGreaterThan(0.3);
});

test("a reload keeps the turns", () => {
  const candidates = candidatesOf(1, 1, 1);
  const picker = create(candidates);
  const first = [picker.pick!(0, [])!.key, picker.pick!(0, [])!.key];
  const after = create(candidates, picker).pick!(0, [])!.key;
  expect(new Set([...first, after]).size).toBe(3);
});
