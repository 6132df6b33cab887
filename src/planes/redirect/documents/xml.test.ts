import { expect, test } from "bun:test";
import fc from "fast-check";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_MAX_MODEL_BYTES } from "../../../core/defaults.ts";
import { distributionDocument } from "../../../core/redirect/documents/distribution.ts";
import { readJson, type DocumentKind } from "../../../core/redirect/documents/kind.ts";
import {
  gatewayListsDocument,
  namedListDocument,
  namedListsDocument,
  withEncodedValues,
} from "../../../core/redirect/documents/named_lists.ts";
import { documentProblemText, type Read } from "../../../core/redirect/documents/reading.ts";
import {
  ruleDocument,
  rulesDocument,
  selectServerDocument,
  urlRuleDocument,
  urlRulesDocument,
} from "../../../core/redirect/documents/rule_documents.ts";
import { serverDocument } from "../../../core/redirect/documents/servers.ts";
import {
  servicePathsDocument,
  settingsDocument,
  testCasesDocument,
} from "../../../core/redirect/documents/service_documents.ts";
import { defaultUrlDocument } from "../../../core/redirect/documents/url_params.ts";
import { whitelistDocument, whitelistUpdatesDocument } from "../../../core/redirect/documents/whitelist.ts";
import { operators } from "../../../core/redirect/operators/all.ts";
import { anyModel, anyNamedList, groupedByOperator } from "../../../core/redirect/test_models.ts";
import { readXml, writeXml, type XmlOptions } from "./xml.ts";

const GOLDEN = join(import.meta.dir, "../../../../test/golden/redirect");
const OPTIONS: XmlOptions = { max_model_bytes: DEFAULT_MAX_MODEL_BYTES };
const encoder = new TextEncoder();

const golden = (name: string): Uint8Array => readFileSync(join(GOLDEN, name));
const goldenJson = (name: string): unknown => JSON.parse(readFileSync(join(GOLDEN, name), "utf8"));
const texts = ({ problems, warnings }: Read<unknown>): string[] =>
  [...problems, ...warnings].map(documentProblemText);
const md5 = (text: string): string => createHash("md5").update(text).digest("hex");

function readText<Value>(
  kind: DocumentKind<Value>,
  text: string,
  options: Partial<XmlOptions> = {},
): Read<Value> {
  return readXml(kind, [encoder.encode(text)], { ...OPTIONS, ...options });
}

/** What comes back when a value is written and read again in pieces, without a word about it. */
function back<Value>(kind: DocumentKind<Value>, value: Value, pieces = 2): Value | null {
  const bytes = encoder.encode(writeXml(kind, value));
  const length = Math.max(1, Math.ceil(bytes.length / pieces));
  const chunks = Array.from({ length: pieces }, (_, index) =>
    bytes.subarray(index * length, (index + 1) * length),
  );
  const read = readXml(kind, chunks, OPTIONS);
  expect(texts(read)).toEqual([]);
  return read.value;
}

test("RD132 a model that is written as XML reads the same", () => {
  fc.assert(
    fc.property(anyModel, fc.integer({ min: 1, max: 50 }), (model, pieces) => {
      const { rules, url_rules, default_url, distribution, default_server, whitelist } = model;
      const selectServer = { rules, distribution: { shares: distribution, default_server } };
      expect(back(selectServerDocument, selectServer, pieces)).toEqual(selectServer);
      expect(back(rulesDocument, model.rule_templates)).toEqual(model.rule_templates);
      const urlRules = { rules: url_rules, default_url };
      expect(back(urlRulesDocument, urlRules, pieces)).toEqual(urlRules);
      expect(back(whitelistDocument, whitelist)).toEqual(whitelist);
    }),
    { numRuns: 200 },
  );
});

test("RD132 nodes of one entity each read the same", () => {
  fc.assert(
    fc.property(
      anyModel,
      anyNamedList,
      ({ rules, url_rules, default_url, default_server, distribution }, list) => {
        for (const rule of rules) expect(back(ruleDocument(), rule)).toEqual(rule);
        for (const rule of url_rules) expect(back(urlRuleDocument(), rule)).toEqual(rule);
        if (default_url !== null) expect(back(defaultUrlDocument, default_url)).toEqual(default_url);
        if (default_server !== null) expect(back(serverDocument, default_server)).toEqual(default_server);
        const shares = { shares: distribution, default_server: null };
        expect(back(distributionDocument, shares)).toEqual(shares);
        // The store keeps plain values only; what clients send is computed.
        const plain = { ...list, values: list.values.map(({ value }) => ({ value, encoded: null })) };
        expect(back(namedListDocument(), list)).toEqual(plain);
      },
    ),
    { numRuns: 100 },
  );
});

