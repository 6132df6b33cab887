import { expect, test } from "bun:test";
import fc from "fast-check";
import { ListTableBuilder } from "./list_table.ts";
import type { NamedList } from "./model.ts";
import { NamedLists, NamedListsBuilder } from "./named_lists.ts";
import { namedLists } from "./test_models.ts";

const wholeOf = (named: NamedLists): NamedList[] => {
  const whole: NamedList[] = [];
  for (const list of named.lists()) whole.push({ ...list, values: [...list.values] });
  return whole;
};

test("lists come out of their table as they were given", () => {
  fc.assert(
    fc.property(namedLists, (lists) => {
      const named = NamedLists.of(lists);
      expect(wholeOf(named)).toEqual([...lists]);
      // Also for those who do not look at the values of each.
      expect([...named.lists()].map(({ name }) => name)).toEqual(lists.map(({ name }) => name));
    }),
  );
});

test("values that come in parts make the same lists, in no more room than a document of them promises", () => {
  fc.assert(
    fc.property(namedLists, (lists) => {
      const room = ListTableBuilder.roomFor(JSON.stringify(lists).length);
      const builder = new NamedListsBuilder(new ArrayBuffer(room));
      for (const [index, { values }] of lists.entries())
        for (const value of values) builder.add(index, [value]);
      const work = builder.slices(lists);
      let step = work.next();
      while (step.done !== true) step = work.next();
      expect(wholeOf(step.value)).toEqual([...lists]);
    }),
  );
});

test("values without room are refused", () => {
  const builder = new NamedListsBuilder(new ArrayBuffer(64));
  expect(() => builder.add(0, [{ value: "x".repeat(100), encoded: null }])).toThrow(RangeError);
  builder.add(0, [{ value: "a", encoded: null }]);
  expect(() => builder.slices([]).next()).toThrow(RangeError);
});
