/** What every strategy must keep: each entry of `all.ts` is run through all of this. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { z } from "zod";
import { strategies, strategyByName } from "../../src/core/strategies/all.ts";
import { strategyParts } from "../../src/core/strategies/all_parts.ts";
import { type Candidate, mayTake, type Picker, type Strategy } from "../../src/core/strategies/contract.ts";
import { mix } from "../../src/core/strategies/hash.ts";
import { seededRandom } from "../../src/core/strategies/random.ts";
import { candidateOf, candidatesOf, picked } from "../../src/core/strategies/test_candidates.ts";

/** The schema of a strategy's options. */
const optionsOf = ({ name }: Strategy): z.ZodType => strategyParts.find((part) => part.name === name)!.schema;

function create(
  strategy: Strategy,
  candidates: readonly Candidate[],
  seed = 1,
  previous: Picker | null = null,
): Picker {
  return strategy.create(candidates, optionsOf(strategy).parse({}), seededRandom(seed), previous);
}

const someCandidates = fc
  .array(
    fc.record({
      weight: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 0, max: 65_535 })),
      available: fc.oneof(
        { weight: 3, arbitrary: fc.constant(true) },
        { weight: 1, arbitrary: fc.constant(false) },
      ),
      in_flight: fc.nat(4),
      latency_ms: fc.constantFrom(0, 0, 1, 2.5, 100),
      limit: fc.constantFrom(0, 0, 0, 2, 4),
    }),
    { maxLength: 12 },
  )
  .map((records): Candidate[] => records.map((record, index) => ({ ...record, key: `b${index}` })));

/** What happens to a pool: a request with a number of earlier attempts, an end of a request, a change of health. */
const someEvents = fc.array(
  fc.record({
    kind: fc.constantFrom("pick", "pick", "pick", "end", "flip"),
    at: fc.nat(11),
    hash: fc.nat({ max: 2 ** 32 - 1 }),
    triedCount: fc.constantFrom(0, 0, 0, 1, 2, 12),
  }),
  { maxLength: 60 },
);

/** Picks once and checks all that the contract says of the result. */
function checkedPick(
  picker: Picker,
  candidates: readonly Candidate[],
  hash: number,
  tried: readonly Candidate[],
): Candidate | null {
  const allowed = candidates.filter((candidate) => mayTake(candidate, tried));
  const candidate = picker.pick!(hash, tried);
  if (allowed.length === 0) expect(candidate).toBeNull();
  else expect(allowed).toContain(candidate!);
  return candidate;
}

function play(
  picker: Picker,
  candidates: readonly Candidate[],
  events: readonly { kind: string; at: number; hash: number; triedCount: number }[],
): string[] {
  return events.map(({ kind, at, hash, triedCount }) => {
    const target = candidates[at % Math.max(1, candidates.length)];
    if (kind === "flip" && target !== undefined) target.available = !target.available;
    if (kind === "end" && target !== undefined) target.in_flight = Math.max(0, target.in_flight - 1);
    if (kind !== "pick") return "";
    const candidate = checkedPick(picker, candidates, hash, candidates.slice(at, at + triedCount));
    if (candidate !== null) candidate.in_flight++;
    return candidate?.key ?? "none";
  });
}

const copied = (candidates: readonly Candidate[]): Candidate[] =>
  candidates.map((candidate) => ({ ...candidate }));

test("both lists have the same strategies in the same order", () => {
  expect(strategyParts.map(({ name }) => name)).toEqual(strategies.map(({ name }) => name));
});

test("names are unique words of the configuration, and each is found by its name", () => {
  const names = strategies.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const strategy of strategies) {
    expect(strategy.name).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(strategyByName(strategy.name)).toBe(strategy);
  }
  expect(strategyByName("nothing")).toBeUndefined();
});

