/** Taking over an installation of the original: its tree in a real ZooKeeper, and the files of its gateway, there and back. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { contextOf } from "../../src/core/redirect/context.ts";
import type { Decider } from "../../src/core/redirect/decider.ts";
import type { NamedList, RedirectModel } from "../../src/core/redirect/model.ts";
import { deciderOf, stackOf } from "../../src/core/redirect/test_decider.ts";
import { readJson } from "../../src/core/redirect/documents/kind.ts";
import { namedListsDocument } from "../../src/core/redirect/documents/named_lists.ts";
import { registerHost } from "../../src/planes/redirect/discovery/test_services.ts";
import {
  LIST_CHANGES_RECORD,
  LISTS_RECORD,
  modelRecord,
  notesRecord,
  pendingRecord,
  reloadRecord,
  revisionRecord,
  SETTINGS_RECORD,
} from "../../src/planes/redirect/service/records/kinds.ts";
import { readAudit } from "../../src/planes/redirect/service/audit.ts";
import { Records } from "../../src/planes/redirect/service/records/records.ts";
import {
  goldenFile,
  originalTree,
  RULES_IN_JAVA,
  SELECT_SERVER,
  URL_RULES,
  URL_RULES_IN_JAVA,
} from "../../src/planes/redirect/takeover/test_original.ts";
import type { Store } from "../../src/store/contract.ts";
import { startZookeeper, type Zookeeper, zookeeperLacking } from "../daemons/zookeeper.ts";
import { PROGRAM } from "../support/program.ts";
import { requirement } from "../support/require.ts";
import { openStore, storeEnvironment } from "../support/store_tools.ts";
import { type CommandResult, runFairlead, until } from "./processes_program.ts";

const PATIENCE = 60_000;
const MAX_BYTES = 1 << 24;
const BASE = "/prod";
const lacking = requirement("zookeeper", zookeeperLacking());
const directory = mkdtempSync(join(tmpdir(), "fairlead-takeover-"));
let zookeeper: Zookeeper | null = null;

beforeAll(async () => {
  if (lacking === null) zookeeper = await startZookeeper();
}, PATIENCE);
afterAll(async () => {
  await zookeeper?.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function redirect(...args: string[]): Promise<CommandResult> {
  const child = Bun.spawn([...PROGRAM, "redirect", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const [out, error] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, out, error };
}

async function storeAt(base: string): Promise<Store> {
  const store = openStore("zookeeper", { connect: zookeeper!.connect, base }, storeEnvironment(directory));
  await store.whenConnected(10_000);
  return store;
}

function configuration(name: string, store: object): string {
  const file = join(directory, name);
  writeFileSync(file, `redirect: ${JSON.stringify({ store })}\n`);
  return file;
}

/** All nodes but ours, as `path revision value`. */
async function treeOf(store: Store, path = "/"): Promise<string[]> {
  const lines: string[] = [];
  const node = path === "/" ? null : await store.get(path);
  if (node !== null) lines.push(`${path} ${node.revision} ${Buffer.from(node.value).toString("hex")}`);
  for (const name of (await store.children(path)) ?? [])
    if (path !== "/" || name !== "fairlead")
      lines.push(...(await treeOf(store, path === "/" ? `/${name}` : `${path}/${name}`)));
  return lines;
}

const STACKS = ["1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "2.1"].map((flavor, index) =>
  stackOf(`/EU/z1/${flavor}`, `10.0.0.${index + 1}`),
);

/** No rule of the golden files takes it. */
const NOBODY = { secure: "1", model: "BOX-1", clientAddress: "2001:db8::1" };

/** Clients that reach every rule of the golden files, and none. */
const CLIENTS: readonly Readonly<Record<string, string>>[] = [
  {},
  NOBODY,
  ...["account-1", "account-2", "account-3"].map((serviceAccountId) => ({ ...NOBODY, serviceAccountId })),
  ...["box-1", "box-2", "box,3", "x"].map((model) => ({ ...NOBODY, model })),
  ...["10.1.2.3", "192.0.2.1"].map((clientAddress) => ({ ...NOBODY, clientAddress })),
  ...Array.from({ length: 60 }, (_, number) => ({
    ...NOBODY,
    mac: `00:00:00:00:00:${number}`,
    ...(number % 2 === 0 ? { version: "2.0", memory: "100", receiverId: "12abcbc", zone: "z1" } : {}),
    ...(number % 3 === 0 ? { a: "1", b: "2001:db8::1", c: "z" } : {}),
  })),
];

