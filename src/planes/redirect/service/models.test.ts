/** First models, and rules that were made from templates. */
import { afterEach, expect, test } from "bun:test";
import { ANN, approved, codesOf, osRule, ROOT, saved, started, withModel } from "./test_app.ts";
import { stack, type TestService } from "./test_service.ts";

const open: TestService[] = [];

afterEach(async () => {
  for (const service of open.splice(0)) await service.close();
});

async function decided(service: TestService, parameters: object, model = "current"): Promise<unknown> {
  return (await service.ask(ANN, "POST", `/decide/a1?model=${model}`, { body: parameters })).json()[
    "decision"
  ];
}

test("RD120 redirection is started for an application with one live stack", async () => {
  const dead = stack("/EU/z0", "0.9", "10.0.0.9");
  const service = started(open, {
    stacks: {
      a1: [
        { ...dead, hosts: dead.hosts.map((host) => ({ ...host, weight: 0 })) },
        stack("/EU/z1", "1.0", "10.0.0.1"),
      ],
      a2: [],
    },
  });
  const ask = async (target: string) => (await service.ask(ANN, "GET", `/redirectorInitModel${target}`)).text;
  expect(await ask("/a1/validate")).toBe("true");
  expect(await ask("/validModelExists")).toBe("false");
  expect(JSON.parse(await ask("/defaultModelConstructionDetails/a1/"))).toEqual({
    defaultRouteComposition: "1.0",
    defaultUrlPartsComposition: "http, 10001, shell, IPv4",
    firstAvailableWhitelisted: "/EU/z1",
    urlForRedirection: "http://10.0.0.1:10001/shell",
  });
  expect((await service.ask(ANN, "POST", "/redirectorInitModel/a1/")).status).toBe(403);
  const answer = await service.ask(ROOT, "POST", "/redirectorInitModel/a1/?reason=new");
  expect(answer, answer.text).toMatchObject({ status: 201 });
  expect(answer.json()).toEqual({ version: 1 } as never);
  expect(await decided(service, {})).toMatchObject({
    type: "DEFAULT_SERVER",
    locations: [{ url: "http://10.0.0.1:10001/shell" }],
  });
  expect((await service.ask(ANN, "GET", "/whitelist/a1")).json()).toEqual({ paths: ["/EU/z1"] } as never);
  const revisions = await service.ask(ROOT, "GET", "/revisions/a1");
  expect(revisions.json()).toMatchObject({
    revisions: [{ version: 1, action: "start redirection", approver: "root", reason: "new" }],
  } as never);
  expect(await ask("/validModelExists")).toBe("true");
  expect(await ask("/validModelExists/a1")).toBe("true");
  expect(await ask("/validModelExists/a2")).toBe("false");
  expect(await ask("/a1/validate")).toBe("false");
  expect(JSON.parse(await ask(""))).toEqual({
    modelStates: [
      { applicationName: "a1", active: true },
      { applicationName: "a2", active: false },
    ],
  });
});

test("redirection is not started where there is a model, no host, or too few of them", async () => {
  const service = started(open);
  await withModel(service);
  const start = (app: string) => service.ask(ROOT, "POST", `/redirectorInitModel/${app}/`);
  expect((await start("a1")).status).toBe(409);
  service.stacks.set("a2", []);
  expect((await start("a2")).status).toBe(503);
  expect((await service.ask(ANN, "GET", "/redirectorInitModel/a2/validate")).status).toBe(503);
  expect((await start("nobody")).status).toBe(404);
  service.stacks.set("a2", [stack("/EU/z1", "1.0", "10.0.0.1")]);
  await service.ask(ROOT, "POST", "/settings/redirectorConfig", { body: { minHosts: 1, appMinHosts: 2 } });
  const few = await start("a2");
  expect(few.status).toBe(400);
  expect(codesOf(few)).toEqual(["NOT_ENOUGH_HOSTS_FOR_DEFAULT"]);
  expect((await service.ask(ROOT, "GET", "/revisions/a2")).json()).toEqual({ revisions: [] } as never);
});

