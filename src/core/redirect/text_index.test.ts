import { expect, test } from "bun:test";
import fc from "fast-check";
import { allSteps } from "../steps.ts";
import { TextIndex } from "./text_index.ts";

test("the index agrees with a Map on any texts", () => {
  const texts = fc.oneof(fc.constantFrom("", "a", "aa", "é", "😀", "\ud800"), fc.string());
  fc.assert(
    fc.property(fc.array(fc.tuple(texts, fc.nat())), fc.array(texts), (entries, questions) => {
      const map = new Map(entries);
      const index = allSteps(TextIndex.slices(map));
      for (const text of [...questions, ...map.keys()]) expect(index.find(text)).toBe(map.get(text) ?? -1);
    }),
  );
});

test("many texts are entered in steps", () => {
  const map = new Map(Array.from({ length: 10_000 }, (_, number) => [`key-${number}`, number]));
  const work = TextIndex.slices(map);
  let steps = 0;
  let step = work.next();
  for (; step.done !== true; steps++) step = work.next();
  expect(steps).toBe(10);
  for (const [text, number] of map) expect(step.value.find(text)).toBe(number);
  expect(step.value.find("key-10000")).toBe(-1);
});
