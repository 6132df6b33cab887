/** Named lists over HTTP. */
import { afterEach, expect, test } from "bun:test";
import { APPS } from "../models/stored.ts";
import { withListEdits } from "./editing.ts";
import { pendingRecord } from "./records/kinds.ts";
import { recordWrite } from "./records/records.ts";
import { ANN, approved, BOB, codesOf, ROOT, saved, server, started, withModel } from "./test_app.ts";
import type { TestAnswer, TestService } from "./test_service.ts";

const open: TestService[] = [];

afterEach(async () => {
  for (const service of open.splice(0)) await service.close();
});

async function ready(): Promise<TestService> {
  const service = started(open);
  await withModel(service);
  return service;
}

const list = (type: string, name: string, ...values: readonly string[]): object => ({
  name,
  type,
  valueSet: values.map((value) => ({ value })),
});

async function save(service: TestService, body: object, query = ""): Promise<TestAnswer> {
  const { name } = body as { name: string };
  return service.ask(ROOT, "POST", `/namespacedLists/addNewNamespaced/${name}${query}`, { body });
}

async function live(service: TestService, body: object): Promise<void> {
  const answer = await save(service, body, "?live=true");
  expect(answer, answer.text).toMatchObject({ status: 201 });
}

async function valuesOf(service: TestService, name: string): Promise<string[]> {
  const { valueSet } = (await service.ask(ANN, "GET", `/namespacedLists/getOne/${name}`)).json();
  return (valueSet as unknown as { value: string }[]).map(({ value }) => value);
}

const listRule = (...lists: readonly string[]): object => ({
  contains: [{ type: "namespacedList", param: "id", namespacedList: lists.map((value) => ({ value })) }],
  return: { server: [server("1.0", "beta")] },
});

test("RD101 a value stands in one list: refused, or moved where both are of text and that is wanted", async () => {
  const service = await ready();
  await live(service, list("TEXT", "old", "a", "b"));
  const refused = await save(service, list("TEXT", "new", "b", "c"));
  expect(refused.status).toBe(400);
  expect(codesOf(refused)).toEqual(["NamespacedListsDuplicates"]);
  expect(refused.text).toContain("old");
  const found = await service.ask(ANN, "POST", "/namespacedLists/duplicates", {
    body: list("TEXT", "new", "b"),
  });
  expect(found.json()).toMatchObject({
    duplicates: [{ value: "b", lists: ["old"], hidden: false }],
  } as never);
  const moved = await save(service, list("TEXT", "new", "b", "c"), "?autoResolve=true&live=true");
  expect(moved, moved.text).toMatchObject({ status: 201 });
  expect(await valuesOf(service, "old")).toEqual(["a"]);
  expect(await valuesOf(service, "new")).toEqual(["b", "c"]);
  for (const [type, value] of [
    ["IP", "10.0.0.0/8"],
    ["ENCODED", "account"],
  ] as const) {
    await live(service, list(type, `${type}_old`, value));
    const again = await save(service, list(type, `${type}_new`, value), "?autoResolve=true");
    expect(again.status).toBe(400);
    expect(codesOf(again)).toEqual(["NamespacedListsDuplicates"]);
  }
});

test("RD102 a list that a pending rule uses is not deleted", async () => {
  const service = await ready();
  await live(service, list("TEXT", "beta", "x"));
  await saved(service, "/rules/a1/members", listRule("beta"));
  const refused = await service.ask(ROOT, "DELETE", "/namespacedLists/beta");
  expect(refused.status).toBe(400);
  expect(codesOf(refused)).toEqual(["NamespacedlistIsInUse"]);
  expect(refused.text).toContain("a1/members (pending)");
  await service.ask(ANN, "DELETE", "/rules/a1/members");
  expect((await service.ask(ROOT, "DELETE", "/namespacedLists/beta")).status).toBe(200);
});

test("RD103 an encoded list is told with the MD5 that clients send, and decides by it alone", async () => {
  const service = started(open, { compat: true });
  await withModel(service);
  await live(service, list("ENCODED", "beta", "abc"));
  const kept = await service.ask(ANN, "GET", "/namespacedLists/getOne/beta");
  const md5 = "900150983CD24FB0D6963F7D28E17F72";
  expect(kept.json()).toMatchObject({ valueSet: [{ value: "abc", encodedValue: md5 }] } as never);
  await saved(service, "/rules/a1/members", listRule("beta"));
  await approved(service);
  const decided = async (id: string) =>
    (await service.ask(ANN, "POST", "/decide/a1", { body: { id } })).json()["decision"]!["rule"];
  expect(await decided(md5)).toBe("members" as never);
  expect(await decided("abc")).toBeNull();
});

test("RD105 a search by value, part of the name or hash finds the list and the rules that use it", async () => {
  const service = await ready();
  await live(service, list("TEXT", "beta_testers", "account-1", "account-2"));
  await live(service, list("ENCODED", "secret", "abc"));
  await saved(service, "/rules/a1/members", listRule("beta_testers", "secret"));
  await approved(service);
  await saved(service, "/rules/a1/others", listRule("beta_testers"));
  const search = async (value: string) =>
    (await service.ask(ANN, "GET", `/namespacedLists/search/${value}`)).json();
  const rules = [
    { serviceName: "a1", name: "members", in: "both" },
    { serviceName: "a1", name: "others", in: "pending" },
  ];
  const testers = { name: "beta_testers", dependingFlavorRules: rules };
  expect(await search("account-2")).toMatchObject({
    namespacedLists: [{ ...testers, values: ["account-2"] }],
  } as never);
  expect(await search("TESTER")).toMatchObject({ namespacedLists: [{ ...testers, values: [] }] } as never);
  const secret = { name: "secret", values: ["abc"], dependingFlavorRules: rules.slice(0, 1) };
  for (const value of ["abc", "900150983cd24fb0d6963f7d28e17f72"])
    expect(await search(value)).toMatchObject({ namespacedLists: [secret] } as never);
  expect(await search("nothing")).toEqual({ namespacedLists: [] } as never);
});