test("RD132 the original's files in XML and JSON are the same rules", () => {
  const xml = readXml(selectServerDocument, [golden("selectserver.xml")], OPTIONS);
  expect(texts(xml)).toEqual([]);
  const json = readJson(rulesDocument, goldenJson("flavor_rules.json"));
  expect(texts(json)).toEqual([]);
  expect(xml.value?.rules.map((rule) => groupedByOperator(rule))).toEqual([...json.value!]);
  expect(xml.value?.distribution).toMatchObject({
    shares: [
      { percent: 20, server: { path: "1.5" } },
      { percent: 0.01, server: { path: "1.6" } },
    ],
    default_server: { name: "default", path: "1.0" },
  });
  expect(back(selectServerDocument, xml.value!)).toEqual(xml.value);

  const urls = readXml(urlRulesDocument, [golden("urlrules.xml")], OPTIONS);
  expect(texts(urls)).toEqual([]);
  expect(urls.value).toEqual(readJson(urlRulesDocument, goldenJson("urlrules.json")).value);
  expect(urls.value?.rules[1]?.result).toEqual({ urn: "app;v=2", protocol: null, port: null, ip_version: 6 });
  expect(readXml(whitelistDocument, [golden("whitelist.xml")], OPTIONS).value).toEqual(["/EU/z1", "/US/z2"]);
});

test("the file in the original's form has every operator", () => {
  const text = new TextDecoder().decode(golden("selectserver.xml"));
  expect(operators.filter(({ name }) => !text.includes(`<${name}`)).map(({ name }) => name)).toEqual([]);
});

test("RD132 RD103 a list of the store and the same one of the service", () => {
  const stored = readXml(namedListDocument(), [golden("list.xml")], OPTIONS);
  expect(texts(stored)).toEqual([]);
  const { lists } = readJson(namedListsDocument, goldenJson("lists.json")).value!;
  const list = withEncodedValues(stored.value!, md5);
  expect(list).toEqual(lists[2]!);
  expect(list.values[0]?.encoded).toBe("900150983CD24FB0D6963F7D28E17F72");
});

test("RD132 the order of the file is kept", () => {
  const rules = ["c", "a", "b"].map(
    (id) =>
      `<if id="${id}"><isEmpty><param>p</param></isEmpty><return><server><url>u</url></server></return></if>`,
  );
  const read = readText(rulesDocument, `<selectServer>${rules.join("")}</selectServer>`);
  expect(read.value?.map(({ id }) => id)).toEqual(["c", "a", "b"]);
});

test("RD12 a problem names the rule, the line and the place", () => {
  const read = readText(
    rulesDocument,
    `<selectServer>
  <if id="good">
    <equals><param>a</param><value>1</value></equals>
    <return><server><url>u</url></server></return>
  </if>
  <if id="bad">
    <equals
        caseSensitive="maybe"><param>a</param><value>1</value></equals>
    <return><server><url>u</url></server></return>
  </if>
  <if id="none"
    ><return/></if>
</selectServer>`,
  );
  expect(read.value?.map(({ id }) => id)).toEqual(["good"]);
  expect(texts(read)).toEqual([
    'rule bad: 7:5: if[1].equals[0].caseSensitive "maybe": expected true or false',
    "rule none: 12:6: if[2].return has no server; expected a server or a serverGroup",
  ]);
});

test("documents of the service in XML", () => {
  const settings = { version: 3, min_hosts: 1, app_min_hosts: 2 };
  expect(back(settingsDocument, settings)).toEqual(settings);
  const count = { value: "/EU/a/2.1", nodes: 3, nodes_whitelisted: 2 };
  const paths = [{ service: "a1", stacks: [count, count], flavors: [{ ...count, value: "2.1" }] }];
  expect(back(servicePathsDocument, paths)).toEqual(paths);
  expect(writeXml(servicePathsDocument, paths)).toContain(
    '<stack nodes="3" nodesWhitelisted="2">/EU/a/2.1</stack>',
  );
  const cases = [
    {
      name: "t",
      application: "a1",
      parameters: [{ name: "p", values: ["1", "2"] }],
      expected: { rule: "r" },
      applied_url_rules: ["tls"],
    },
  ];
  expect(back(testCasesDocument, cases)).toEqual(cases);
  const updates = [{ path: "/EU/a", updated: 5, action: "DELETE" as const }];
  expect(back(whitelistUpdatesDocument, updates)).toEqual(updates);
});

