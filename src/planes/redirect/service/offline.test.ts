/** The way of a bundle: out of the service, changed offline, and back into the store. */
import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { contentOf } from "../last_known_good/test_known_good.ts";
import { BUNDLE_FILE } from "../offline/bundle.ts";
import { readZip, writeZip } from "../offline/zip.ts";
import {
  type Json,
  openTestStore,
  stack,
  type TestAnswer,
  type TestRequest,
  TestService,
  type TestServiceOptions,
} from "./test_service.ts";

const open: TestService[] = [];
afterEach(async () => {
  for (const service of open.splice(0)) await service.close();
});

const ANN = "ann:permitAll";
const BOB = "bob:approver";
const TEMPLATE = "{protocol}://{host}:{port}/{urn}";
const server = (path: string, name = "default") => ({ name, url: TEMPLATE, path });
const rule = (value: string, path = "1.0") => ({
  equals: [{ param: "os", value }],
  matches: [{ param: "model", pattern: "m.*" }],
  return: { server: [server(path, "beta")] },
});
const URL_PARAMS = { urlRule: { urn: "app", protocol: "http", port: "8080", ipProtocolVersion: "4" } };
const LIMITS = { max_entries: 100, max_entry_bytes: 1_000_000, max_bytes: 10_000_000 };
/** MD5 of `abc`. */
const ABC = "900150983CD24FB0D6963F7D28E17F72";

/** Two applications with models of version 1, with a rule and an ENCODED list. */
async function started(options: TestServiceOptions = {}): Promise<TestService> {
  const hosts = { a1: [stack("/EU/z1", "1.0", "10.0.0.1")], a2: [stack("/EU/z1", "1.0", "10.0.0.2")] };
  const service = new TestService({ stacks: hosts, ...options });
  open.push(service);
  await saved(service, "/namespacedLists/addNewNamespaced/macs", {
    name: "macs",
    type: "ENCODED",
    valueSet: [{ value: "abc" }],
  });
  const version = (await service.ask(ANN, "GET", "/namespacedListChanges")).version();
  await ok(service.ask(BOB, "POST", `/namespacedListChanges/approveAll/${version}`));
  for (const app of ["a1", "a2"]) {
    await saved(service, `/whitelist/${app}`, { paths: ["/EU/z1"] });
    await saved(service, `/servers/${app}/default`, server("1.0"));
    await saved(service, `/urlRules/${app}/urlParams/default`, URL_PARAMS);
    await saved(service, `/rules/${app}/beta`, rule("linux"));
    await approved(service, app);
  }
  return service;
}

async function ok(answer: Promise<TestAnswer>): Promise<TestAnswer> {
  const got = await answer;
  expect([200, 201], got.text).toContain(got.status);
  return got;
}

const saved = (service: TestService, target: string, body: unknown) =>
  ok(service.ask(ANN, "POST", target, { body }));

async function approved(service: TestService, app: string, base = "changes"): Promise<void> {
  const version = (await service.ask(BOB, "GET", `/${base}/${app}`)).version();
  await ok(service.ask(BOB, "POST", `/${base}/${app}/approve/${version}`));
}

/** Snapshots as a client changes them. */
interface Edited {
  readonly snapshots: {
    readonly application: string;
    readonly pathRules: { if: unknown[] };
    readonly servers: { description?: string };
  }[];
  readonly namespaces: { readonly namespace: { readonly valueSet: { readonly value: string }[] }[] };
}

/** As a form with one field. */
async function formOf(name: string, content: string | Blob): Promise<TestRequest> {
  const form = new FormData();
  form.set(name, content);
  const request = new Response(form);
  // Of a body that was read Bun knows no type any more.
  const type = request.headers.get("content-type")!;
  return { type, body: await request.bytes() };
}

/** A bundle of what acts, changed as a client does it while the store is away. */
async function bundle(service: TestService, edit: (all: Edited) => void = () => {}): Promise<Uint8Array> {
  const all = (
    await ok(service.ask(ANN, "GET", "/redirectorOffline/allSnapshots"))
  ).json() as unknown as Edited;
  edit(all);
  const target = "/redirectorOffline/downloadCoreBackup";
  return (await ok(service.ask(ANN, "POST", target, { body: JSON.stringify(all) }))).bytes;
}

