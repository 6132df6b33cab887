import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Destination, Rule } from "../model.ts";
import { ruleProblems } from "../rule_problems.ts";
import {
  anyModel,
  anyNamedList,
  groupedByOperator,
  namedLists,
  rulesWith,
  anyDestination,
} from "../test_models.ts";
import { gatherStream } from "./chunks.ts";
import { distributionDocument, distributionWithDefaultDocument } from "./distribution.ts";
import { readJson, readJsonText, writeJson, type DocumentKind } from "./kind.ts";
import { namedListDocument, namedListsDocument, withEncodedValues } from "./named_lists.ts";
import { documentProblemText, type Read } from "./reading.ts";
import { ruleDocument, rulesDocument, selectServerDocument, urlRulesDocument } from "./rule_documents.ts";
import { serverDocument } from "./servers.ts";
import { defaultUrlDocument } from "./url_params.ts";

const LIMITS = { max_model_bytes: 1_000_000 };
const encoder = new TextEncoder();

const texts = ({ problems }: Read<unknown>): string[] => problems.map(documentProblemText);
const warnings = (read: Read<unknown>): string[] => read.warnings.map(documentProblemText);

/** What comes back when a value is written as text and read again, without a word about it. */
function back<Value>(kind: DocumentKind<Value>, value: Value): Value | null {
  const bytes = encoder.encode(JSON.stringify(writeJson(kind, value)));
  const cut = Math.floor(bytes.length / 2);
  const read = readJsonText(kind, [bytes.subarray(0, cut), bytes.subarray(cut)], LIMITS);
  expect(texts(read)).toEqual([]);
  expect(warnings(read)).toEqual([]);
  return read.value;
}

const SERVER = { name: "s", url: "{protocol}://{host}:{port}/{urn}", path: "2.1" };
const rule = (id: string, more: object): object => ({ id, ...more, return: { server: [SERVER] } });
const equals = (more: object = {}): object => ({ equals: [{ param: "a", value: "1", ...more }] });

test("RD132 a model that is written as JSON reads the same, but for the order of operators", () => {
  fc.assert(
    fc.property(anyModel, (model) => {
      const { rules, url_rules, default_url, distribution, default_server } = model;
      const grouped = rules.map((each) => groupedByOperator(each));
      expect(back(rulesDocument, rules)).toEqual(grouped);
      const shares = { shares: distribution, default_server };
      expect(back(selectServerDocument, { rules, distribution: shares })).toEqual({
        rules: grouped,
        distribution: shares,
      });
      expect(back(urlRulesDocument, { rules: url_rules, default_url })).toEqual({
        rules: url_rules.map((each) => groupedByOperator(each)),
        default_url,
      });
      expect(back(distributionDocument, shares)).toEqual(shares);
      expect(back(distributionWithDefaultDocument, shares)).toEqual(shares);
      if (default_server !== null) expect(back(serverDocument, default_server)).toEqual(default_server);
      if (default_url !== null) expect(back(defaultUrlDocument, default_url)).toEqual(default_url);
    }),
    { numRuns: 200 },
  );
});

test("RD132 lists and single rules that are written as JSON read the same", () => {
  fc.assert(
    fc.property(anyNamedList, namedLists, rulesWith(anyDestination, 1), (list, lists, rules) => {
      expect(back(namedListDocument(), list)).toEqual(list);
      expect(back(namedListsDocument, { version: 7, lists })).toEqual({ version: 7, lists });
      for (const each of rules) expect(back(ruleDocument(), each)).toEqual(groupedByOperator(each));
    }),
  );
});

test("RD12 a caseSensitive that is neither true nor false leaves out its rule only", () => {
  const read = readJson(rulesDocument, {
    if: [
      rule("good", equals({ caseSensitive: "TRUE" })),
      rule("bad", equals({ caseSensitive: "maybe" })),
      rule("last", equals()),
    ],
  });
  expect(read.value?.map(({ id }) => id)).toEqual(["good", "last"]);
  expect(read.value?.[0]?.when[0]).toMatchObject({ operator: "equals", case_sensitive: true });
  expect(read.problems).toEqual([
    {
      part: "rule bad",
      place: "if[1].equals[0].caseSensitive",
      position: null,
      message: '"maybe": expected true or false',
    },
  ]);
  expect(texts(read)).toEqual(['rule bad: if[1].equals[0].caseSensitive "maybe": expected true or false']);
});

test("RD34 an and of three conditions is read; only the original's semantics refuse the rule", () => {
  const three = ["1", "2", "3"].map((value) => ({ param: "a", value }));
  const read = readJson(rulesDocument, { if: [rule("three", { and: [{ equals: three }] })] });
  expect(texts(read)).toEqual([]);
  const [only] = read.value!;
  expect(ruleProblems(only!, false)).toEqual([]);
  expect(ruleProblems(only!, true)).toMatchObject([{ rule: "three", code: "EmptyExpressions" }]);
});