const LAUGHS = `<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]><selectServer>&b;</selectServer>`;

test.each([
  ["an entity bomb", LAUGHS, "has a DOCTYPE; expected none, nor entities of its own"],
  [
    "an external entity",
    `<!DOCTYPE s SYSTEM "file:///etc/passwd"><selectServer/>`,
    "has a DOCTYPE; expected none, nor entities of its own",
  ],
  [
    "an unknown entity",
    "<selectServer>&xxe;</selectServer>",
    "names an entity that XML does not have; expected &amp; &lt; &gt; &quot; &apos; or a number",
  ],
  ["another root", "<urlRules/>", "is <urlRules>; expected flavor rules in <selectServer>"],
  ["an element that is not closed", "<selectServer><if>", "is no well-formed XML: unclosed tag: if"],
  [
    "a closed one too many",
    "<selectServer></if></selectServer>",
    "is no well-formed XML: unexpected close tag",
  ],
  [
    "an attribute twice",
    '<selectServer><if id="a" id="b"/></selectServer>',
    "is no well-formed XML: duplicate attribute: id",
  ],
  [
    "another encoding",
    '<?xml version="1.0" encoding="UTF-16"?><selectServer/>',
    "is declared as UTF-16; expected UTF-8",
  ],
  [
    "a character that XML has not",
    "<selectServer>&#0;</selectServer>",
    "is no well-formed XML: malformed character entity",
  ],
  ["nothing", "", "is no well-formed XML: document must contain a root element"],
  [
    "two roots",
    "<selectServer/><selectServer/>",
    "is no well-formed XML: documents may contain only one root",
  ],
  ["JSON", '{"if":[]}', "is no well-formed XML: text data outside of root node"],
])("%s is refused in one sentence", (_name, text, message) => {
  const read = readText(rulesDocument, text);
  expect(read.value).toBeNull();
  expect(read.problems.map((problem) => problem.message)).toEqual([message]);
});

test("an unknown operator without anything in it leaves its rule out", () => {
  const result = "<return><server><url>u</url></server></return>";
  const read = readText(
    rulesDocument,
    `<selectServer><if id="r"><isEmpty><param>p</param></isEmpty><isNew negation="true"/>${result}</if></selectServer>`,
  );
  expect(read.value).toEqual([]);
  expect(texts(read)).toEqual(["rule r: 1:61: if[0].isNew[0] is no operator that is known here"]);
});

test("a document is refused for what stands behind all that its reader looks at", () => {
  const impatient: DocumentKind<string> = {
    name: "a test",
    roots: ["a"],
    read: () => "read",
    write: () => [],
  };
  expect(readText(impatient, "<a><b/></a>").value).toBe("read");
  expect(readText(impatient, `<a>${"<b/>".repeat(50_000)}</c>`).value).toBeNull();
});

test("bytes that are no UTF-8 are refused", () => {
  for (const bytes of [
    [0xff, 0xfe, 0x3c, 0x00],
    [0x3c, 0x61, 0xc3, 0x28],
  ])
    expect(
      readXml(rulesDocument, [Uint8Array.from(bytes)], OPTIONS).problems.map(({ message }) => message),
    ).toEqual(["is not UTF-8; expected text in UTF-8"]);
  const withMark = readXml(
    whitelistDocument,
    [Uint8Array.of(0xef, 0xbb, 0xbf), golden("whitelist.xml")],
    OPTIONS,
  );
  expect(withMark.value).toEqual(["/EU/z1", "/US/z2"]);
});

const deep = (levels: number): string =>
  `<selectServer>${"<if>".repeat(levels)}${"</if>".repeat(levels)}</selectServer>`;