const outcomes = (decider: Decider) =>
  CLIENTS.map((client) => {
    const decision = decider.decide(contextOf(client));
    if (typeof decision === "string") return decision;
    const { type, rule, flavor, locations } = decision;
    return [type, rule, flavor, locations.map(({ url }) => url)];
  });

const goldenLists = (): readonly NamedList[] =>
  readJson(namedListsDocument, JSON.parse(new TextDecoder().decode(goldenFile("lists.json")))).value!.lists;

const SOURCE_MODEL: RedirectModel = {
  default_server: SELECT_SERVER.distribution!.default_server,
  distribution: SELECT_SERVER.distribution!.shares,
  rules: SELECT_SERVER.rules,
  rule_templates: [],
  url_rules: URL_RULES.rules,
  url_rule_templates: [],
  default_url: URL_RULES.default_url,
  rollouts: [],
  whitelist: ["/EU/z1", "/US/z_2"],
};

/** What the original's gateway makes of its tree: among rules of the same cost the order of the service's map decides. */
const TREE_MODEL: RedirectModel = {
  ...SOURCE_MODEL,
  rules: RULES_IN_JAVA.map((id) => SOURCE_MODEL.rules.find((rule) => rule.id === id)!),
  url_rules: URL_RULES_IN_JAVA.map((id) => SOURCE_MODEL.url_rules.find((rule) => rule.id === id)!),
};

const decisions = (model: RedirectModel, lists: readonly NamedList[]) =>
  outcomes(deciderOf(model, { compat: true }, STACKS, lists));

test.skipIf(lacking !== null)(
  "RD156 a tree of the original is taken over as a whole, decides as it did, and is only read",
  async () => {
    const store = await storeAt(BASE);
    for (const [path, value] of originalTree()) await store.put(path, value);
    for (let version = 0; version < 6; version++)
      await store.put("/Redirector/services/a1/modelChanged", new Uint8Array(0));
    for (const { stack, flavor, hosts } of STACKS)
      await registerHost(store, `${stack}/${flavor}/a1`, hosts[0]!.ipv4!);
    const before = await treeOf(store);
    const modelVersion = (await store.get("/Redirector/services/a1/modelChanged"))!.revision;
    const file = configuration("target.yaml", { type: "zookeeper", connect: zookeeper!.connect, base: BASE });
    const source = ["--zookeeper", zookeeper!.connect, "--base-path", BASE, "--to", file];

    const planned = await redirect("import", ...source, "--plan");
    expect([planned.code, planned.error]).toEqual([0, ""]);
    expect(planned.out).toMatch(/^a1 +6 +7 +2 +2 +2 +2 +3 +1 +2$/m);
    expect(planned.out).toMatch(/^known +none /m);
    expect(await store.children("/fairlead")).toBeNull();

    const done = await redirect("import", ...source, "--json");
    expect(done.error).toBe("");
    const result = JSON.parse(done.out) as { configuration: string };
    expect(result).toMatchObject({
      ok: true,
      written: true,
      lists: 3,
      list_changes: 2,
      settings: true,
      problems: [],
    });
    expect(await treeOf(store)).toEqual(before);

    const records = new Records(
      () => store,
      () => MAX_BYTES,
    );
    const { version, model } = (await records.readFresh(modelRecord("a1"))).value;
    expect(version).toBe(modelVersion);
    expect(model.rules).toEqual(TREE_MODEL.rules);
    expect(model).toMatchObject({
      rule_templates: [{ id: "kept" }],
      url_rule_templates: [{ id: "kept" }],
      distribution: SOURCE_MODEL.distribution,
      whitelist: SOURCE_MODEL.whitelist,
    });
    const lists = (await records.readFresh(LISTS_RECORD)).value.lists;
    expect(lists.map(({ name, type }) => [name, type])).toEqual([
      ["beta", "TEXT"],
      ["macs", "ENCODED"],
      ["networks", "IP"],
    ]);
    expect((await records.readFresh(pendingRecord("a1"))).value).toMatchObject({
      changes: [{ id: "fresh" }, { kind: "whitelist", id: "/EU/z1" }],
      offline: { base_version: modelVersion, changes: [{ kind: "default_url" }] },
    });
    expect((await records.readFresh(notesRecord("a1"))).value).toMatchObject({
      tests: [{ name: "beta" }],
      comments: { "/EU/z1": "moved to the new racks", "/US/z_2": "small" },
      whitelist_updates: [{ path: "/EU/z1", action: "ADD" }],
    });
    expect((await records.readFresh(SETTINGS_RECORD)).value).toMatchObject({
      min_hosts: 3,
      app_min_hosts: 1,
    });
    expect((await records.readFresh(LIST_CHANGES_RECORD)).value.offline).toMatchObject([
      { name: "beta", before_version: 5, after: { values: [{ value: "account-9" }] } },
      { name: "staff", before_version: null, after: null },
    ]);
    expect((await records.readFresh(reloadRecord("a1"))).value.version).toBe(0);
    expect((await records.readFresh(revisionRecord("a1", modelVersion))).value.action).toBe("import");
    const audit = await readAudit(records, { app: "a1", before: 100, limit: 10 });
    expect(audit).toMatchObject({ is_intact: true, entries: [{ action: "import", app: "a1" }] });

    const expected = decisions(TREE_MODEL, goldenLists());
    expect(decisions(model, lists)).toEqual(expected);
    // Most rules are reached, so that equal decisions say something.
    expect(new Set(expected.map((each) => each[1])).size).toBeGreaterThan(5);

    const again = await redirect("import", ...source);
    expect([again.code, again.out]).toEqual([1, expect.stringContaining("present already: application a1")]);
    expect((await records.readFresh(modelRecord("a1"))).value.version).toBe(modelVersion);
    expect((await redirect("import", ...source, "--replace")).code).toBe(0);
    expect((await records.readFresh(modelRecord("a1"))).value.version).toBe(modelVersion + 1);
    expect(await treeOf(store)).toEqual(before);

    const yaml = `${result.configuration}  address: "127.0.0.1:0"
  store: { type: zookeeper, connect: "${zookeeper!.connect}", base: ${BASE} }
`;
    await using fairlead = await runFairlead(`workers: 0\n${yaml}`);
    const ask = async (query: string) => {
      const answer = await fetch(`http://127.0.0.1:${fairlead.port("redirect")}/serviceDirect/a1?${query}`, {
        redirect: "manual",
      });
      return answer.headers.get("location");
    };
    await until(async () => (await ask("secure=1&mac=m")) !== null, "the imported model acts");
    // Rules that cost less are tried first: the address of this client would do for another one.
    expect(await ask("secure=1&a=1&b=2001:db8::1&c=z")).toBe("wss://10.0.0.5:443/app?ruleName=orders");
    expect(await ask("secure=1")).toBe("wss://10.0.0.2:443/app?ruleName=addresses");
    await store.close();
  },
  PATIENCE,
);