const upload = (service: TestService, app: string, bytes: Uint8Array, query = "") =>
  service.ask(ANN, "POST", `/redirectorOffline/${app}/getOfflinePendingChanges${query}`, {
    body: bytes,
    type: "application/zip",
  });

/** The rule `beta` for others, a rule `gamma`, another server, and a list with one more value. */
function changeAll(all: Edited): void {
  const first = all.snapshots.find(({ application }) => application === "a1")!;
  first.pathRules.if = [
    { id: "beta", ...rule("mac") },
    { id: "gamma", ...rule("bsd") },
  ];
  first.servers.description = "made offline";
  all.namespaces.namespace[0]!.valueSet.push({ value: "new" });
}

const changesOf = async (service: TestService, app: string, base = "coreBackupChanges") => {
  const answer = await ok(service.ask(BOB, "GET", `/${base}/${app}?form=own`));
  const { changes } = answer.json() as unknown as { changes: { type: string; kind: string; id: string }[] };
  return changes.map(({ type, kind, id }) => `${type} ${kind} ${id}`).toSorted();
};

test("RD133 a bundle has the files of the last known good, with checksums, and the MD5 of values of ENCODED lists", async () => {
  const service = await started();
  const answer = await ok(service.ask(ANN, "GET", "/redirectorOffline/downloadCoreBackup"));
  expect(answer.type).toBe("application/zip");
  expect(answer.fields).toBe(`Content-Disposition: attachment; filename=${BUNDLE_FILE}\r\n`);
  const files = readZip(answer.bytes, () => true, LIMITS);
  const names = [
    "flavorTemplates.json",
    "manualbackup.json",
    "modelmetadata.json",
    "selectserver.xml",
    "urlTemplates.json",
    "urlrules.xml",
    "whitelist.xml",
    "whitelist_updates.xml",
  ];
  expect([...files.keys()].toSorted()).toEqual(
    [
      ...["a1", "a2"].flatMap((app) => names.map((name) => `${app}/${name}`)),
      "applications.json",
      "manifest.json",
      "namespacedlists-backup.json",
      "namespacedlists.json",
      "redirectorConfig.json",
    ].toSorted(),
  );
  const jsonOf = (name: string): Json => JSON.parse(new TextDecoder().decode(files.get(name))) as Json;
  expect(jsonOf("applications.json")).toEqual({ apps: ["a1", "a2"] } as unknown as Json);
  expect(jsonOf("namespacedlists.json")["namespacedLists"]).toEqual({ macs: [ABC] } as unknown as Json);
  expect(jsonOf("a1/modelmetadata.json")).toEqual({ version: 1 } as unknown as Json);
  expect(jsonOf("a1/manualbackup.json")["snapshotList"]).toMatchObject([
    { path: "/EU/z1/1.0/a1", hosts: [{ ipv4: "10.0.0.1", weight: "5" }] },
  ]);
  expect(jsonOf("namespacedlists-backup.json")["namespace"]).toMatchObject([
    { name: "macs", type: "ENCODED", valueSet: [{ value: "abc", encodedValue: ABC }] },
  ]);
});

test("RD133 snapshots as JSON, as fields of both forms and as XML make the same bundle as what acts", async () => {
  const service = await started();
  const text = JSON.stringify((await service.ask(ANN, "GET", "/redirectorOffline/allSnapshots")).json());
  const target = "/redirectorOffline/downloadCoreBackup";
  const multipart = await formOf("snapshots", text);
  const pairs = {
    body: new URLSearchParams({ snapshots: text }).toString(),
    type: "application/x-www-form-urlencoded",
  };
  const filesOf = ({ bytes }: TestAnswer) =>
    Object.fromEntries(readZip(bytes, (name) => name !== "manifest.json", LIMITS));
  const live = filesOf(await ok(service.ask(ANN, "GET", target)));
  for (const sent of [multipart, pairs, { body: text }, { body: "" }])
    expect(filesOf(await ok(service.ask(ANN, "POST", target, sent)))).toEqual(live);
  const xml = await ok(
    service.ask(ANN, "GET", "/redirectorOffline/a1/modelSnapshot", { accept: "application/xml" }),
  );
  expect([xml.type, xml.text]).toEqual(["application/xml", expect.stringContaining("<snapshot>")]);
  for (const [bad, words] of [
    ["{", "snapshots: is no JSON"],
    ["[]", "snapshots: the document is not an object"],
    ['{"snapshots":[{"version":1}]}', "has no application"],
    ['{"snapshots":[{"application":"a1","stackBackup":"{"}]}', "stackBackup"],
    ['{"snapshots":[{"application":"a1"}]}', "no application has a model"],
  ] as const) {
    const refused = await service.ask(ANN, "POST", target, { body: bad });
    expect([refused.status, refused.text]).toEqual([400, expect.stringContaining(words)]);
  }
});

