/** Zones in front of every strategy. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { strategies, strategyByName } from "./all.ts";
import { strategyParts } from "./all_parts.ts";
import { Balancer, zonesOf } from "./balancer.ts";
import { type Candidate, mayTake, type Picker, type Strategy } from "./contract.ts";
import { mix } from "./hash.ts";
import { holdsBack } from "./slow_start.ts";
import { seededRandom } from "./random.ts";
import { candidateOf, candidatesOf, picked, sum, worstDeviation } from "./test_candidates.ts";

const SIZE = 65_521;

/** Candidates are named `zone/number`. */
const zoneOf = ({ key }: Candidate): string | null => key.split("/")[0]! || null;

const optionsOf = ({ name }: Strategy): unknown =>
  strategyParts.find((part) => part.name === name)!.schema.parse({});

function balancer(strategy: Strategy, candidates: readonly Candidate[], before: Balancer | null = null) {
  const zones = zonesOf(candidates, zoneOf, { local: "a", order: ["b"] });
  return new Balancer(strategy, optionsOf(strategy), zones, seededRandom(1), before);
}

/** `zone/0`, `zone/1`, … with these weights. */
const zone = (name: string, ...weights: readonly number[]): Candidate[] =>
  weights.map((weight, index) => candidateOf(`${name}/${index}`, weight));