describe.each(strategies.map((strategy) => [strategy.name, strategy] as const))("%s", (_name, strategy) => {
  const can = (ability: "pick" | "table" | "order"): boolean => strategy.can.includes(ability);

  test("has what it says it can do, and no more", () => {
    const picker = create(strategy, candidatesOf(1, 2));
    for (const ability of ["pick", "table", "order"] as const)
      expect(typeof picker[ability] === "function").toBe(can(ability));
    expect(strategy.can.length).toBeGreaterThan(0);
    expect(strategy.summary).toMatch(/^[A-Z].*\.$/);
    if (strategy.fixed_key !== undefined) expect(strategy.keyed).toBe(true);
  });

  test("a copy of a picker shows what comes next and leaves the picker where it stands", () => {
    fc.assert(
      fc.property(
        someCandidates,
        fc.nat(40),
        fc.array(fc.nat(), { maxLength: 12 }),
        (candidates, picks, hashes) => {
          const picker = create(strategy, candidates);
          for (let count = 0; count < picks; count++) picker.pick?.(mix(count), []);
          let draws = false;
          const random = (): number => {
            draws = true;
            return 0.5;
          };
          const copy = () => strategy.create(candidates, optionsOf(strategy).parse({}), random, picker);
          const picksOf = (from: Picker) => hashes.map((hash) => from.pick?.(mix(hash), [])?.key);
          const [first, second] = [copy(), copy()];
          draws = false;
          const shown = picksOf(first);
          expect(picksOf(second)).toEqual(shown);
          // Chance cannot be foreseen.
          if (!draws) expect(picksOf(picker)).toEqual(shown);
        },
      ),
    );
  });

  test("options have defaults, texts and a JSON Schema; unknown keys are refused", () => {
    const schema = optionsOf(strategy);
    expect(schema.safeParse({}).success).toBe(true);
    expect(schema.safeParse({ surplus: 1 }).success).toBe(false);
    const options = schema.parse({});
    expect(JSON.parse(JSON.stringify(options))).toEqual(options);
    const { properties = {} } = z.toJSONSchema(schema, { io: "input" });
    for (const option of Object.values(properties))
      expect(typeof option === "object" && option.description?.endsWith(".")).toBe(true);
  });

  if (can("pick")) {
    test("never picks what is unavailable, tried, without weight or at its limit; null only when none is left", () => {
      fc.assert(
        fc.property(someCandidates, someEvents, fc.integer(), (candidates, events, seed) => {
          play(create(strategy, candidates, seed), candidates, events);
        }),
      );
    });

    test("picks are the same with the same seed", () => {
      fc.assert(
        fc.property(someCandidates, someEvents, fc.integer(), (candidates, events, seed) => {
          const [one, other] = [copied(candidates), copied(candidates)];
          expect(play(create(strategy, one, seed), one, events)).toEqual(
            play(create(strategy, other, seed), other, events),
          );
        }),
        { numRuns: 30 },
      );
    });

    test("members come and go, weights change, with the picker before as `previous`", () => {
      fc.assert(
        fc.property(
          fc.array(fc.tuple(someCandidates, someEvents), { minLength: 2, maxLength: 6 }),
          (reloads) => {
            let picker: Picker | null = null;
            for (const [candidates, events] of reloads) {
              picker = create(strategy, candidates, 1, picker);
              play(picker, candidates, events);
            }
          },
        ),
        { numRuns: 60 },
      );
    });

    test("takes over from a picker of any other strategy", () => {
      for (const other of strategies) {
        const candidates = candidatesOf(1, 2, 3);
        const picker = create(strategy, candidates, 1, create(other, candidatesOf(3, 2)));
        for (let round = 0; round < 20; round++) checkedPick(picker, candidates, mix(round), []);
      }
    });

    test("H-H4/core weight 0 gets no new traffic, over a reload too", () => {
      const before = candidatesOf(1, 1, 1);
      const picker = create(strategy, before);
      for (let round = 0; round < 100; round++) picked(picker, mix(round));
      const candidates = candidatesOf(1, 0, 1);
      const after = create(strategy, candidates, 1, picker);
      for (let round = 0; round < 300; round++) expect(picked(after, mix(round))).not.toBe(candidates[1]!);
      for (let round = 0; round < 10; round++)
        expect(after.pick!(mix(round), [candidates[0]!, candidates[2]!])).toBeNull();
    });

    test("H-H4/core all of weight 0, or nobody at all: null", () => {
      for (const candidates of [[], candidatesOf(0), candidatesOf(0, 0, 0)]) {
        const picker = create(strategy, candidates);
        for (let round = 0; round < 50; round++) expect(picker.pick!(mix(round), [])).toBeNull();
      }
    });

    test("H-H29/core a of weight 1 and b of weight 0: a, nobody while a is down, a again; never b", () => {
      const candidates = candidatesOf(1, 0);
      const picker = create(strategy, candidates);
      for (const available of [true, false, true]) {
        candidates[0]!.available = available;
        const expected = available ? candidates[0]! : null;
        for (let round = 0; round < 100; round++) expect(picker.pick!(mix(round), [])).toBe(expected);
      }
    });

    test("one candidate gets everything, from the lowest to the highest hash", () => {
      const candidates = [candidateOf("only", 65_535)];
      const picker = create(strategy, candidates);
      for (const hash of [0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1])
        expect(picked(picker, hash)).toBe(candidates[0]!);
    });

    test("a request that goes on to the next comes to every candidate, each once", () => {
      const candidates = candidatesOf(1, 65_535, 3, 1, 2, 9);
      const picker = create(strategy, candidates);
      for (let round = 0; round < 20; round++) {
        const tried: Candidate[] = [];
        for (
          let next = picker.pick!(mix(round), tried);
          next !== null;
          next = picker.pick!(mix(round), tried)
        )
          tried.push(next);
        expect(new Set(tried)).toEqual(new Set(candidates));
        expect(tried).toHaveLength(candidates.length);
      }
    });
  }

  if (can("order")) {
    test("order has all candidates with weight, once each, usable or not", () => {
      fc.assert(
        fc.property(someCandidates, fc.nat({ max: 2 ** 32 - 1 }), (candidates, hash) => {
          const order = create(strategy, candidates).order!(hash);
          const expected = candidates.filter(({ weight }) => weight > 0);
          expect(order).toHaveLength(expected.length);
          expect(new Set(order)).toEqual(new Set(expected));
        }),
      );
    });
  }

  if (can("table")) {
    test("a table is full, with indexes of candidates that have weight and are available", () => {
      fc.assert(
        fc.property(someCandidates, fc.constantFrom(251, 509, 1_021), (candidates, size) => {
          const table = create(strategy, candidates).table!(size);
          const allowed = new Set(
            candidates.flatMap(({ available, weight }, index) => (available && weight > 0 ? [index] : [])),
          );
          if (allowed.size === 0) allowed.add(-1);
          expect(table).toHaveLength(size);
          expect([...new Set(table)].filter((index) => !allowed.has(index))).toEqual([]);
        }),
        { numRuns: 50 },
      );
    });

    test("a table does not change by itself, and a size that is no prime is refused", () => {
      const picker = create(strategy, candidatesOf(1, 2, 3));
      expect(picker.table!(1_021)).toEqual(picker.table!(1_021));
      for (const size of [0, 1, 1_024]) expect(() => picker.table!(size)).toThrow(RangeError);
    });
  }
});