test("the history of a whitelist tells of a first model and of a revert when they were, whenever it is looked at", async () => {
  const service = started(open, {
    stacks: { a1: [stack("/EU/z1", "1.0", "10.0.0.1"), stack("/EU/z2", "1.0", "10.0.0.2")] },
  });
  const history = async () => (await service.ask(ANN, "GET", "/whitelistWithTimestamps/a1")).text;
  await service.ask(ROOT, "POST", "/redirectorInitModel/a1/");
  const first = await history();
  expect(first).toContain('"action":"ADD"');
  await saved(service, "/whitelist/a1", { paths: ["/EU/z1", "/EU/z2"] });
  await approved(service);
  const added = await history();
  const reverted = await service.ask(ROOT, "POST", "/revisions/a1/1/revert");
  expect(reverted, reverted.text).toMatchObject({ status: 200 });
  const gone = await history();
  expect(gone).not.toBe(added);
  expect(gone).toContain('"path":"/EU/z2"');
  expect(gone).toContain('"action":"DELETE"');
  // The clock goes on meanwhile.
  const before = Date.now();
  while (Date.now() <= before + 1) await service.ask(ANN, "GET", "/whitelist/a1");
  expect(await history()).toBe(gone);
  expect((await service.ask(ROOT, "DELETE", "/whitelistWithTimestamps/a1")).status).toBe(200);
  expect((await service.ask(ROOT, "GET", "/audit?app=a1")).text).toContain("delete whitelist history");
});

const FROM = { templateName: "common" };

test("RD146 rules of a changed template are shown as out of date, and brought to it in one save", async () => {
  const service = started(open);
  await withModel(service);
  await saved(service, "/templates/rules/a1/common", osRule("linux"));
  await saved(service, "/templates/urlRules/a1/common", {
    equals: [{ param: "secure", value: "1" }],
    return: { urlRule: [{ protocol: "https" }] },
  });
  for (const name of ["one", "two"])
    await saved(service, `/rules/a1/${name}`, { ...osRule("linux"), ...FROM });
  await saved(service, "/rules/a1/own", osRule("linux"));
  await saved(service, "/urlRules/a1/tls", {
    ...FROM,
    equals: [{ param: "secure", value: "1" }],
    return: { urlRule: [{ protocol: "wss" }] },
  });
  await approved(service);
  const outdated = async () => (await service.ask(ANN, "GET", "/templates/outdated/a1")).json()["rules"];
  expect(await outdated()).toEqual([] as never);
  await saved(service, "/templates/rules/a1/common", osRule("darwin"));
  await saved(service, "/templates/urlRules/a1/common", {
    equals: [{ param: "secure", value: "yes" }],
    return: { urlRule: [{ protocol: "https" }] },
  });
  // A template that is not approved says nothing yet.
  expect(await outdated()).toEqual([] as never);
  await approved(service);
  const [one, two, tls] = [
    { kind: "rule", id: "one", template: "common" },
    { kind: "rule", id: "two", template: "common" },
    { kind: "url_rule", id: "tls", template: "common" },
  ];
  expect(await outdated()).toEqual([one, two, tls] as never);
  expect(await decided(service, { os: "linux" })).toMatchObject({ rule: "one" });
  const some = await service.ask(ANN, "POST", "/templates/resync/a1", { body: ["two"] });
  expect(some, some.text).toMatchObject({ status: 200 });
  expect(some.json()).toMatchObject({ rules: ["two"] } as never);
  expect(await outdated()).toEqual([one, tls] as never);
  const before = (await service.ask(ANN, "GET", "/changes/a1")).version();
  const all = await service.ask(ANN, "POST", "/templates/resync/a1");
  expect(all.json()).toEqual({ rules: ["one", "tls"], version: before + 1 } as never);
  expect(await outdated()).toEqual([] as never);
  expect(await decided(service, { os: "darwin" })).toMatchObject({ rule: null });
  await approved(service);
  expect(await decided(service, { os: "darwin", secure: "yes" })).toMatchObject({
    rule: "one",
    locations: [{ protocol: "wss" }],
  });
  const again = await service.ask(ANN, "POST", "/templates/resync/a1");
  expect(again.json()).toMatchObject({ rules: [] } as never);
});

test("a resync names what was made from no template, and needs the permission for what it changes", async () => {
  const service = started(open);
  await withModel(service);
  await saved(service, "/rules/a1/own", osRule("linux"));
  const unknown = await service.ask(ANN, "POST", "/templates/resync/a1", { body: ["own", "nothing"] });
  expect(unknown.status).toBe(404);
  expect(unknown.text).toContain("own, nothing");
  expect((await service.ask(ANN, "POST", "/templates/resync/a1", { body: { all: true } })).status).toBe(400);
  const template = {
    equals: [{ param: "secure", value: "1" }],
    return: { urlRule: [{ protocol: "https" }] },
  };
  await saved(service, "/templates/urlRules/a1/common", template);
  await saved(service, "/urlRules/a1/tls", {
    ...template,
    ...FROM,
    equals: [{ param: "secure", value: "2" }],
  });
  await approved(service);
  const eve = "eve:write-rules,redirector-accessApp-a1";
  expect((await service.ask(eve, "POST", "/templates/resync/a1")).status).toBe(403);
  expect((await service.ask(eve, "POST", "/templates/resync/a1", { body: [] })).status).toBe(200);
});