/** How many of so many picks go to each zone. */
function zoneCounts(picker: Picker, rounds: number): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let round = 0; round < rounds; round++) {
    const name = zoneOf(picked(picker, mix(round))) ?? "";
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

test("zones stand nearest first, others and those without one together at the end; empty ones are left out", () => {
  const candidates = [...zone("c", 1), ...zone("", 1), ...zone("a", 1, 1), ...zone("d", 1)];
  const found = zonesOf(candidates, zoneOf, { local: "a", order: ["b", "d"] });
  expect(found.map(({ name, candidates: members }) => [name, members.map(({ key }) => key)])).toEqual([
    ["a", ["a/0", "a/1"]],
    ["d", ["d/0"]],
    ["", ["c/0", "/0"]],
  ]);
  expect(found.map(({ places }) => places)).toEqual([[2, 3], [4], [0, 1]]);
  expect(zonesOf([], zoneOf, { local: "a", order: [] })).toEqual([{ name: "", candidates: [], places: [] }]);
});

test("a pool with one zone asks the strategy's own picker", () => {
  const candidates = zone("a", 1, 2);
  const { picker } = balancer(strategyByName("round_robin")!, candidates);
  expect(picker.constructor.name).toBe("RoundRobinPicker");
});

test("over a reload each zone keeps its position", () => {
  const strategy = strategyByName("round_robin")!;
  const candidates = [...zone("a", 1, 1, 1), ...zone("b", 1, 1)];
  const before = balancer(strategy, candidates);
  const without = balancer(strategy, candidates);
  for (let round = 0; round < 5; round++) expect(picked(before.picker).key).toBe(picked(without.picker).key);
  const after = balancer(strategy, candidates, before);
  for (let round = 0; round < 7; round++) expect(picked(after.picker).key).toBe(picked(without.picker).key);
});

describe.each(strategies.map((strategy) => [strategy.name, strategy] as const))("%s", (_name, strategy) => {
  test("all traffic stays local, or is split by the shares: exactly, or by the key", () => {
    const candidates = [...zone("a", 1, 2), ...zone("b", 3, 1), ...zone("c", 5)];
    const balanced = balancer(strategy, candidates);
    expect(zoneCounts(balanced.picker, 500)).toEqual({ a: 500 });
    balanced.setShares([0.5, 0.3, 0.2]);
    const counts = zoneCounts(balanced.picker, 10_000);
    if (strategy.keyed) {
      const found = ["a", "b", "c"].map((key) => counts[key]!);
      expect(worstDeviation(found, [5, 3, 2])).toBeLessThan(4);
    } else expect(counts).toEqual({ a: 5_000, b: 3_000, c: 2_000 });
  });

  test("inside a zone the strategy decides as it does alone", () => {
    const candidates = [...zone("a", 1, 2), ...zone("b", 1)];
    const alone = strategy.create(candidates.slice(0, 2), optionsOf(strategy), seededRandom(1), null);
    const { picker } = balancer(strategy, candidates);
    for (let round = 0; round < 300; round++)
      expect(picked(picker, mix(round)).key).toBe(picked(alone, mix(round)).key);
  });

  test("a zone that is full, or has been tried, passes the request on, nearest first", () => {
    const candidates = [candidateOf("a/0", 1, 1), ...zone("b", 1), ...zone("c", 1)];
    const { picker } = balancer(strategy, candidates);
    const [local, next, last] = candidates as [Candidate, Candidate, Candidate];
    expect(picker.pick!(7, [])).toBe(local);
    expect(picker.pick!(7, [local])).toBe(next);
    expect(picker.pick!(7, [local, next])).toBe(last);
    expect(picker.pick!(7, candidates)).toBeNull();
    local.in_flight = 1;
    expect(picker.pick!(7, [])).toBe(next);
    next.available = false;
    expect(picker.pick!(7, [])).toBe(last);
  });

  const someCandidates = fc.array(
    fc.record({
      place: fc.constantFrom("a", "b", "c", ""),
      weight: fc.integer({ min: 0, max: 3 }),
      available: fc.boolean(),
      in_flight: fc.nat(3),
      latency_ms: fc.constantFrom(0, 5),
      limit: fc.constantFrom(0, 0, 2),
    }),
    { maxLength: 8 },
  );

  test("whoever may take a request is found, whatever the shares are, and nobody else", () => {
    const someShares = fc.array(fc.constantFrom(0, 1, 2, 5), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(someCandidates, someShares, fc.nat(), fc.nat(3), (given, parts, hash, count) => {
        const candidates = given.map(({ place, ...rest }, index) => ({ ...rest, key: `${place}/${index}` }));
        const made = balancer(strategy, candidates);
        const { zoneCount } = made;
        const own = parts.slice(0, zoneCount);
        made.setShares(own.map((part) => (sum(own) === 0 ? 0 : part / sum(own))));
        const tried = candidates.slice(0, count);
        for (let round = 0; round < 4; round++) {
          const candidate = made.picker.pick!(mix(hash + round), tried);
          const allowed = candidates.filter((one) => mayTake(one, tried));
          if (allowed.length === 0) expect(candidate).toBeNull();
          else expect(allowed).toContain(candidate as (typeof candidates)[number]);
        }
      }),
    );
  });

  if (strategy.keyed) {
    test("a key changes its zone only when the shares say so", () => {
      const candidates = [...zone("a", 1, 1), ...zone("b", 1, 1), ...zone("c", 1)];
      const made = balancer(strategy, candidates);
      const of = (shares: readonly number[]): string[] => {
        made.setShares(shares);
        return Array.from({ length: 2_000 }, (_, key) => picked(made.picker, mix(key)).key);
      };
      const all = of([1, 0, 0]);
      const most = of([0.7, 0.3, 0]);
      const less = of([0.4, 0.3, 0.3]);
      expect(all.every((key) => key.startsWith("a/"))).toBe(true);
      for (const [index, key] of most.entries()) if (!key.startsWith("b/")) expect(key).toBe(all[index]!);
      for (const [index, key] of less.entries()) if (key.startsWith("a/")) expect(key).toBe(most[index]!);
      expect(of([1, 0, 0])).toEqual(all);
    });
  }

  if (strategy.can.includes("table")) {
    test("a table holds the shares, names candidates by their place, and has no slot of who is not available", () => {
      const candidates = [...zone("c", 2), ...zone("b", 1), ...zone("a", 1, 1)];
      const made = balancer(strategy, candidates);
      made.setShares([0.5, 0.3, 0.2]);
      const counts = (): Record<string, number> =>
        Object.fromEntries(
          Map.groupBy(made.picker.table!(SIZE), (place) => zoneOf(candidates[place]!)!)
            .entries()
            .map(([key, slots]) => [key, slots.length]),
        );
      const found = counts();
      for (const [key, share] of [
        ["a", 0.5],
        ["b", 0.3],
        ["c", 0.2],
      ] as const)
        expect(Math.abs(found[key]! / SIZE - share)).toBeLessThan(0.01);
      candidates[1]!.available = false;
      expect(Object.keys(counts()).toSorted()).toEqual(["a", "c"]);
      for (const candidate of candidates) candidate.available = false;
      expect(new Set(made.picker.table!(SIZE))).toEqual(new Set([-1]));
    });
  }

  if (strategy.can.includes("order")) {
    test("an order names all with weight, those of the chosen zone first, then the others, nearest first", () => {
      const candidates = [...zone("a", 1, 1, 0), ...zone("b", 1), ...zone("c", 2)];
      const made = balancer(strategy, candidates);
      const names = (): string =>
        made.picker.order!(5)
          .map((one) => zoneOf(one))
          .join("");
      expect(names()).toBe("aabc");
      made.setShares([0, 0, 1]);
      expect(names()).toBe("caab");
    });
  }

  test("with zones and without it has the abilities of the strategy", () => {
    for (const candidates of [candidatesOf(1, 2), [...zone("a", 1), ...zone("b", 1)]]) {
      const { picker } = balancer(strategy, candidates);
      for (const ability of ["pick", "table", "order"] as const)
        expect(typeof picker[ability] === "function").toBe(strategy.can.includes(ability));
    }
  });
});

describe.each(strategies.map((strategy) => [strategy.name, strategy] as const))(
  "%s looks ahead",
  (_name, strategy) => {
    test("in zones and in slow start what is shown comes next, and stays where it is", () => {
      const numbers = fc.record({
        weights: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 4, maxLength: 8 }),
        share: fc.constantFrom(0, 0.3, 1),
        growth: fc.constantFrom(0.1, 0.6),
        picks: fc.nat(30),
      });
      fc.assert(
        fc.property(numbers, ({ weights, share, growth, picks }) => {
          const candidates = weights.map((weight, index) =>
            candidateOf(`${index % 2 === 0 ? "a" : "b"}/${index}`, weight),
          );
          const pool = balancer(strategy, candidates);
          pool.setShares([share, 1 - share]);
          const starter = candidates[0]!;
          if (holdsBack(strategy)) starter.available = false;
          pool.slowStart([[{ candidate: starter, share: growth }], []]);
          for (let hash = 0; hash < picks; hash++) picked(pool.picker, mix(hash));
          let draws = false;
          const random = () => {
            draws = true;
            return 0.5;
          };
          const keysOf = (picker: Picker) =>
            Array.from({ length: 12 }, (_, hash) => picked(picker, mix(hash)).key);
          const [first, second] = [pool.lookAhead(random), pool.lookAhead(random)];
          draws = false;
          const shown = keysOf(first);
          expect(keysOf(second)).toEqual(shown);
          // Chance cannot be foreseen.
          if (!draws) expect(keysOf(pool.picker)).toEqual(shown);
        }),
      );
    });
  },
);
