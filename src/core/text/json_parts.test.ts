import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseJsonParts, type LongArray } from "./json_parts.ts";

interface Parsed {
  readonly rest: unknown;
  /** Elements by array, and of those with `*` by its place. */
  readonly taken: Map<string, unknown[]>;
  readonly steps: number;
}

const PATHS = [["rules"], ["lists", "*", "values"]];

function parsed(text: string | Uint8Array): Parsed {
  const taken = new Map<string, unknown[]>();
  const arrays = PATHS.map((path): LongArray => ({
    path,
    take(elements, index) {
      const key = `${path.join(".")} ${index}`;
      taken.set(key, [...(taken.get(key) ?? []), ...elements]);
    },
  }));
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  const work = parseJsonParts(bytes, arrays);
  for (let steps = 0; ; steps++) {
    const { done, value } = work.next();
    if (done === true) return { rest: value, taken, steps };
  }
}

const reasonOf = (text: string): string => {
  try {
    parsed(text);
    return "";
  } catch (error) {
    return (error as Error).name;
  }
};

test("elements of long arrays are told, and the rest is the document without them", () => {
  const { rest, taken } = parsed(
    '{"rules":[1,{"a":[2,"]"]},"x\\\\\\"[",[]],"lists":[{"values":[]},{"name":"n","values":[ "ü" ]}],"other":[1],"v":{"rules":[3]}}',
  );
  expect(rest).toEqual({
    rules: [],
    lists: [{ values: [] }, { name: "n", values: [] }],
    other: [1],
    v: { rules: [3] },
  });
  expect(taken.get("rules 0")).toEqual([1, { a: [2, "]"] }, 'x\\"[', []]);
  expect([...taken.keys()]).toEqual(["rules 0", "lists.*.values 1"]);
});

test("a long document takes many steps, and nothing of it is lost", () => {
  const rules = Array.from({ length: 20_000 }, (_, id) => ({ id, text: `,"]}[{${id}` }));
  const { rest, taken, steps } = parsed(JSON.stringify({ version: 1, rules }));
  expect(rest).toEqual({ version: 1, rules: [] });
  expect(taken.get("rules 0")).toEqual(rules);
  expect(steps).toBeGreaterThan(10);
});

test("it agrees with JSON.parse on any document", () => {
  const document = fc.record({
    rules: fc.array(fc.jsonValue()),
    lists: fc.array(fc.oneof(fc.record({ values: fc.array(fc.jsonValue()) }), fc.jsonValue())),
    other: fc.jsonValue(),
  });
  fc.assert(
    fc.property(fc.oneof(document, fc.jsonValue()), fc.nat(4), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      const { rest, taken } = parsed(text);
      const whole = structuredClone(rest) as { rules?: unknown[]; lists?: { values?: unknown[] }[] } | null;
      for (const [key, elements] of taken) {
        const [name, index] = key.split(" ");
        if (name === "rules") whole!.rules!.push(...elements);
        else whole!.lists![Number(index)]!.values!.push(...elements);
      }
      expect(JSON.stringify(whole)).toBe(JSON.stringify(JSON.parse(text)));
    }),
  );
});

test("what JSON.parse refuses is refused", () => {
  const good = '{"rules":[1,[2,"a\\"b"],{"x":"]"}],"lists":[{"values":[{"value":"v"}]}],"n":1}';
  expect(reasonOf(good)).toBe("");
  fc.assert(
    fc.property(
      fc.nat(good.length - 1),
      fc.constantFrom("", ",", "]", "[", "}", "{", '"', "\\", ":"),
      (at, put) => {
        const text = good.slice(0, at) + put + good.slice(at + 1);
        let isGood = true;
        try {
          JSON.parse(text);
        } catch {
          isGood = false;
        }
        expect([text, reasonOf(text)]).toEqual([text, isGood ? "" : expect.stringMatching(/Error$/)]);
      },
    ),
    { numRuns: 2_000 },
  );
  expect(reasonOf('{"rules":[1,]}')).toBe("SyntaxError");
  expect(reasonOf('{"rules":[,]}')).toBe("SyntaxError");
  expect(reasonOf('{"rules":[1],"rules":[2]}')).toBe("SyntaxError");
  expect(() => parsed(Uint8Array.from([0x22, 0xff, 0x22]))).toThrow();
});
