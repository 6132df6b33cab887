/** Rules that cannot act as they are meant: they are left out or hold for nobody, and operators are told. */
import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { conditionOf, literalOf, modelOf, ruleOf, to } from "../../src/core/redirect/test_decider.ts";
import { LISTS, listsBytes } from "../../src/planes/redirect/models/stored.ts";
import { LargeDocuments } from "../../src/store/large_documents.ts";
import { type RunningFairlead, runFairlead, until } from "./processes_program.ts";
import { askRedirect, embeddedStore, writeModel } from "./redirect_program.ts";

const PATIENCE = 60_000;
const CONFIGURATION = `workers: 1
redirect:
  address: "127.0.0.1:0"
  apps: { a1: {} }
`;
const DEFAULT_PLACE = "http://default.example/";
const DEFAULT = literalOf(DEFAULT_PLACE, { name: "default" });

async function statusOf(fairlead: RunningFairlead): Promise<string> {
  const { code, out } = await fairlead.command(
    "redirect",
    "status",
    "--runtime-dir",
    join(fairlead.directory, "run"),
  );
  expect(code).toBe(0);
  return out;
}

const placeOf = async (fairlead: RunningFairlead, query: string): Promise<string | null> =>
  (await askRedirect(fairlead, `/serviceDirect/a1?${query}`)).location;

/** A rule of the original for clients whose `x` is its id. */
const originalRule = (id: string, attributes = ""): string =>
  `<if id="${id}"><equals${attributes}><param>x</param><value>${id}</value></equals>
  <return><server><url>xre://t:1</url></server></return></if>`;

test(
  "RD12 a caseSensitive that is neither true nor false leaves out its rule, and log and status name it",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "fairlead-odd-"));
    mkdirSync(join(folder, "a1"));
    const put = (name: string, text: string): void => writeFileSync(join(folder, name), text);
    put("applications.json", '{"apps":["a1"]}');
    put(
      "a1/selectserver.xml",
      `<selectServer>${originalRule("first")}${originalRule("odd", ' caseSensitive="maybe"')}${originalRule("last")}
      <distribution><server><name>default</name><url>${DEFAULT_PLACE}</url></server></distribution></selectServer>`,
    );
    put(
      "a1/urlrules.xml",
      `<urlRules><default><urlRule><urn>app</urn><protocol>http</protocol><port>8080</port>
      <ipProtocolVersion>4</ipProtocolVersion></urlRule></default></urlRules>`,
    );
    put("a1/whitelist.xml", "<whitelisted><paths>/EU/z1</paths></whitelisted>");
    put("a1/modelmetadata.json", '{"version":3}');
    await using fairlead = await runFairlead(`${CONFIGURATION}  last_known_good: { path: ${folder} }`);
    const places = await Promise.all(["first", "odd", "last"].map((x) => placeOf(fairlead, `x=${x}`)));
    expect(places).toEqual(["xre://t:1?ruleName=first", DEFAULT_PLACE, "xre://t:1?ruleName=last"]);
    const problem = /a1\/selectserver\.xml: rule odd: .*caseSensitive "maybe": expected true or false/;
    const told = await fairlead.program.until("redirect_last_good_odd");
    expect(told).toMatchObject({ level: "warning", message: expect.stringMatching(problem) });
    expect(await statusOf(fairlead)).toMatch(problem);
    rmSync(folder, { recursive: true });
  },
  PATIENCE,
);

test(
  "RD23 a rule for a list that is not there holds for nobody, which log and status say until it comes",
  async () => {
    await using fairlead = await runFairlead(CONFIGURATION);
    const store = embeddedStore(fairlead);
    const rule = ruleOf(
      "beta",
      [conditionOf("contains", { param: "mac", lists: ["staff"] })],
      to(literalOf("xre://t:1")),
    );
    await writeModel(store, "a1", 1, modelOf({ default_server: DEFAULT, rules: [rule] }));
    expect(await fairlead.program.until("redirect_rule_odd")).toMatchObject({
      level: "warning",
      message: "a1: rule beta: there is no list staff",
    });
    await until(async () => (await placeOf(fairlead, "mac=m")) === DEFAULT_PLACE, "the model acts");
    const warning = "a1: rule beta: there is no list staff\n";
    expect(await statusOf(fairlead)).toContain(warning);
    const documents = new LargeDocuments(store);
    const values = [{ value: "M", encoded: null }];
    const list = { name: "staff", description: null, type: "TEXT" as const, version: 1, values };
    await documents.write(LISTS, listsBytes({ version: 1, lists: [list] }));
    await until(async () => (await placeOf(fairlead, "mac=m")) !== DEFAULT_PLACE, "the list acts");
    expect(await statusOf(fairlead)).not.toContain("there is no list");
    await documents.write(LISTS, listsBytes({ version: 2, lists: [] }));
    await until(async () => (await placeOf(fairlead, "mac=m")) === DEFAULT_PLACE, "the list is gone");
    expect(await statusOf(fairlead)).toContain(warning);
    await store.close();
  },
  PATIENCE,
);
