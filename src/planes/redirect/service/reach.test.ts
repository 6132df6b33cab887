/** What somebody may not see, change or approve is not reached in another way either. */
import { afterEach, expect, test } from "bun:test";
import { ANN, BOB, ROOT, started, withModel } from "./test_app.ts";
import { stack, type TestService } from "./test_service.ts";

const open: TestService[] = [];

afterEach(async () => {
  for (const service of open.splice(0)) await service.close();
});

const LINES = { type: "text/plain" } as const;

/** A list that acts. */
async function withList(service: TestService, name: string, body: string): Promise<void> {
  const target = `/namespacedLists/addNewNamespaced/${name}?live=true`;
  const answer = await service.ask(ROOT, "POST", target, { ...LINES, body });
  expect(answer, answer.text).toMatchObject({ status: 201 });
}

test("an edit of a list that acts at once takes nothing along that waits for approval", async () => {
  const service = started(open);
  await withList(service, "l", "one");
  await withList(service, "other", "two");
  const pending = await service.ask(ANN, "PUT", "/namespacedLists/l/addValues", { ...LINES, body: "bad" });
  expect(pending.status).toBe(200);
  await service.ask(ANN, "PUT", "/namespacedLists/other/addValues", { ...LINES, body: "worse" });

  const added = await service.ask(ROOT, "PUT", "/namespacedLists/l/addValues?live=true", {
    ...LINES,
    body: "good",
  });
  expect(added, added.text).toMatchObject({ status: 200 });
  const gone = await service.ask(
    ROOT,
    "POST",
    "/namespacedLists/deleteEntitiesFromNamespacedLists?live=true",
    { ...LINES, body: "two" },
  );
  expect(gone, gone.text).toMatchObject({ status: 200 });

  const acting = await service.ask(BOB, "GET", "/namespacedLists/getAllNamespacedLists");
  for (const answer of [added, acting]) {
    expect(answer.text).toContain("good");
    expect(answer.text).not.toContain("bad");
  }
  expect(acting.text).not.toContain("worse");
  expect(acting.text).not.toContain("two");
  // What waits was made to another list than the one that acts now.
  const version = (await service.ask(BOB, "GET", "/namespacedListChanges")).version();
  const late = await service.ask(BOB, "POST", `/namespacedListChanges/approve/l/${version}`);
  expect(late.status).toBe(409);
});

test("a bulk file needs the permissions of all that it changes or shows", async () => {
  const service = started(open);
  await withModel(service);
  const rights = ["rules", "urlRules", "templates", "distributions", "servers", "whitelist"];
  const writer = `eve:redirector-accessApp-a1,${rights.map((each) => `write-${each}`).join(",")}`;
  const file = (body: string) => ({ type: "application/x-ndjson", body });
  const rollout = await service.ask(writer, "POST", "/bulk/a1", file('{"delete":{"rollout":"beta"}}'));
  expect(rollout, rollout.text).toMatchObject({ status: 403 });
  const own = await service.ask(writer, "POST", "/bulk/a1", file('{"delete":{"distribution":"default"}}'));
  expect(own, own.text).toMatchObject({ status: 200 });

  const reader = "eve:redirector-accessApp-a1,read-rules";
  expect(await service.ask(reader, "GET", "/bulk/a1")).toMatchObject({ status: 403 });
  expect(await service.ask(BOB, "GET", "/bulk/a1")).toMatchObject({ status: 200 });
});

test("a bulk file takes no default away under another name", async () => {
  const service = started(open);
  await withModel(service);
  const line = '{"delete":{"default_url":"other"}}';
  const answer = await service.ask(ANN, "POST", "/bulk/a1", { type: "application/x-ndjson", body: line });
  expect(answer, answer.text).toMatchObject({ status: 400 });
  expect(answer.text).toContain("expected default");
});

test("a model that nobody has approved is not reloaded", async () => {
  const service = started(open);
  expect(await service.ask(ROOT, "POST", "/modelReload/a1")).toMatchObject({ status: 404 });
  expect(await service.ask(ROOT, "POST", "/redirectorInitModel/a1")).toMatchObject({ status: 201 });
  expect(await service.ask(ROOT, "POST", "/modelReload/a1")).toMatchObject({ status: 200, text: "2" });
});

const BOTH = { stacks: { a1: [stack("/EU/z1", "1.0", "10.0.0.1")], a2: [] } };

test("audit and searches leave out applications that one may not see", async () => {
  const service = started(open, BOTH);
  await withList(service, "l", "one");
  const isIn = { contains: [{ param: "x", type: "namespacedList", namespacedList: [{ value: "l" }] }] };
  for (const app of ["a1", "a2"]) {
    const body = { ...isIn, return: { server: [{ name: "s", url: "http://x.example/" }] } };
    const answer = await service.ask(ROOT, "POST", `/rules/${app}/rule_of_${app}`, { body });
    expect(answer, answer.text).toMatchObject({ status: 201 });
  }
  const one = "eve:redirector-accessApp-a1,read-audit,read-namespacedLists";
  for (const target of [
    "/audit",
    "/namespacedLists/search/one",
    "/namespacedLists/dependingRulesMultiple/l",
  ]) {
    const [all, some] = [await service.ask(ROOT, "GET", target), await service.ask(one, "GET", target)];
    for (const answer of [all, some]) expect(answer, answer.text).toMatchObject({ status: 200 });
    expect(all.text).toContain("rule_of_a1");
    expect(all.text).toContain("rule_of_a2");
    expect(some.text).toContain("rule_of_a1");
    expect(some.text).not.toContain("rule_of_a2");
  }
});

test("changes of a list are shown to, and approved by, those who may read it", async () => {
  const service = started(open);
  for (const name of ["open", "secret"]) {
    const target = `/namespacedLists/addNewNamespaced/${name}`;
    const saved = await service.ask(ANN, "POST", target, { ...LINES, body: `value of ${name}` });
    expect(saved, saved.text).toMatchObject({ status: 201 });
  }
  const some = "eve:read-*,write-changes,deny-read-namespacedLists-secret";
  const shown = await service.ask(some, "GET", "/namespacedListChanges");
  expect(shown.text).toContain("value of open");
  expect(shown.text).not.toContain("secret");
  expect(shown.json()).toMatchObject({ hidden: 1 });
  const version = shown.version();
  const [all, one] = [`approveAll/${version}`, `approve/secret/${version}`];
  for (const target of [all, one])
    expect(await service.ask(some, "POST", `/namespacedListChanges/${target}`)).toMatchObject({
      status: 403,
    });
  const own = await service.ask(some, "POST", `/namespacedListChanges/approve/open/${version}`);
  expect(own, own.text).toMatchObject({ status: 200 });
});