test("RD134 a bundle that is uploaded after the recovery becomes pending, and ordinary saves answer 409 until it is resolved", async () => {
  const service = await started();
  const changed = await bundle(service, changeAll);
  const answer = (await ok(upload(service, "a1", changed))).json();
  expect(answer).toMatchObject({ base_version: 1, model_version: 1, conflicts: [] });
  expect(Object.keys(answer["pendingChangesStatus"]!["pathRules"]!)).not.toEqual([]);
  expect(answer["namespaceChangesStatus"]!["namespaceChanges"]).toEqual([
    { name: "macs", changeType: "UPDATE" },
  ] as unknown as Json);
  expect(await changesOf(service, "a1")).toEqual([
    "ADD rule gamma",
    "UPDATE default_server default",
    "UPDATE rule beta",
  ]);
  const asked = async (path: string) =>
    (await ok(service.ask(BOB, "GET", `/redirectorOffline/${path}`))).text;
  expect(await asked("a1/hasOfflinePendingChanges")).toBe("true");
  expect(await asked("a2/hasOfflinePendingChanges")).toBe("false");
  expect(await asked("a2/hasOfflineChanges")).toBe("true");
  expect((await ok(service.ask(BOB, "POST", "/redirectorOffline/hasOfflinePendingChanges"))).text).toBe(
    "true",
  );

  // Nothing acts before it is approved, and nothing else is saved meanwhile.
  const refused = async (target: string, body: unknown) => {
    const { status, text } = await service.ask(ANN, "POST", target, { body });
    return [status, text];
  };
  expect(await refused("/rules/a1/other", rule("x"))).toEqual([
    409,
    "a1: changes that were made offline are not resolved yet; approve or cancel them first\n",
  ]);
  const list = { name: "more", type: "TEXT", valueSet: [{ value: "v" }] };
  expect((await refused("/namespacedLists/addNewNamespaced/more", list))[0]).toBe(409);
  expect((await upload(service, "a1", changed)).status).toBe(409);
  await saved(service, "/rules/a2/other", rule("x"));
  const live = (await service.ask(ANN, "GET", "/rules/a1/beta")).json();
  expect(JSON.stringify(live)).toContain("linux");

  // One is cancelled, the rest approved: by somebody else than who has uploaded it.
  const version = (await service.ask(BOB, "GET", "/coreBackupChanges/a1")).version();
  const own = await service.ask(ANN, "POST", `/coreBackupChanges/a1/approve/${version}`);
  expect([own.status, own.text]).toEqual([403, expect.stringContaining("ann has made")]);
  await ok(service.ask(BOB, "DELETE", `/coreBackupChanges/a1/rule/gamma/${version}`));
  await approved(service, "a1", "coreBackupChanges");
  expect((await ok(service.ask(BOB, "GET", "/modelReload/getVersion/a1"))).text).toBe("2");
  expect(JSON.stringify((await service.ask(ANN, "GET", "/rules/a1")).json())).toMatch(/mac.*/);
  expect((await service.ask(ANN, "GET", "/rules/a1/gamma")).status).toBe(404);
  await saved(service, "/rules/a1/other", rule("x"));

  const lists = (await service.ask(BOB, "GET", "/redirectorOffline/getAllNamespacesChanges")).version();
  await ok(service.ask(BOB, "POST", `/redirectorOffline/approveAllNamespacesChanges/${lists}`));
  const after = (await service.ask(ANN, "GET", "/namespacedLists/getOne/macs")).json();
  expect(JSON.stringify(after)).toContain("22AF645D1859CB5CA6DA0C484F1F37EA");
  expect(await asked("hasOfflinePendingChanges")).toBe("false");
  // The same lists, in the same bundle, uploaded for the other application: nothing is left to do.
  const other = (await ok(upload(service, "a2", changed))).json();
  expect(other).toMatchObject({ namespaceChangesStatus: { namespaceChanges: [] } });
});

