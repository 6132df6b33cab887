import { expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import type { StoredValue } from "../../../store/contract.ts";
import { readOriginalTree } from "./original_tree.ts";
import { originalTree, RULES_IN_JAVA, SELECT_SERVER, URL_RULES, URL_RULES_IN_JAVA } from "./test_original.ts";

const encoder = new TextEncoder();
const OPTIONS = { max_bytes: 1 << 20, at: 5 };

/** Nodes as a store has them; every revision is 4. */
function storeOf(nodes: ReadonlyMap<string, Uint8Array>) {
  return {
    get: (path: string): Promise<StoredValue | null> => {
      const value = nodes.get(path);
      return Promise.resolve(value === undefined ? null : { value, revision: 4 });
    },
    children: (path: string): Promise<readonly string[] | null> => {
      const below = [...nodes.keys()].filter((each) => each.startsWith(`${path}/`));
      const names = new Set(below.map((each) => each.slice(path.length + 1).split("/", 1)[0]!));
      return Promise.resolve(names.size === 0 && !nodes.has(path) ? null : [...names].toSorted());
    },
  };
}

const withNode = (path: string, value: string | Uint8Array) =>
  storeOf(originalTree().set(path, typeof value === "string" ? encoder.encode(value) : value));

test("RD156 every node of the original's tree is read", async () => {
  const found = await readOriginalTree(storeOf(originalTree()), OPTIONS);
  expect([...found.problems, ...found.warnings]).toEqual([]);
  expect(found.applications.map(({ name, model }) => [name, model !== null])).toEqual([
    ["a1", true],
    ["known", false],
  ]);
  const [application] = found.applications;
  const { shares, default_server } = SELECT_SERVER.distribution!;
  const inOrder = <Rule extends { readonly id: string }>(rules: readonly Rule[], ids: readonly string[]) =>
    ids.map((id) => rules.find((rule) => rule.id === id)!);
  expect(application).toMatchObject({
    version: 4,
    reload_version: 4,
    model: {
      default_server,
      distribution: shares,
      rules: inOrder(SELECT_SERVER.rules, RULES_IN_JAVA),
      url_rules: inOrder(URL_RULES.rules, URL_RULES_IN_JAVA),
      default_url: URL_RULES.default_url,
      rule_templates: [{ id: "kept" }],
      url_rule_templates: [{ id: "kept", result: { port: 443 } }],
      whitelist: ["/EU/z1", "/US/z_2"],
    },
    pending: [
      { kind: "rule", id: "fresh", before: null, after: { id: "fresh" }, authors: [], at: 5 },
      { kind: "whitelist", id: "/EU/z1", before: true, after: null },
    ],
    offline: [{ kind: "default_url", id: "default", after: { urn: "other", port: 81 } }],
    tests: [{ name: "beta", parameters: [{ name: "mac", values: ["m1"] }], expected: { flavor: "2.1" } }],
    comments: { "/EU/z1": "moved to the new racks", "/US/z_2": "small" },
    whitelist_updates: [{ path: "/EU/z1", updated: 1_700_000_000_000, action: "ADD" }],
  });
  expect(found.lists).toMatchObject({
    version: 4,
    lists: [
      { name: "beta", type: "TEXT", version: 5, description: "testers" },
      { name: "macs", type: "ENCODED", values: [{ encoded: "900150983CD24FB0D6963F7D28E17F72" }] },
      { name: "networks", type: "IP", values: [{ value: "10.0.0.0/8" }] },
    ],
  });
  expect(found.list_actions).toMatchObject([
    { action: "UPDATE", list: { name: "beta", values: [{ value: "account-9" }] } },
    { action: "DELETE", list: { name: "staff" } },
  ]);
  expect(found.settings).toEqual({ version: 2, min_hosts: 3, app_min_hosts: 1 });
});

test("what cannot be read is named with its node and left out", async () => {
  const bomb = new Uint8Array(gzipSync(new Uint8Array(1 << 22)));
  const cases: readonly (readonly [string, string | Uint8Array, RegExp])[] = [
    ["/namespacedList/bomb", bomb, /^\/namespacedList\/bomb: cannot be decompressed: /],
    ["/namespacedList/cut", bomb.subarray(0, 200), /^\/namespacedList\/cut: cannot be decompressed: /],
    [
      "/Redirector/services/a1/rules/odd",
      "<if id='odd'><unheard/></if>",
      /^\/Redirector\/services\/a1\/rules\/odd: .*unheard/,
    ],
    [
      "/Redirector/services/a1/stackComments/_a_b_c",
      "<stackComment><comment>x</comment></stackComment>",
      /_a_b_c: does not tell its stack/,
    ],
  ];
  for (const [path, value, problem] of cases) {
    const found = await readOriginalTree(withNode(path, value), OPTIONS);
    expect(found.problems).toEqual([expect.stringMatching(problem)]);
    expect(found.applications[0]!.model!.rules).toHaveLength(SELECT_SERVER.rules.length);
    expect(found.lists.lists).toHaveLength(3);
  }
});

test("a comment's stack is told by the hosts that are registered there", async () => {
  const nodes = originalTree();
  nodes.set("/services/A_B/c/1.0/a1/h:1", encoder.encode("{}"));
  nodes.set("/Redirector/services/a1/stackComments/_A_B_c", encoder.encode('{"comment":"as JSON"}'));
  const found = await readOriginalTree(storeOf(nodes), OPTIONS);
  expect(found.problems).toEqual([]);
  expect(found.applications[0]!.comments["/A_B/c"]).toBe("as JSON");
});

test("a store without anything of the original", async () => {
  const found = await readOriginalTree(storeOf(new Map()), OPTIONS);
  expect(found).toMatchObject({
    applications: [],
    lists: { version: 0, lists: [] },
    settings: null,
    problems: [],
  });
});
