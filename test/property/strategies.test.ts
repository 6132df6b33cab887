/** Strategies against models that are as simple as can be; those of the others stand beside them (`H-J22` in `src`). */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { consistentHash } from "../../src/core/strategies/consistent_hash.ts";
import { hashText } from "../../src/core/strategies/hash.ts";
import { maglevTable } from "../../src/core/strategies/maglev.ts";
import { PeakEwma } from "../../src/core/strategies/peak_ewma.ts";
import { powerOfTwoChoices } from "../../src/core/strategies/power_of_two_choices.ts";
import type { Candidate } from "../../src/core/strategies/contract.ts";
import { rendezvous } from "../../src/core/strategies/rendezvous.ts";
import { candidatesOf } from "../../src/core/strategies/test_candidates.ts";
import { WeightedDraw } from "../../src/core/strategies/weighted_draw.ts";
import { randomSource } from "../fuzz/random_source.ts";

const weight = fc.oneof(fc.constantFrom(0, 1, 2), fc.integer({ min: 1, max: 1_000 }));

/** Turns by looking at everybody each time. */
function naiveMaglev(keys: readonly string[], weights: readonly number[], size: number): number[] {
  const heaviest = Math.max(...weights);
  const members = [...keys.keys()]
    .filter((index) => weights[index]! > 0)
    .sort((one, other) => (keys[one]! < keys[other]! ? -1 : 1))
    .map((index, order) => ({ index, taken: 0, round: 0, order }));
  const table = Array<number>(size).fill(-1);
  for (let filled = 0, asked = members.length; filled < size && members.length > 0; filled++) {
    const turn = members.reduce((first, member) =>
      member.round < first.round || (member.round === first.round && member.order < first.order)
        ? member
        : first,
    );
    const key = keys[turn.index]!;
    const skip = (hashText(key, 0x65766c62) % (size - 1)) + 1;
    let slot = hashText(key, 0x6d61676c) % size;
    while (table[slot] !== -1) slot = (slot + skip) % size;
    table[slot] = turn.index;
    turn.taken++;
    turn.round = Math.ceil(turn.taken * (heaviest / weights[turn.index]!));
    turn.order = asked++;
  }
  return table;
}

test("H-J22/maglev tables are those of the model, whatever the weights are", () => {
  fc.assert(
    fc.property(
      fc.array(weight, { minLength: 1, maxLength: 12 }),
      fc.constantFrom(13, 101, 251),
      (weights, size) => {
        const keys = weights.map((_, index) => `b${(index * 7) % 12}.${index}`);
        expect([...maglevTable(keys, weights, size)]).toEqual(naiveMaglev(keys, weights, size));
      },
    ),
    { numRuns: 300 },
  );
});

function candidates(weights: readonly number[], loads: readonly number[] = []): Candidate[] {
  const all = candidatesOf(...weights);
  return all.map((candidate, index) => ({ ...candidate, in_flight: loads[index] ?? 0 }));
}

test("H-J22/consistent_hash a key goes to its slot, else to the best by rendezvous, within the bound of the load", () => {
  const SLOTS = 65_521;
  const member = fc.record({ share: weight, load: fc.nat(4), limit: fc.nat(4), available: fc.boolean() });
  const keys = fc.array(fc.nat({ max: 2 ** 32 - 1 }), { minLength: 20, maxLength: 20 });
  fc.assert(
    fc.property(
      fc.array(member, { maxLength: 6 }),
      keys,
      fc.constantFrom(0, 1, 1.25, 2),
      (members, hashes, factor) => {
        const all = candidates(members.map(({ share }) => share)).map((candidate, index) => ({
          ...candidate,
          in_flight: members[index]!.load,
          limit: members[index]!.limit,
          available: members[index]!.available,
        }));
        const picker = consistentHash.create(all, { load_factor: factor }, () => 0, null);
        const ranking = rendezvous.create(all, {}, () => 0, null);
        const weights = all.map((one) => one.weight);
        const table = maglevTable(
          all.map(({ key }) => key),
          weights,
          SLOTS,
        );
        const serving = all.filter((one) => one.available && one.weight > 0);
        const load = 1 + serving.reduce((sum, one) => sum + one.in_flight, 0);
        const total = serving.reduce((sum, one) => sum + one.weight, 0);
        const free = (one: Candidate) =>
          serving.includes(one as never) && (one.limit === 0 || one.in_flight < one.limit);
        const isLight = (one: Candidate) =>
          factor === 0 || one.in_flight === 0 || one.in_flight < ((factor * load) / total) * one.weight;
        for (const hash of hashes) {
          const own = all[table[Math.floor((hash * SLOTS) / 2 ** 32)]!];
          const others = ranking.order!(hash);
          const list = own === undefined ? [] : [own, ...others];
          const expected = list.find((one) => free(one) && isLight(one)) ?? others.find(free) ?? null;
          expect(picker.pick!(hash, [])?.key ?? null).toBe(expected?.key ?? null);
        }
      },
    ),
    { numRuns: 80 },
  );
}, 30_000);