test("RD134 all of it may be cancelled, and the service is as it was", async () => {
  const service = await started();
  await ok(upload(service, "a1", await bundle(service, changeAll)));
  const version = (await service.ask(BOB, "GET", "/coreBackupChanges/a1")).version();
  await ok(service.ask(BOB, "POST", `/coreBackupChanges/a1/cancel/${version}`));
  const lists = (await service.ask(BOB, "GET", "/redirectorOffline/getAllNamespacesChanges")).version();
  await ok(service.ask(BOB, "POST", `/redirectorOffline/cancelAllNamespacesChanges/${lists}`));
  expect(await changesOf(service, "a1")).toEqual([]);
  await saved(service, "/rules/a1/other", rule("x"));
  await saved(service, "/namespacedLists/addNewNamespaced/more", {
    name: "more",
    type: "TEXT",
    valueSet: [{ value: "v" }],
  });
});

test("RD134 a bundle in which nothing was changed changes nothing, whatever became of the order of conditions", async () => {
  const service = await started();
  for (const unchanged of [
    await bundle(service),
    (await service.ask(ANN, "GET", "/redirectorOffline/downloadCoreBackup")).bytes,
  ]) {
    const answer = (await ok(upload(service, "a1", unchanged))).json();
    expect(answer["namespaceChangesStatus"]!["namespaceChanges"]).toEqual([] as unknown as Json);
    expect(await changesOf(service, "a1")).toEqual([]);
  }
  await saved(service, "/rules/a1/other", rule("x"));
});

test("RD135 a bundle that is older than the live model is refused with both versions named, and may be merged", async () => {
  const service = await started();
  const changed = await bundle(service, changeAll);
  await saved(service, "/rules/a1/delta", rule("solaris"));
  await approved(service, "a1");
  const refused = await upload(service, "a1", changed);
  expect([refused.status, refused.text]).toEqual([
    409,
    "the model of a1 has version 2, and the bundle was made of version 1; ?merge=true takes what was changed in the bundle into the newer one\n",
  ]);
  expect(await changesOf(service, "a1")).toEqual([]);
  const merged = (await ok(upload(service, "a1", changed, "?merge=true"))).json();
  expect(merged).toMatchObject({ base_version: 1, model_version: 2, conflicts: [] });
  // What was made in the store meanwhile stays.
  expect(await changesOf(service, "a1")).toEqual([
    "ADD rule gamma",
    "UPDATE default_server default",
    "UPDATE rule beta",
  ]);
  await approved(service, "a1", "coreBackupChanges");
  const rules = (await service.ask(ANN, "GET", "/rules/a1/ids")).text;
  for (const name of ["beta", "gamma", "delta"]) expect(rules).toContain(name);
});

test("RD135 what both have changed is named, and counts as is wished", async () => {
  const service = await started();
  const changed = await bundle(service, changeAll);
  await saved(service, "/rules/a1/beta", rule("solaris"));
  await approved(service, "a1");
  const refused = await upload(service, "a1", changed, "?merge=true");
  expect([refused.status, refused.text]).toEqual([
    409,
    "a1: the store and the bundle have both changed rule beta; ?conflicts=store or ?conflicts=bundle says whose change counts\n",
  ]);
  expect((await upload(service, "a1", changed, "?merge=true&conflicts=me")).status).toBe(400);
  const conflicts = [{ kind: "rule", id: "beta" }];
  const store = (await ok(upload(service, "a1", changed, "?merge=true&conflicts=store"))).json();
  expect(store["conflicts"]).toEqual(conflicts as unknown as Json);
  expect(await changesOf(service, "a1")).toEqual(["ADD rule gamma", "UPDATE default_server default"]);
  const version = (await service.ask(BOB, "GET", "/coreBackupChanges/a1")).version();
  await ok(service.ask(BOB, "POST", `/coreBackupChanges/a1/cancel/${version}`));
  await ok(upload(service, "a1", changed, "?merge=true&conflicts=bundle"));
  expect(await changesOf(service, "a1")).toContain("UPDATE rule beta");
});

