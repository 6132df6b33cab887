import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseAddressRange } from "../address_set.ts";
import { namedLists } from "../test_models.ts";
import { duplicatesOf, listProblems, MOST_LINES, resolveDuplicates } from "./named_lists.ts";
import { codesOf, listOf } from "./test_facts.ts";

describe("lists", () => {
  test("names", () => {
    const named = (name: string, savedAs = name) => codesOf(listProblems(listOf(name, ["a"]), [], savedAs));
    expect([named("beta-1_x"), named(" "), named("a b"), named("a", "b")]).toEqual([
      [],
      ["NamespacedListNameIsMissed"],
      ["NamespacedListNameIsInvalid"],
      ["NamespacedListsNamesMismatch"],
    ]);
  });

  test("values: none blank, and addresses in a list of them", () => {
    expect(listProblems(listOf("a", ["x", " "]), [])).toMatchObject([
      { code: "NamespacedListContainsEmptyValue", path: "lists.a.values[1]" },
    ]);
    expect(listProblems(listOf("a", ["garbage"]), [])).toEqual([]);
    expect(codesOf(listProblems(listOf("a", ["10.0.0.0/8", "::1", "10.1"], "IP"), []))).toEqual([
      "NamespacedListValueIsInvalid",
    ]);
  });

  test("RD171 a mapped network that is wider than IPv4 is refused by name", () => {
    expect(listProblems(listOf("a", ["::ffff:10.0.0.0/104", "::ffff:10.0.0.0/8"], "IP"), [])).toEqual([
      {
        code: "NamespacedListValueIsInvalid",
        severity: "error",
        path: "lists.a.values[1]",
        rule: null,
        message:
          'list a has "::ffff:10.0.0.0/8" (an IPv4-mapped network has a prefix from 96 to 128) in line 2; expected an address or a network such as 10.0.0.0/8',
      },
    ]);
  });

  test("a million lines, half of them bad, in well under two seconds and few messages", () => {
    const made = Array.from({ length: 1_000_000 }, (_, at) => {
      const address = `10.${(at >>> 16) & 255}.${(at >>> 8) & 255}.${at & 255}`;
      return at % 2 === 0 ? address : `${address}.`;
    });
    // As they come in: joined texts are put together only when they are first looked at.
    const [values, others] = JSON.parse(
      JSON.stringify([made, made.map((value) => `${value}0`)]),
    ) as string[][];
    const list = listOf("a", values!, "IP");
    const other = listOf("b", others!, "TEXT");
    const start = performance.now();
    const problems = listProblems(list, [other]);
    const elapsed = performance.now() - start;
    const invalid = problems.filter(({ code }) => code === "NamespacedListValueIsInvalid");
    expect(invalid).toHaveLength(MOST_LINES + 1);
    expect(invalid[1]!.message).toContain("in line 4;");
    expect(invalid.at(-1)!.message).toBe(`list a has ${500_000 - MOST_LINES} more lines of this kind`);
    expect(elapsed).toBeLessThan(2_000);
  });
});

describe("a value stands in one list only", () => {
  const lists = [
    listOf("a", ["1"]),
    listOf("b", ["2", "3", "2 "]),
    listOf("c", ["3", "4"]),
    listOf("hashes", ["5"], "ENCODED"),
  ];

  test("RD101 duplicates name the other lists", () => {
    expect(listProblems(listOf("a", ["1", "3", "2"]), lists)).toMatchObject([
      {
        code: "NamespacedListsDuplicates",
        path: "lists.a.values[1]",
        message: 'list a has "3" in line 2, which stands in b, c; expected it in one list',
      },
      { code: "NamespacedListsDuplicates", path: "lists.a.values[2]" },
    ]);
  });

  test("RD101 with autoResolve texts are moved, and nothing else", () => {
    const resolved = resolveDuplicates(listOf("a", ["1", "3", "2"]), lists);
    expect([...resolved.leaves]).toEqual([
      ["b", ["3", "2"]],
      ["c", ["3"]],
    ]);
    expect(resolved.problems).toEqual([]);
    for (const type of ["IP", "ENCODED"] as const) {
      const refused = resolveDuplicates(listOf("a", ["1", "3"], type), lists);
      expect([refused.leaves.size, codesOf(refused.problems)]).toEqual([0, ["NamespacedListsDuplicates"]]);
    }
    const hashed = resolveDuplicates(listOf("a", ["5"]), lists);
    expect([hashed.leaves.size, codesOf(hashed.problems)]).toEqual([0, ["NamespacedListsDuplicates"]]);
  });

  test("RD101 after the move no duplicate is left (property)", () => {
    fc.assert(
      fc.property(namedLists, (all) => {
        const [saved, ...others] = all;
        if (saved === undefined) return;
        const { leaves, problems } = resolveDuplicates(saved, others);
        const after = others.map((list) => ({
          ...list,
          values: list.values.filter(({ value }) => !(leaves.get(list.name) ?? []).includes(value.trim())),
        }));
        expect(duplicatesOf(saved, after)).toHaveLength(problems.length);
        const plain = new Set(others.flatMap(({ values }) => values.map(({ value }) => value.trim())));
        const own = new Set(saved.values.map(({ value }) => value.trim()));
        expect(
          duplicatesOf(saved, others)
            .map(({ value }) => value)
            .toSorted(),
        ).toEqual([...own].filter((value) => value !== "" && plain.has(value)).toSorted());
      }),
    );
  });

  test("exactly the entries that no gateway can read are refused (property)", () => {
    const text = fc.oneof(fc.ipV4Extended(), fc.ipV4(), fc.ipV6(), fc.string({ minLength: 1 }));
    fc.assert(
      fc.property(fc.array(text, { maxLength: 10 }), (values) => {
        const bad = values.filter((value) => value.trim() !== "" && parseAddressRange(value) === null);
        const found = codesOf(listProblems(listOf("a", values, "IP"), []));
        expect(found.filter((code) => code === "NamespacedListValueIsInvalid")).toHaveLength(bad.length);
      }),
    );
  });
});
