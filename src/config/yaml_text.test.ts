import { expect, test } from "bun:test";
import fc from "fast-check";
import { readPlainYaml } from "./plain_yaml.ts";
import { readPositionalYaml } from "./positional_yaml.ts";
import { fuzzYaml } from "./yaml_fuzz.ts";
import { readYaml } from "./yaml_text.ts";

/** Tests that read some thousand texts thoroughly may be slow beside others on a small machine. */
const PATIENCE = { timeout: 60_000 };

const messages = (text: string): string[] =>
  readYaml(text).problems.map(({ line, column, message }) => `${line}:${column} ${message}`);

const SAMPLE = `---
# A comment: with a colon
workers: auto      # trailing
listeners:
  web: { address: ":8080", trusted_proxies: [10.0.0.0/8, 127.0.0.1] }
  'odd name': {"address":":8081"}
pools:
  web:
    backends:
    - url: http://127.0.0.1:9001
      weight: 2
    -   url: "http://127.0.0.1:9002"
        weight: -1.5
empty:
routes: [
    { match: Host(\`a\`) && PathPrefix(\`/x\`), pool: web },  # in brackets
    { match: 'it''s', pool: web },
  ]
text: |
  first
    second

  third
last: true
`;

test("the fast reader is sure of what configurations are made of, and right", () => {
  const read = readYaml(SAMPLE);
  expect(read.fast).toBe(true);
  expect(read.value).toEqual(readPositionalYaml(SAMPLE).value as never);
  expect(read.value).toMatchObject({
    listeners: { web: { trusted_proxies: ["10.0.0.0/8", "127.0.0.1"] }, "odd name": { address: ":8081" } },
    pools: { web: { backends: [{ weight: 2 }, { weight: -1.5 }] } },
    empty: null,
    routes: [{ match: "Host(`a`) && PathPrefix(`/x`)" }, { match: "it's" }],
    text: "first\n  second\n\nthird\n",
  });
});

test(
  "every prefix and every third deletion of one character of a sample: the readers agree",
  () => {
    let sure = 0;
    for (let at = 0; at <= SAMPLE.length; at++) {
      if (fuzzYaml(Buffer.from(SAMPLE.slice(0, at)))) sure++;
      if (at % 3 === 0 && fuzzYaml(Buffer.from(SAMPLE.slice(0, at) + SAMPLE.slice(at + 1)))) sure++;
    }
    expect(sure).toBeGreaterThan(SAMPLE.length / 2);
  },
  PATIENCE,
);

test.each([
  ["a: 1\na: 2", "2:1 the key a stands here a second time"],
  ["x:\n  - {b: 1, c: 2, b: 3}", "2:18 the key b stands here a second time"],
  ['a: 1\n"a": 2', '2:1 the key "a" stands here a second time'],
  ["a: &x {b: 1, b: 2}", "1:14 the key b stands here a second time"],
  ["1: a\n'1': b", "2:1 the key '1' stands here a second time"],
])("H-J1/duplicate keys in %j are an error with its place", (text, expected) => {
  expect(readPlainYaml(text, false)).toBeNull();
  expect(messages(text)).toEqual([expected]);
});

test.each([
  ["x: &x [1, *x]", "1:11 *x is part of &x: a cycle"],
  ["a: *nowhere", "1:4 the anchor &nowhere is not defined before *nowhere"],
  ["a: 1\n---\nb: 2", "2:1 a second document starts here; expected one"],
  ["a:\n\tb: 1", "2:1 tabs are not allowed as indentation"],
  ["a: !include x.yaml", "1:13 the tag !include is not supported"],
  ["a:\n  __proto__: {}", "2:3 the key __proto__ is not allowed"],
  ["%YAML 1.1\n---\na: yes", "1:1 YAML 1.1 is not supported; expected YAML 1.2"],
  ["[a, b]: c", "1:1 a key must be text"],
  ['a: "1"\nb: "x\nc: 2\n', "2:4 the quote that opens here is not closed"],
  ["a: ['x', 'y]\nb: 1\n", "1:10 the quote that opens here is not closed"],
])("%j is an error with its place", (text, expected) => {
  expect(messages(text)).toContain(expected);
});

test("a map that is merged into itself by text that is wrong anyway has no place for anything", () => {
  const read = readYaml("a: &x : \n<<: *x");
  expect(read.problems.length).toBeGreaterThan(0);
  expect(read.locate(["a", "b"], "key")).toEqual(expect.anything());
});