test("RD172 percents as a text, a number and with an exponent load; a comma names its rule", () => {
  const percents = ["12.5", 0.01, "1e1", "12,5", " 7 ", "NaN", ""];
  const read = readJson(rulesDocument, {
    if: percents.map((value, index) => rule(`p${index}`, { percent: [{ value }] })),
  });
  expect(read.value?.map(({ id, when }) => [id, (when[0] as { percent?: number }).percent])).toEqual([
    ["p0", 12.5],
    ["p1", 0.01],
    ["p2", 10],
    ["p4", 7],
  ]);
  expect(texts(read)).toEqual([
    'rule p3: if[3].percent[0].value "12,5": expected a number such as 12.5',
    'rule p5: if[5].percent[0].value "NaN": expected a number such as 12.5',
    "rule p6: if[6].percent[0] has no value; expected a number",
  ]);
});

test("RD172 the shares of a distribution are numbers in the same way", () => {
  const share = (percent: unknown): object => ({ id: 0, percent, server: SERVER });
  const read = readJson(distributionDocument, { rule: ["12.5", 0.01, "1e1", "12,5", 101].map(share) });
  expect(read.value?.shares.map(({ percent }) => percent)).toEqual([12.5, 0.01, 10]);
  expect(texts(read)).toEqual([
    'distribution rule 3: rule[3].percent "12,5": expected a number such as 12.5',
    "distribution rule 4: rule[4] has the percent 101; expected a number from 0 to 100",
  ]);
});

test("the forms that the original's writers differ in are the same", () => {
  const condition = {
    operator: "contains",
    param: "a",
    values: ["x", "y"],
    lists: ["l"],
    negated: true,
    missing: null,
  };
  const expected = { ...condition, case_sensitive: false };
  for (const contains of [
    [
      {
        param: "a",
        values: [{ value: "x" }, { value: "y" }],
        namespacedList: [{ value: "l" }],
        negation: true,
        type: "namespacedList",
      },
    ],
    { param: "a", values: ["x", "y"], namespacedList: "l", negation: "true", type: "" },
    { param: " a ", values: "x, y,", namespacedList: { value: ["l"] }, negation: "True" },
    {
      param: ["a"],
      values: "x;,y",
      delimeter: ";,",
      namespacedList: [{ value: "l" }],
      negation: "true",
      caseSensitive: "",
    },
    {
      param: "a",
      values: { value: [{ value: "x" }, "y"] },
      namespacedList: ["l"],
      negation: "true",
      missing: null,
    },
  ]) {
    const read = readJson(rulesDocument, { if: rule("r", { contains }) });
    expect(texts(read)).toEqual([]);
    expect(read.value?.[0]?.when).toEqual([expected]);
  }
});

test("inner rules are branches, and what has no result beside them needs none", () => {
  const inner = { ...equals({ type: "NUMERIC" }), return: { server: SERVER } };
  const read = readJson(ruleDocument("from_path"), { isEmpty: { param: "b" }, if: [inner] });
  const { value } = read;
  expect(value?.id).toBe("from_path");
  expect(value?.result).toBeNull();
  expect(value?.inner[0]?.when[0]).toMatchObject({ operator: "equals", type: "numeric" });
  expect(value?.inner[0]?.result).toMatchObject({ kind: "server", server: { path: "2.1", query: [] } });
});

test("what the original has not is written only where it says something", () => {
  const plain = readJson(ruleDocument(), rule("r", equals())).value!;
  expect(writeJson(ruleDocument(), plain)).toEqual({
    id: "r",
    equals: [{ param: "a", value: "1" }],
    return: { server: [{ isNonWhitelisted: "false", ...SERVER }] },
  });
  const native: Rule<Destination> = {
    ...plain,
    priority: 3,
    when: [
      { ...plain.when[0]!, missing: true } as never,
      { operator: "percent", percent: 5, salt: "" } as never,
    ],
  };
  expect(writeJson(ruleDocument(), native)).toMatchObject({
    priority: 3,
    equals: [{ missing: true }],
    percent: [{ value: 5, salt: "" }],
  });
});