function gatewayFolder(): string {
  const folder = join(directory, "gateway");
  mkdirSync(join(folder, "a1"), { recursive: true });
  for (const name of ["selectserver.xml", "urlrules.xml", "whitelist.xml"])
    writeFileSync(join(folder, "a1", name), goldenFile(name));
  writeFileSync(join(folder, "applications.json"), '{"apps":["a1"]}');
  writeFileSync(join(folder, "a1", "modelmetadata.json"), '{"version":11}');
  writeFileSync(
    join(folder, "namespacedlists.json"),
    '{"dataNodeVersion":7,"namespacedLists":{"beta":["account-1","account-2"],"networks":["10.0.0.0/8"],"macs":["900150983CD24FB0D6963F7D28E17F72"]}}',
  );
  return folder;
}

const filesBelow = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => {
        const path = join(entry.parentPath, entry.name);
        return [path.slice(folder.length + 1), readFileSync(path, "utf8")];
      }),
  );

async function importedFrom(folder: string, name: string, ...more: string[]) {
  const store = join(directory, name);
  const file = configuration(`${name}.yaml`, { type: "sqlite", directory: store });
  const { code, out, error } = await redirect("import", folder, "--to", file, "--json", ...more);
  expect([code, error, out]).toEqual([0, "", expect.stringContaining('"written":true')]);
  const opened = openStore("sqlite", { directory: store }, storeEnvironment(directory));
  const records = new Records(
    () => opened,
    () => MAX_BYTES,
  );
  const stored = (await records.readFresh(modelRecord("a1"))).value;
  const lists = (await records.readFresh(LISTS_RECORD)).value.lists;
  await opened.close();
  return { store, stored, lists };
}

test(
  "RD132 files of the original's gateway are taken over and written again: the same decisions each time",
  async () => {
    const folder = gatewayFolder();
    const first = await importedFrom(folder, "first");
    expect(first.stored.version).toBe(11);
    const expected = decisions(SOURCE_MODEL, goldenLists());
    expect(decisions(first.stored.model, first.lists)).toEqual(expected);

    const exported = join(directory, "exported");
    const written = await redirect("export", exported, "--sqlite", first.store);
    expect([written.code, written.error]).toEqual([0, ""]);
    const second = await importedFrom(exported, "second");
    expect(second.stored).toEqual(first.stored);
    expect(second.lists).toEqual(first.lists);
    const occupied = await redirect("export", exported, "--sqlite", first.store);
    expect([occupied.code, occupied.error]).toEqual([1, expect.stringContaining("has files already")]);

    const again = join(directory, "again");
    expect((await redirect("export", again, "--sqlite", second.store)).code).toBe(0);
    expect(filesBelow(again)).toEqual(filesBelow(exported));
  },
  PATIENCE,
);