test.each([
  ["elements within each other", deep(90), "has elements within each other; expected at most 80"],
  [
    "elements",
    `<selectServer><if>${"<a/>".repeat(30)}</if></selectServer>`,
    "has a part of more than 20 elements; expected fewer",
  ],
  [
    "attributes",
    `<selectServer ${Array.from({ length: 65 }, (_, index) => `a${index}=""`).join(" ")}/>`,
    "has an element of more than 64 attributes; expected fewer",
  ],
  [
    "text",
    `<selectServer><if>${"x".repeat(70_000)}</if></selectServer>`,
    "has a piece of text, or markup, of more than 1KiB; expected less",
  ],
  [
    "text in pieces",
    `<selectServer><if>${"x<!-- -->".repeat(2_000)}</if></selectServer>`,
    "has a piece of text, or markup, of more than 1KiB; expected less",
  ],
  [
    "a comment without an end",
    `<selectServer><!--${"x".repeat(200_000)}`,
    "has a piece of text, or markup, of more than 1KiB; expected less",
  ],
  [
    "a DOCTYPE without an end",
    `<!DOCTYPE a [${"<!ENTITY a 'b'>".repeat(20_000)}`,
    "has a piece of text, or markup, of more than 1KiB; expected less",
  ],
  [
    "an attribute",
    `<selectServer a="${"x".repeat(2_000)}"/>`,
    "has a piece of text, or markup, of more than 1KiB; expected less",
  ],
])("too much of %s is refused with its limit", (_name, text, message) => {
  const read = readText(rulesDocument, text, { elements: _name === "elements" ? 20 : 100_000, text: 1_024 });
  expect(read.value).toBeNull();
  expect(read.problems.map((problem) => problem.message)).toEqual([message]);
});

test("RD154 a document over the limit is refused with size and limit, and nothing more of it is taken", () => {
  let taken = 0;
  function* chunks(): Generator<Uint8Array> {
    yield encoder.encode("<whitelisted>");
    for (; taken < 10_000; taken++) yield encoder.encode("<paths>/EU/z1</paths>".repeat(1_000));
  }
  const read = readXml(whitelistDocument, chunks(), { max_model_bytes: 1_048_576 });
  expect(read.value).toBeNull();
  expect(texts(read)).toEqual([
    "the document has 1050013 bytes or more; expected at most 1MiB (max_model_bytes)",
  ]);
  expect(taken).toBe(49);
});

test("RD154 what a long list holds meanwhile does not grow with it", () => {
  const values = 300_000;
  function* chunks(): Generator<Uint8Array> {
    yield encoder.encode('<namespaced_list name="l">');
    for (let at = 0; at < values; at += 1_000)
      yield encoder.encode(
        Array.from({ length: 1_000 }, (_, index) => `<value>v${at + index}</value>`).join(""),
      );
    yield encoder.encode("</namespaced_list>");
  }
  // More elements than the limit, which is one of what is held at once.
  const read = readXml(namedListDocument(), chunks(), { max_model_bytes: 32_000_000, elements: 10_000 });
  expect(texts(read)).toEqual([]);
  expect(read.value?.values).toHaveLength(values);
});

test("text between elements is a warning, in the outermost element too", () => {
  const read = readText(
    rulesDocument,
    '<selectServer>\nx<if id="r"><isEmpty><param>p</param></isEmpty>y<return><server><url>u</url></server></return></if></selectServer>',
  );
  expect(read.value).toHaveLength(1);
  expect(texts(read)).toEqual([
    "2:2: if[0] has text between its elements, which was passed over",
    "1:1: the document has text between its elements, which was passed over",
  ]);
});

test("a value is written so that XML can hold it", () => {
  const text = writeXml(serverDocument, {
    name: 'a "b"',
    url: "https://e/?a=1&b=<2>",
    path: null,
    description: null,
    query: [{ key: " k\t", value: "a\r\nb" }],
    not_whitelisted: false,
    secure_url: null,
  });
  expect(text).toBe(`<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<server isNonWhitelisted="false">
    <name>a "b"</name>
    <url>https://e/?a=1&amp;b=&lt;2&gt;</url>
    <query>
        <entry>
            <key> k\t</key>
            <value>a&#13;
b</value>
        </entry>
    </query>
</server>
`);
  expect(() => writeXml(whitelistDocument, ["\0"])).toThrow('"\\u0000" has characters that XML cannot hold');
});

test("what has no form in XML says so", () => {
  expect(() => writeXml(gatewayListsDocument, { version: 1, lists: [] })).toThrow(TypeError);
  expect(texts(readText(gatewayListsDocument, "<a/>"))).toEqual([
    "1:1: the document is <a>; expected the gateway's named lists as JSON",
  ]);
});