test.each([
  [
    "an unknown operator",
    { startsWith: [{ param: "a" }] },
    "startsWith[0] is no operator that is known here",
  ],
  [
    "one in another",
    { and: [{ startsWith: [{ param: "a" }] }] },
    "and[0].startsWith[0] is no operator that is known here",
  ],
  [
    "a rule in a condition",
    { or: [{ if: [{}] }] },
    "or[0].if[0] cannot stand here; expected conditions only",
  ],
  ["no value", { equals: [{ param: "a" }] }, "equals[0] has no value; expected a text"],
  [
    "two params",
    { equals: [{ param: ["a", "b"], value: "1" }] },
    "equals[0].param[1] stands here for the second time; expected one",
  ],
  ["a param with members", { isEmpty: [{ param: {} }] }, "isEmpty[0].param has members; expected a text"],
  [
    "what XML cannot hold",
    { equals: [{ param: "a", value: "\0" }] },
    'equals[0].value "\\u0000": holds characters that XML cannot hold',
  ],
  [
    "a percent that is a text",
    { percent: [{ value: "all" }] },
    'percent[0].value "all": expected a number such as 12.5',
  ],
  [
    "a negation that is a text",
    { matches: [{ param: "a", pattern: "b", negation: "no" }] },
    'matches[0].negation "no": expected true or false',
  ],
])("%s leaves the rule out", (_name, conditions, message) => {
  const read = readJson(rulesDocument, { if: [rule("r", conditions), rule("next", equals())] });
  expect(texts(read)).toEqual([`rule r: if[0].${message}`]);
  expect(read.value?.map(({ id }) => id)).toEqual(["next"]);
});

test.each([
  ["no id", { ...equals(), return: { server: [SERVER] } }, "if[0] has no id; expected the name of the rule"],
  [
    "two servers",
    { id: "r", ...equals(), return: { server: [SERVER, SERVER] } },
    "rule r: if[0].return.server[1] is one too many; expected one server, or one serverGroup",
  ],
  [
    "a server without a URL",
    { id: "r", ...equals(), return: { server: [{ name: "s" }] } },
    "rule r: if[0].return.server[0] has no url; expected the URL of the server",
  ],
  [
    "nothing in return",
    { id: "r", ...equals(), return: {} },
    "rule r: if[0].return has no server; expected a server or a serverGroup",
  ],
  [
    "two results",
    { id: "r", ...equals(), return: [{ server: SERVER }, { server: SERVER }] },
    "rule r: if[0].return[1] stands here for the second time; expected one",
  ],
  [
    "a group without enablePrivate",
    { id: "r", ...equals(), return: { serverGroup: { server: [SERVER], countDownTime: "-1" } } },
    "rule r: if[0].return.serverGroup has no enablePrivate; expected true or false",
  ],
  [
    "a group that counts from -2",
    {
      id: "r",
      ...equals(),
      return: { serverGroup: { server: [SERVER], enablePrivate: "true", countDownTime: "-2" } },
    },
    'rule r: if[0].return.serverGroup.countDownTime "-2": expected a whole number from -1 to 2147483647',
  ],
])("a rule with %s is left out", (_name, written, message) => {
  const read = readJson(rulesDocument, { if: [written] });
  expect(texts(read)).toEqual([message]);
  expect(read.value).toEqual([]);
});

test("a second rule of an id is left out", () => {
  const read = readJson(rulesDocument, { if: [rule("r", equals()), rule("r", equals({ value: "2" }))] });
  expect(read.value?.map(({ when }) => (when[0] as { value?: string }).value)).toEqual(["1"]);
  expect(texts(read)).toEqual(["rule r: if[1] has the id of if[0]; expected one of its own"]);
});

test("unknown keys are warnings with their place", () => {
  const written = rule("r", { ...equals({ hint: "x" }), owner: "me" });
  const read = readJson(rulesDocument, { if: [written], comment: "c" });
  expect(read.value).toHaveLength(1);
  expect(texts(read)).toEqual([]);
  expect(warnings(read)).toEqual([
    "rule r: if[0].equals[0].hint is unknown and was passed over",
    "rule r: if[0].owner is unknown and was passed over",
    "comment is unknown and was passed over",
  ]);
});

test("a second result, an else in the original, is not taken for one of ours", () => {
  const inner = { ...equals(), return: { server: SERVER } };
  const both = { ...equals(), if: [inner], return: { server: [SERVER] } };
  const read = readJson(rulesDocument, {
    if: [
      { id: "else", ...both },
      { id: "two", ...equals(), if: [inner, inner] },
      { id: "ours", ...both, inOrder: true },
    ],
  });
  expect(read.value?.map(({ id }) => id)).toEqual(["ours"]);
  expect(read.value?.[0]).toMatchObject({ inner: [{}], result: { kind: "server" } });
  const message =
    "has a second inner rule or result, which the original takes for an else; expected one, or inOrder true";
  expect(texts(read)).toEqual([`rule else: if[0] ${message}`, `rule two: if[1] ${message}`]);
});

