import { expect, test } from "bun:test";
import fc from "fast-check";
import { TextMap } from "./text_map.ts";

function textMap<Value>(entries: ReadonlyMap<string, Value>): TextMap<Value> {
  const work = TextMap.of(entries);
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}

const latin1 = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) });

test("finds what a Map finds, also behind other text", () => {
  fc.assert(
    fc.property(fc.uniqueArray(latin1), latin1, latin1, (texts, unknown, before) => {
      const known = new Map(texts.map((text, index) => [text, index]));
      const map = textMap(known);
      expect(map.size).toBe(known.size);
      for (const text of [...texts, unknown]) {
        expect(map.get(text)).toBe(known.get(text));
        expect(map.get(`${before}${text}`, before.length)).toBe(known.get(text));
      }
    }),
  );
});

test("texts that share a hash are told apart", () => {
  // FNV-1a gives both words of a pair the same 32 bits; those of the second are equally long.
  const texts = ["costarring", "liquid", "declinate", "macallums"];
  const map = textMap(
    new Map([
      [texts[0]!, 1],
      [texts[2]!, 2],
    ]),
  );
  expect(texts.map((text) => map.get(text))).toEqual([1, undefined, 2, undefined]);
});