test(
  "deep nesting and multiplying aliases are errors, not crashes",
  () => {
    const tooDeep = "nested more than 200 levels deep";
    for (const text of ["[".repeat(50_000), "- ".repeat(50_000), "a: {".repeat(20_000), "? ".repeat(20_000)])
      expect(readYaml(text).problems.length).toBeGreaterThan(0);
    expect(messages("- ".repeat(50_000)).join("\n")).toContain(tooDeep);
    const levels = [..."bcdefgh"].map((name, index) => {
      const alias = `*${"abcdefgh"[index]!}`;
      return `${name}: &${name} [${Array(10).fill(alias).join(", ")}]`;
    });
    expect(messages(`a: &a [x]\n${levels.join("\n")}`)).toEqual([
      "1:1 cannot be read: aliases repeat too much",
    ]);
  },
  PATIENCE,
);

test("anchors, aliases and merged maps give values and places", () => {
  const text = "base: &base\n  weight: 1\nweb:\n  <<: *base\n  zone: a\nother: *base\n";
  const read = readYaml(text);
  expect(read.fast).toBe(false);
  expect(read.value).toEqual({ base: { weight: 1 }, web: { weight: 1, zone: "a" }, other: { weight: 1 } });
  expect(read.locate(["web", "weight"], "value")).toEqual({ line: 2, column: 11 });
  expect(read.locate(["other", "weight"], "key")).toEqual({ line: 2, column: 3 });
});

test("places: keys, values, list items, what is missing, characters in a text", () => {
  const text = "a:\n  b: [x, 'y(']\n  c:\n    - d: 1\n";
  const read = readYaml(text);
  expect(read.fast).toBe(true);
  expect(read.locate(["a", "b"], "key")).toEqual({ line: 2, column: 3 });
  expect(read.locate(["a", "b"], "value")).toEqual({ line: 2, column: 6 });
  expect(read.locate(["a", "b", 1], "key")).toEqual({ line: 2, column: 10 });
  expect(read.locate(["a", "c", 0, "missing"], "value")).toEqual({ line: 4, column: 7 });
  expect(read.locate(["a", "nothing", "at", "all"], "key")).toEqual({ line: 1, column: 1 });
  expect(read.locateInText(["a", "b", 1], 2)).toEqual({ line: 2, column: 12 });
});

test("empty texts have no value", () => {
  for (const text of ["", "\n", "# only a comment", "---\n", "null"]) {
    expect(readYaml(text)).toMatchObject({ value: null, problems: [] });
  }
});

const WORDS = [
  "a",
  "5",
  "5s",
  "true",
  "~",
  "'q'",
  '"d"',
  "x y",
  ":80",
  "1.2.3.4",
  "-",
  "0x1f",
  "&a",
  "*a",
  "yes",
  "#",
];
const PIECES = [
  ...WORDS,
  ": ",
  ":\n",
  "\n",
  "  ",
  "- ",
  "{",
  "}",
  "[",
  "]",
  ", ",
  " # c",
  "|\n",
  "'",
  '"',
  "---\n",
  "\t",
];

test(
  "H-J21/yaml the readers agree on random texts, and neither throws",
  () => {
    const soup = fc.array(fc.constantFrom(...PIECES), { maxLength: 30 }).map((pieces) => pieces.join(""));
    const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(...WORDS),
        fc.array(tie("tree"), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom("a", "b", "c d", "'e'"), tie("tree"), { maxKeys: 3 }),
      ),
    }));
    let sure = 0;
    fc.assert(
      fc.property(
        fc.oneof(
          soup,
          tree.map((value) => block(value, "").trimStart()),
        ),
        (text) => {
          if (fuzzYaml(Buffer.from(text))) sure++;
        },
      ),
      { numRuns: 4_000 },
    );
    expect(sure).toBeGreaterThan(500);
  },
  PATIENCE,
);

/** Writes a tree in block style without quoting, so that some results are valid and some are not. */
function block(value: unknown, indent: string): string {
  if (Array.isArray(value) && value.length > 0)
    return `\n${value.map((item) => `${indent}- ${block(item, `${indent}  `)}`).join("\n")}`;
  if (typeof value === "object" && value !== null && Object.keys(value).length > 0)
    return `\n${Object.entries(value)
      .map(([key, item]) => `${indent}${key}: ${block(item, `${indent}  `)}`)
      .join("\n")}`;
  return Array.isArray(value) ? "[]" : typeof value === "object" ? "{}" : JSON.stringify(value);
}

test("a text of nothing but nested aliases is judged in a time that grows with its length", () => {
  const start = performance.now();
  expect(readYaml(`a: ${"[*b: ".repeat(180)}`).problems.length).toBe(100);
  // Ten times as long as it takes; looking each alias up in the whole document took five seconds.
  expect(performance.now() - start).toBeLessThan(1_000);
});