test("H-J22/weighted_draw each is drawn with exactly its share of the weight", () => {
  fc.assert(
    fc.property(fc.array(weight, { minLength: 1, maxLength: 8 }), (weights) => {
      const all = candidates(weights);
      const total = weights.reduce((sum, one) => sum + one, 0);
      const columns = weights.filter((one) => one > 0).length;
      // All that chance can say, on a grid: a column, and a place in it.
      const STEPS = 500;
      const drawn = new Map<string, number>();
      for (let column = 0; column < columns; column++)
        for (let step = 0; step < STEPS; step++) {
          const numbers = [(column + 0.5) / columns, (step + 0.5) / STEPS];
          const found = new WeightedDraw(all, () => numbers.shift() ?? 0).draw([], null)!;
          drawn.set(found.key, (drawn.get(found.key) ?? 0) + 1);
        }
      for (const { key, weight: share } of all) {
        const part = (drawn.get(key) ?? 0) / (columns * STEPS);
        if (columns > 0) expect(Math.abs(part - share / total)).toBeLessThan(1.01 / STEPS);
      }
      if (columns === 0) expect(new WeightedDraw(all, () => 0.5).draw([], null)).toBeNull();
    }),
    { numRuns: 25 },
  );
});

/** Numbers from 0 to 1, the same for the same seed. */
function numbersOf(seed: number): () => number {
  const source = randomSource(seed);
  return () => source.below(2 ** 30) / 2 ** 30;
}

test("H-J22/power_of_two_choices of two that are drawn the one with less load for its weight is taken", () => {
  const pools = fc.array(fc.tuple(weight, fc.nat(5)), { maxLength: 6 });
  fc.assert(
    fc.property(pools, fc.integer(), (pool, seed) => {
      const all = candidates(
        pool.map(([share]) => share),
        pool.map(([, load]) => load),
      );
      const ours = numbersOf(seed);
      const same = numbersOf(seed);
      const picker = powerOfTwoChoices.create(all, {}, ours, null);
      const draw = new WeightedDraw(all, same);
      for (let pick = 0; pick < 5; pick++) {
        const first = draw.draw([], null);
        let expected = first;
        if (first !== null && first.in_flight > 0) {
          const second = draw.draw([], first);
          if (second !== null && second.in_flight / second.weight < first.in_flight / first.weight)
            expected = second;
        }
        expect(picker.pick!(0, []) as unknown).toBe(expected);
      }
    }),
    { numRuns: 300 },
  );
});

test("H-J22/peak_ewma the average is that of the model, which fades millisecond by millisecond", () => {
  const DECAY = 50;
  const samples = fc.array(fc.tuple(fc.nat(200), fc.nat(120)), { maxLength: 30 });
  fc.assert(
    fc.property(samples, (list) => {
      const average = new PeakEwma(DECAY);
      let now = 0;
      /** What is left of the value, and how much of a new time the fading makes room for. */
      let value = 0;
      for (const [duration, gap] of list) {
        let share = 1;
        for (let ms = 0; ms < gap; ms++) share *= Math.exp(-1 / DECAY);
        now += gap;
        const faded = value * share < 0.01 ? 0 : value * share;
        expect(Math.abs(average.at(now) - faded)).toBeLessThan(0.011);
        value = duration >= faded ? duration : value * share + duration * (1 - share);
        average.observe(duration, now);
        expect(Math.abs(average.at(now) - (value < 0.01 ? 0 : value))).toBeLessThan(0.011);
      }
    }),
  );
});