test("rules and conditions that are nested too deep are refused", () => {
  let condition: object = equals();
  for (let depth = 0; depth < 1_000; depth++) condition = { and: [condition] };
  let branch: object = { ...equals(), return: { server: [SERVER] } };
  for (let depth = 0; depth < 1_000; depth++) branch = { ...equals(), if: [branch] };
  const read = readJson(rulesDocument, { if: [rule("c", condition), { id: "b", ...branch }] });
  expect(read.value).toEqual([]);
  expect(read.problems.map(({ part, message }) => [part, message])).toEqual([
    ["rule c", "is nested more than 32 deep"],
    ["rule b", "is nested more than 32 deep"],
  ]);
});

test("URL parameters: blank texts and 0 are not said, other numbers are checked", () => {
  const read = readJson(urlRulesDocument, {
    if: [
      { id: "tls", ...equals(), return: { urlRule: [{ protocol: "wss", port: "443" }] } },
      { id: "zero", ...equals(), return: { urlRule: { urn: " ", port: 0, ipProtocolVersion: "0" } } },
      { id: "port", ...equals(), return: { urlRule: { port: "65536" } } },
      { id: "family", ...equals(), return: { urlRule: { ipProtocolVersion: 5 } } },
    ],
    default: { urlRule: { urn: "shell", protocol: "xre", port: "8081", ipProtocolVersion: "4" } },
  });
  expect(read.value).toMatchObject({
    rules: [
      { id: "tls", result: { urn: null, protocol: "wss", port: 443, ip_version: null } },
      { id: "zero", result: { urn: null, protocol: null, port: null, ip_version: null } },
    ],
    default_url: { urn: "shell", protocol: "xre", port: 8081, ip_version: 4 },
  });
  expect(texts(read)).toEqual([
    'rule port: if[2].return.urlRule.port "65536": expected a whole number from 0 to 65535',
    "rule family: if[3].return.urlRule has the ipProtocolVersion 5; expected 4 or 6",
  ]);
});

test("RD103 an ENCODED list gets what clients send where the document lacks it", () => {
  const read = readJson(namedListDocument(), {
    name: "macs",
    type: "ENCODED",
    version: "3",
    valueSet: [{ value: " abc " }, { value: "def" }, { value: "def", encodedValue: "X" }, { value: "abc" }],
  });
  const list = withEncodedValues(read.value!, (text) => `${text}-md5`);
  expect(list).toEqual({
    name: "macs",
    description: null,
    type: "ENCODED",
    version: 3,
    values: [
      { value: "abc", encoded: "ABC-MD5" },
      { value: "def", encoded: "X" },
    ],
  });
});

test("a document that is none of its kind is refused as a whole", () => {
  expect(readJson(rulesDocument, [])).toEqual({
    value: null,
    problems: [{ part: null, place: "", position: null, message: "is not an object; expected flavor rules" }],
    warnings: [],
  });
  expect(texts(readJsonText(rulesDocument, [encoder.encode("{")], LIMITS))[0]).toStartWith(
    "the document is no JSON: ",
  );
  expect(texts(readJsonText(rulesDocument, [new Uint8Array([0x22, 0xff])], LIMITS))).toEqual([
    "the document is not UTF-8; expected text in UTF-8",
  ]);
});

test("RD154 a document over the limit is refused with size and limit, and nothing more of it is taken", () => {
  let taken = 0;
  function* chunks(): Generator<Uint8Array> {
    for (; taken < 1_000; taken++) yield new Uint8Array(65_536);
  }
  const read = readJsonText(rulesDocument, chunks(), { max_model_bytes: 1_048_576 });
  expect(read.value).toBeNull();
  expect(texts(read)).toEqual([
    "the document has 1114112 bytes or more; expected at most 1MiB (max_model_bytes)",
  ]);
  expect(taken).toBe(16);
});

test("RD154 of a stream as much is taken as makes it too long", async () => {
  let taken = 0;
  async function* stream(): AsyncGenerator<Uint8Array> {
    for (; taken < 1_000; taken++) yield await Promise.resolve(new Uint8Array(65_536));
  }
  const chunks = await gatherStream(stream(), { max_model_bytes: 1_048_576 });
  expect([chunks.length, taken]).toEqual([17, 16]);
  expect(readJsonText(rulesDocument, chunks, { max_model_bytes: 1_048_576 }).value).toBeNull();
  const whole = await gatherStream(new Blob(['{"if":[]}']).stream(), LIMITS);
  expect(readJsonText(rulesDocument, whole, LIMITS).value).toEqual([]);
});

test("of very many problems the first are kept and the rest counted", () => {
  const read = readJson(rulesDocument, { if: Array.from({ length: 1_500 }, () => ({})) });
  expect(read.problems).toHaveLength(1_001);
  expect(documentProblemText(read.problems.at(-1)!)).toBe("the document has 500 more of these");
});
