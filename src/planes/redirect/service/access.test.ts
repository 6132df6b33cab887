/** Who may do what, over HTTP. */
import { afterEach, expect, test } from "bun:test";
import { endpoints } from "./endpoints/all.ts";
import { ANN, osRule, ROOT, started, withModel } from "./test_app.ts";
import { stack, type TestService } from "./test_service.ts";

const open: TestService[] = [];

afterEach(async () => {
  for (const service of open.splice(0)) await service.close();
});

test("RD124 who may read rules may not write them, who may write them may, and permitAll may do all", async () => {
  const service = started(open);
  await withModel(service);
  const save = (who: string) => service.ask(who, "POST", "/rules/a1/r", { body: osRule("linux") });
  const reader = "eve:read-rules,redirector-accessApp-a1";
  expect((await service.ask(reader, "GET", "/rules/a1")).status).toBe(200);
  const refused = await save(reader);
  expect(refused.status).toBe(403);
  expect(refused.text).toContain("write-rules");
  expect((await save("eve:write-rules,redirector-accessApp-a1")).status).toBe(201);
  expect((await save("eve:permitAll")).status).toBe(201);
  expect(
    (await service.ask("eve:permitAll", "POST", "/settings/redirectorConfig", { body: {} })).status,
  ).toBe(201);
  expect((await service.ask(ANN, "POST", "/settings/redirectorConfig", { body: {} })).status).toBe(403);
});

const list = (name: string, ...values: readonly string[]): object => ({
  name,
  type: "TEXT",
  valueSet: values.map((value) => ({ value })),
});

test("RD125 a denial for one list beats the permission for all of them", async () => {
  const service = started(open);
  const save = (who: string, name: string) =>
    service.ask(who, "POST", `/namespacedLists/addNewNamespaced/${name}`, { body: list(name, `of ${name}`) });
  const eve = "eve:write-namespacedLists,deny-write-namespacedLists-x";
  expect((await save(eve, "x")).status).toBe(403);
  expect((await save(eve, "y")).status).toBe(201);
  const both = "eve:allow-write-namespacedLists-x,deny-write-namespacedLists-x";
  expect((await save(both, "x")).status).toBe(403);
  const one = "eve:allow-write-namespacedLists-x";
  expect((await save(one, "x")).status).toBe(201);
  expect((await save(one, "y")).status).toBe(403);
});

test("RD126 an application is shown to those alone who may access it", async () => {
  const service = started(open, {
    stacks: { a1: [stack("/EU/z1", "1.0", "10.0.0.1")], a2: [stack("/EU/z1", "1.0", "10.0.0.2")] },
  });
  const eve = "eve:read-*,redirector-accessApp-a1";
  expect((await service.ask(eve, "GET", "/rules/a1")).status).toBe(200);
  const refused = await service.ask(eve, "GET", "/rules/a2");
  expect(refused.status).toBe(403);
  expect(refused.text).toContain("redirector-accessApp-a2");
  // Answers about several applications leave the others out.
  for (const target of ["/stacks", "/redirectorService/applicationNames", "/redirectorInitModel"]) {
    const answer = await service.ask(eve, "GET", target);
    expect(answer.status, target).toBe(200);
    expect(answer.text).toContain("a1");
    expect(answer.text).not.toContain("a2");
    expect((await service.ask(ROOT, "GET", target)).text).toContain("a2");
  }
});

test("RD127 nobody without credentials gets anything but health, version and a login", async () => {
  const service = started(open);
  const isOpen: string[] = [];
  for (const { id, method, path } of endpoints) {
    const target = path.replace(/\{app\}/g, "a1").replace(/\{[^}]+\}/g, "1");
    const { status } = await service.ask("", method, target);
    if (status !== 401) isOpen.push(id);
  }
  expect(isOpen).toEqual(["getServiceVersion", "getServiceHealth", "login", "loginCallback", "logout"]);
  // What does not exist is not told apart either.
  expect((await service.ask("", "GET", "/nothing/here")).status).toBe(401);
  expect((await service.ask("", "DELETE", "/version")).status).toBe(401);
});

test("RD137 the trace of a session is for those with the permission alone", async () => {
  const trace = { app: "a1", id: "s1", events: [], left_out: 0, actual: null };
  const service = started(open, { traces: [trace, { ...trace, id: "s2" }] });
  const who = "eve:read-rules,redirector-accessApp-a1";
  expect((await service.ask(who, "GET", "/traces/a1?id=s1")).status).toBe(403);
  const found = await service.ask("eve:read-traces,redirector-accessApp-a1", "GET", "/traces/a1?id=s1");
  expect(found.json()).toEqual({ sessions: [trace] } as never);
  expect((await service.ask("eve:read-traces,redirector-accessApp-a2", "GET", "/traces/a1")).status).toBe(
    403,
  );
  expect((await service.ask("eve:read-traces,redirector-accessApp-a1", "DELETE", "/traces/a1")).status).toBe(
    403,
  );
});