test("RD119 a template that an approved or a pending rule uses is not deleted", async () => {
  const service = await ready();
  const made = { ...listRule("beta"), templateName: "common" };
  await saved(service, "/templates/rules/a1/common", listRule("beta"));
  await approved(service);
  await saved(service, "/rules/a1/members", made);
  const remove = () => service.ask(ANN, "DELETE", "/templates/rules/a1/common");
  const pending = await remove();
  expect(pending.status).toBe(400);
  expect(codesOf(pending)).toEqual(["TemplateIsUsed"]);
  expect(pending.text).toContain("a1/members (pending)");
  await approved(service);
  await service.ask(ANN, "DELETE", "/rules/a1/members");
  // What acts still has it.
  expect(codesOf(await remove())).toEqual(["TemplateIsUsed"]);
  await approved(service);
  expect((await remove()).status).toBe(200);
  expect((await service.ask(BOB, "GET", "/changes/a1")).text).toContain("common");
});

/** The same service beside `service`, where somebody else is faster: `meanwhile` happens once, right after `path` was read. */
function slower(service: TestService, path: string, meanwhile: () => Promise<unknown>): TestService {
  let isOver = false;
  const store = new Proxy(service.store, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== "function") return value;
      if (key !== "get") return value.bind(target) as unknown;
      return async (asked: string) => {
        const found = await target.get(asked);
        if (asked.startsWith(path) && !isOver) {
          isOver = true;
          await meanwhile();
        }
        return found;
      };
    },
  });
  return started(open, { store, stacks: Object.fromEntries(service.stacks) });
}

test("RD102 a list is not deleted when a rule that uses it is saved and approved at the same moment", async () => {
  const service = await ready();
  await live(service, list("TEXT", "beta", "x"));
  const { path } = pendingRecord("a1");
  const deleting = slower(service, path, async () => {
    await saved(service, "/rules/a1/members", listRule("beta"));
    await approved(service);
  });
  const refused = await deleting.ask(ROOT, "DELETE", "/namespacedLists/beta");
  expect([refused.status, codesOf(refused)]).toEqual([400, ["NamespacedlistIsInUse"]]);
  expect(await valuesOf(service, "beta")).toEqual(["x"]);
});

test("RD102 a list that a rule uses which was changed offline is not deleted", async () => {
  const service = await ready();
  await live(service, list("TEXT", "beta", "x"));
  await saved(service, "/rules/a1/members", listRule("beta"));
  const { records } = service.service;
  await records.change(async () => {
    const { value, revision } = await records.readFresh(pendingRecord("a1"));
    const offline = { base_version: 1, changes: value.changes };
    const next = { version: value.version + 1, changes: [], offline };
    return { writes: [recordWrite(pendingRecord("a1"), next, revision)], result: null };
  });
  const refused = await service.ask(ROOT, "DELETE", "/namespacedLists/beta");
  expect([refused.status, codesOf(refused)]).toEqual([400, ["NamespacedlistIsInUse"]]);
  expect(refused.text).toContain("a1/members (pending)");
});

test("a node of others under a name that is none is nobody's application", async () => {
  const service = await ready();
  await live(service, list("TEXT", "beta", "x"));
  for (const name of ["%zz", "stranger"]) await service.store.put(`${APPS}/${name}`, new Uint8Array(0));
  expect((await service.ask(ROOT, "GET", "/redirectorService/applicationNames")).status).toBe(200);
  expect((await service.ask(ROOT, "DELETE", "/namespacedLists/beta")).status).toBe(200);
});

test("lists of a revision act again only where no rule needs what would be gone, and for those who may see each of them", async () => {
  const service = await ready();
  await live(service, list("TEXT", "old", "a"));
  await live(service, list("TEXT", "beta", "x"));
  const revert = (who: string) => service.ask(who, "POST", "/listRevisions/1/revert");
  const denied = "eve:read-*,write-changes,redirector-accessApp-*,deny-read-namespacedLists-beta";
  expect((await revert(denied)).status).toBe(403);
  await saved(service, "/rules/a1/members", listRule("beta"));
  const refused = await revert(BOB);
  expect([refused.status, codesOf(refused)]).toEqual([400, ["NamespacedlistIsInUse"]]);
  expect(await valuesOf(service, "beta")).toEqual(["x"]);
  await service.ask(ANN, "DELETE", "/rules/a1/members");
  const answer = await revert(BOB);
  expect(answer, answer.text).toMatchObject({ status: 200 });
  expect((await service.ask(ANN, "GET", "/namespacedLists/getOne/beta")).status).toBe(404);
});

test("edits of many lists cost as much as there are of them", () => {
  const lists = Array.from({ length: 30_000 }, (_, index) => ({
    name: `l${index}`,
    description: null,
    type: "TEXT" as const,
    version: 1,
    values: [],
  }));
  const edits = lists.map(({ name }) => ({ name, value: null }));
  const start = performance.now();
  const { changes } = withListEdits(
    { value: { version: 0, changes: [], offline: null }, revision: null, is_stale: false },
    lists,
    edits,
    { author: "ann", at: 1 },
  );
  // Looking each of them up in a list takes many seconds.
  expect([changes.length, performance.now() - start < 2_000]).toEqual([30_000, true]);
});