test("RD135 a bundle whose revision is not kept any more cannot be merged", async () => {
  const service = await started({ max_revisions: 1 });
  const changed = await bundle(service, changeAll);
  await saved(service, "/rules/a1/delta", rule("solaris"));
  await approved(service, "a1");
  const refused = await upload(service, "a1", changed, "?merge=true");
  expect([refused.status, refused.text]).toEqual([
    409,
    "the model of a1 has version 2, and the bundle was made of version 1, whose revision is not kept any more, so they cannot be merged\n",
  ]);
});

test("a list that both have changed is a conflict, one that only the store has changed stays", async () => {
  const service = await started();
  const changed = await bundle(service, (all) =>
    all.namespaces.namespace[0]!.valueSet.push({ value: "new" }),
  );
  const change = async (name: string, type: string, value: string) => {
    await saved(service, `/namespacedLists/addNewNamespaced/${name}`, { name, type, valueSet: [{ value }] });
    const version = (await service.ask(ANN, "GET", "/namespacedListChanges")).version();
    await ok(service.ask(BOB, "POST", `/namespacedListChanges/approveAll/${version}`));
  };
  await change("more", "TEXT", "v");
  await ok(upload(service, "a1", changed));
  const waiting = await service.ask(BOB, "GET", "/redirectorOffline/getAllNamespacesChanges");
  expect(waiting.json()["changes"]).toMatchObject([{ name: "macs", type: "UPDATE" }]);
  await ok(service.ask(BOB, "POST", `/redirectorOffline/cancelAllNamespacesChanges/${waiting.version()}`));
  await change("macs", "ENCODED", "other");
  const refused = await upload(service, "a1", changed);
  expect([refused.status, refused.text]).toEqual([409, expect.stringContaining("both changed list macs;")]);
});

test("a damaged bundle, one of something else and a bomb are refused with a reason, and change nothing", async () => {
  const service = await started({ max_model_bytes: 100_000 });
  const good = await bundle(service, changeAll);
  const files = new Map(readZip(good, () => true, LIMITS));
  const other = (name: string, text: string | null): Uint8Array => {
    const next = new Map(files);
    if (text === null) next.delete(name);
    else next.set(name, new TextEncoder().encode(text));
    return writeZip(next);
  };
  const cases: readonly (readonly [Uint8Array, string])[] = [
    [new TextEncoder().encode("no zip"), "the bundle is no zip file, or its end is missing\n"],
    [
      other("a1/whitelist.xml", "<whitelisted/>"),
      "the bundle has another a1/whitelist.xml than its manifest.json names\n",
    ],
    [other("a1/whitelist.xml", null), "the bundle lacks a1/whitelist.xml, which its manifest.json names\n"],
    [other("manifest.json", "{}"), "the bundle has a manifest.json that is not a manifest of this program\n"],
    [other("../a1/x", ""), "the bundle has an entry with the name"],
    [other("stacks.json", "{}"), "the bundle has stacks.json, which its manifest.json does not name\n"],
    [other("a1/selectserver.xml", "x".repeat(100_001)), "the bundle has more than 100000 bytes"],
    [good.subarray(0, good.length >> 1), "the bundle is no zip file, or its end is missing\n"],
  ];
  for (const [bytes, words] of cases) {
    const refused = await upload(service, "a1", bytes);
    expect([refused.status, refused.text]).toEqual([400, expect.stringContaining(words)]);
  }
  // One of the original has no manifest, and plain values only.
  const plain = new Map(files);
  plain.delete("manifest.json");
  plain.delete("a2/selectserver.xml");
  plain.set("a1/whitelist.xml", new TextEncoder().encode("<whitelisted>"));
  const unreadable = await upload(service, "a1", writeZip(plain));
  expect([unreadable.status, unreadable.text]).toEqual([400, expect.stringContaining("a1/whitelist.xml")]);
  const missing = await upload(service, "a2", writeZip(plain));
  expect([missing.status, missing.text]).toEqual([
    400,
    expect.stringContaining("a2: selectserver.xml is missing"),
  ]);
  expect(await changesOf(service, "a1")).toEqual([]);
  plain.set("a1/whitelist.xml", files.get("a1/whitelist.xml")!);
  const form = await formOf("file", new Blob([writeZip(plain) as Uint8Array<ArrayBuffer>]));
  await ok(service.ask(ANN, "POST", "/redirectorOffline/a1/getOfflinePendingChanges", form));
  expect(await changesOf(service, "a1")).toHaveLength(3);
});

