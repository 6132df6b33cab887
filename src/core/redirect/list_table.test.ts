import { expect, test } from "bun:test";
import fc from "fast-check";
import { ListTable } from "./list_table.ts";

test("RD20 values are found without regard to case, and exactly", () => {
  const table = ListTable.build([
    { name: "one", texts: ["A", "b", "É"] },
    { name: "two", texts: ["a", "x".repeat(2_000)] },
  ]);
  expect(new Set(table.listsOf("a"))).toEqual(new Set([0, 1]));
  expect([table.listsOf("b"), table.listsOf("é"), table.listsOf("c")]).toEqual([[0], [0], []]);
  expect([table.holdsExactly("A", 0), table.holdsExactly("a", 0)]).toEqual([true, false]);
  expect([table.holdsExactly("a", 1), table.holdsExactly("b", 1)]).toEqual([true, false]);
  expect(table.listsOf("x".repeat(2_000))).toEqual([1]);
  expect([...table.textsOf(0)]).toEqual(["A", "b", "É"]);
});

test("the table agrees with sets on any lists, also as a copy of its bytes", () => {
  const texts = fc.array(fc.oneof(fc.constantFrom("a", "A", "ß", "İ", "", "ab"), fc.string()), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(fc.array(texts, { maxLength: 5 }), texts, (lists, questions) => {
      const built = ListTable.build(lists.map((values) => ({ name: "", texts: values })));
      const table = new ListTable(built.buffer.slice(0));
      for (const text of [...questions, ...lists.flat()]) {
        const folded = text.toLowerCase();
        const expected = [...lists.keys()].filter((list) =>
          lists[list]!.some((value) => value.toLowerCase() === folded),
        );
        expect(new Set(table.listsOf(folded))).toEqual(new Set(expected));
        for (const [list, values] of lists.entries())
          expect(table.holdsExactly(text, list)).toBe(values.includes(text));
      }
      for (const [list, values] of lists.entries()) expect([...table.textsOf(list)]).toEqual(values);
    }),
  );
});

test("another buffer is refused", () => {
  expect(() => new ListTable(new ArrayBuffer(64))).toThrow(new RangeError("a table of lists of version 0"));
});