test(
  "files of one application stand in a folder by themselves; what is broken refuses all, unless it is to be left out",
  async () => {
    const folder = join(gatewayFolder(), "a1");
    const { stored } = await importedFrom(folder, "flat", "--app", "a1");
    expect(stored.model.rules).toHaveLength(SOURCE_MODEL.rules.length);
    const broken = readFileSync(join(folder, "selectserver.xml"), "utf8").replace(
      "<equals",
      "<unheard/><equals",
    );
    writeFileSync(join(folder, "selectserver.xml"), broken);
    const file = configuration("broken.yaml", { type: "sqlite", directory: join(directory, "broken") });
    const refused = await redirect("import", folder, "--app", "a1", "--to", file);
    expect([refused.code, refused.out]).toEqual([
      1,
      expect.stringMatching(/problem: a1\/selectserver\.xml: rule /),
    ]);
    expect(refused.out).toContain("nothing is written");
    const left = await redirect("import", folder, "--app", "a1", "--to", file, "--skip-problems", "--json");
    expect(JSON.parse(left.out)).toMatchObject({
      written: true,
      applications: [{ rules: SOURCE_MODEL.rules.length - 1 }],
    });
    const nothing = await redirect("import", directory, "--to", file);
    expect([nothing.code, nothing.out]).toEqual([
      1,
      expect.stringContaining("nothing of the original was found"),
    ]);
  },
  PATIENCE,
);

/** Keys as in the files that come with the original. */
const PROPERTIES = `# comma separated host:port pairs
xre.app.redirector=com.example.Redirector
xre.redirectorConfig.zooKeeperConnection=zk1:2181,\\
    zk2:2181
xre.redirectorConfig.zooKeeperBasePath=
xre.redirectorConfig.zooKeeperProviderStrategy=RoundRobin
xre.redirectorConfig.zooKeeperRetryAttempts=1
xre.redirectorConfig.backupBasePath=/opt/backups
xre.redirectorConfig.excludedAppsForStackAutoDiscovery=xreGuide
xre.redirectorConfig.defaultWeightOfTheNode=10
`;

test(
  "RD157 the original's properties become a section that this program loads, or are named with what takes their place",
  async () => {
    const file = join(directory, "redirector.properties");
    writeFileSync(file, `${PROPERTIES}xre.redirectorConfig.zooKeeperConection=typo\n`);
    const checked = await redirect("check", file);
    expect([checked.code, checked.error]).toEqual([
      0,
      `warning: ${file}:11: xre.redirectorConfig.zooKeeperConection: unknown key; did you mean xre.redirectorConfig.zooKeeperConnection?\n`,
    ]);
    const yaml = join(directory, "translated.yaml");
    writeFileSync(yaml, checked.out);
    const child = Bun.spawn([...PROGRAM, "check", "-c", yaml, "--origin"], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const origins = await child.stdout.text();
    expect(await child.exited).toBe(0);
    expect(origins).toMatch(/redirect\.store\.connect +"zk1:2181,zk2:2181"/);
    expect(origins).toMatch(/redirect\.apps\.xreGuide\.discovery +"static"/);

    const asJson = await redirect("check", file, "--json");
    expect(JSON.parse(asJson.out)).toMatchObject({
      ok: true,
      kind: "gateway",
      superseded: [{ line: 7, key: "xre.redirectorConfig.zooKeeperRetryAttempts" }],
      foreign: [{ line: 2 }],
      unknown: [{ line: 11 }],
    });
    writeFileSync(file, "redirector.connectionUrl = zk1:2181\nredirector.connectionTimeoutMs = soon\n");
    const bad = await redirect("check", file);
    expect([bad.code, bad.error]).toEqual([
      1,
      `${file}:2: redirector.connectionTimeoutMs "soon": expected a whole number from 1 to 2147483647\n`,
    ]);
    writeFileSync(file, "a=1\n");
    expect(await redirect("check", file)).toMatchObject({
      code: 1,
      error: expect.stringContaining("has no key that begins with"),
    });
  },
  PATIENCE,
);