test("without the store snapshots are what was read of it last, and else what acts in the gateway", async () => {
  const directory = mkdtempSync(join(tmpdir(), "redirect-service-"));
  const store = openTestStore(directory);
  const service = await started({ store });
  const before = (await ok(service.ask(ANN, "GET", "/redirectorOffline/allSnapshots"))).json();
  const fresh = new TestService({
    store,
    stacks: { a1: [stack("/EU/z1", "1.0", "10.0.0.1")] },
    known: contentOf(7),
  });
  const empty = new TestService({ store, stacks: { a1: [] } });
  await store.close();
  const after = (await ok(service.ask(ANN, "GET", "/redirectorOffline/allSnapshots"))).json();
  expect(after).toEqual(before);
  const known = (await ok(fresh.ask(ANN, "GET", "/redirectorOffline/allSnapshots"))).json();
  expect(known).toMatchObject({
    snapshots: [{ application: "a1", version: 7, servers: { path: "1.0" } }],
    namespaces: { dataNodeVersion: 7, namespace: [{ name: "macs" }] },
    redirectorConfig: { minHosts: 2 },
  });
  expect((await fresh.ask(ANN, "GET", "/redirectorOffline/downloadCoreBackup")).status).toBe(200);
  expect((await fresh.ask(ANN, "GET", "/redirectorOffline/namespaceSnapshot")).status).toBe(200);
  expect((await empty.ask(ANN, "GET", "/redirectorOffline/allSnapshots")).status).toBe(503);
  rmSync(directory, { recursive: true });
});

test("whoever may not read all of it gets no snapshots, and nobody uploads without the permission", async () => {
  const service = await started();
  const cat = "cat:read-*,redirector-accessApp-a1";
  const dan = "dan:read-*,redirector-accessApp-*,deny-read-namespacedLists-macs";
  for (const who of [cat, dan])
    for (const target of ["allSnapshots", "downloadCoreBackup"])
      expect((await service.ask(who, "GET", `/redirectorOffline/${target}`)).status).toBe(403);
  expect((await service.ask(dan, "GET", "/redirectorOffline/namespaceSnapshot")).status).toBe(403);
  expect((await service.ask(cat, "GET", "/redirectorOffline/a1/modelSnapshot")).status).toBe(200);
  expect((await service.ask(cat, "GET", "/redirectorOffline/a2/modelSnapshot")).status).toBe(403);
  expect((await service.ask(ANN, "GET", "/redirectorOffline/none/modelSnapshot")).status).toBe(404);
  const sent = { body: new Uint8Array(3), type: "application/zip" };
  const target = "/redirectorOffline/a1/getOfflinePendingChanges";
  expect((await service.ask("eve:viewer", "POST", target, sent)).status).toBe(403);
  const names = (await service.ask(ANN, "GET", "/redirectorOffline/applications")).json();
  expect(names).toEqual({ version: 0, appNames: ["a1", "a2"] } as unknown as Json);
});

test("a bundle changes no list, and shows no hosts, that whoever sends it has no right to", async () => {
  const service = await started();
  const bytes = await bundle(service, ({ namespaces }) => {
    namespaces.namespace[0]!.valueSet.push({ value: "def" });
  });
  const send = (who: string) =>
    service.ask(who, "POST", "/redirectorOffline/a1/getOfflinePendingChanges", {
      body: bytes,
      type: "application/zip",
    });
  const rights = "redirector-accessApp-a1,write-backups,write-namespacedLists";
  expect(await send(`eve:${rights},deny-write-namespacedLists-macs`)).toMatchObject({ status: 403 });
  expect(await send(`eve:${rights}`)).toMatchObject({ status: 200 });

  const all = (await service.ask(ANN, "GET", "/redirectorOffline/allSnapshots")).text;
  const make = (who: string) =>
    service.ask(who, "POST", "/redirectorOffline/downloadCoreBackup", { body: all });
  expect(await make("eve:read-backups,redirector-accessApp-a1")).toMatchObject({ status: 403 });
  expect(await make("eve:read-backups,redirector-accessApp-*")).toMatchObject({ status: 200 });
  const names = await service.ask(
    "eve:read-backups,redirector-accessApp-a1",
    "GET",
    "/redirectorOffline/applications",
  );
  expect(names.text).toContain("a1");
  expect(names.text).not.toContain("a2");
});
