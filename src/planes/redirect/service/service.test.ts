import { afterEach, expect, test } from "bun:test";
import type { Store } from "../../../store/contract.ts";
import { StoreUnavailable } from "../../../store/errors.ts";
import { stack, TestService, type TestServiceOptions } from "./test_service.ts";

const open: TestService[] = [];

function started(options: TestServiceOptions = {}): TestService {
  const service = new TestService({ stacks: { a1: [stack("/EU/z1", "1.0", "10.0.0.1")] }, ...options });
  open.push(service);
  return service;
}

afterEach(async () => {
  for (const service of open.splice(0)) await service.close();
});

const ANN = "ann:editor";
const BOB = "bob:approver";
const ROOT = "root:admin";
const TEMPLATE = "{protocol}://{host}:{port}/{urn}";
const server = (path: string, name = "default") => ({ name, url: TEMPLATE, path });
const RULE = { equals: [{ param: "os", value: "linux" }], return: { server: [server("1.0", "beta")] } };
const URL_PARAMS = { urlRule: { urn: "app", protocol: "http", port: "8080", ipProtocolVersion: "4" } };

/** A model that redirects, approved by somebody else than its author. */
async function withModel(service: TestService): Promise<void> {
  for (const [target, body] of [
    ["/whitelist/a1", { paths: ["/EU/z1"] }],
    ["/servers/a1/default", server("1.0")],
    ["/urlRules/a1/urlParams/default", URL_PARAMS],
  ] as const) {
    const answer = await service.ask(ANN, "POST", target, { body });
    expect(answer, answer.text).toMatchObject({ status: 201 });
  }
  const version = (await service.ask(BOB, "GET", "/changes/a1")).version();
  const approved = await service.ask(BOB, "POST", `/changes/a1/approve/${version}`);
  expect(approved, approved.text).toMatchObject({ status: 200 });
}

async function decided(service: TestService, parameters: object, model = "current"): Promise<unknown> {
  const target = `/decide/a1?model=${model}`;
  return (await service.ask(ANN, "POST", target, { body: parameters })).json()["decision"];
}

const pendingVersion = async (service: TestService): Promise<number> =>
  (await service.ask(BOB, "GET", "/changes/a1")).version();

const modelVersion = async (service: TestService): Promise<number> =>
  Number((await service.ask(ROOT, "GET", "/modelReload/getVersion/a1")).text);

async function changeIds(service: TestService): Promise<string[]> {
  const { changes } = (await service.ask(BOB, "GET", "/changes/a1?form=own")).json();
  return (changes as unknown as { kind: string; id: string; type: string }[]).map(
    ({ kind, id, type }) => `${type} ${kind} ${id}`,
  );
}

async function approveAll(service: TestService, who = BOB): Promise<number> {
  return (await service.ask(who, "POST", `/changes/a1/approve/${await pendingVersion(service)}`)).status;
}

test("RD106 a saved rule is pending, and decides nothing before it is approved", async () => {
  const service = started();
  await withModel(service);
  const saved = await service.ask(ANN, "POST", "/rules/a1/beta", { body: RULE });
  expect(saved.status).toBe(201);
  const changes = await service.ask(ANN, "GET", "/changes/a1");
  expect(changes.json()["pathRules"]).toMatchObject({
    entry: [{ key: "beta", value: { changeType: "ADD" } }],
  });
  expect(await decided(service, { os: "linux" })).toMatchObject({ type: "DEFAULT_SERVER" });
  expect(await decided(service, { os: "linux" }, "next")).toMatchObject({ type: "PATH_RULE", rule: "beta" });
  await service.ask(BOB, "POST", `/changes/a1/rule/beta/${changes.version()}`);
  expect(await decided(service, { os: "linux" })).toMatchObject({ type: "PATH_RULE", rule: "beta" });
});

test("RD107 a rule that is edited twice before its approval is one change with the latest value", async () => {
  const service = started();
  await withModel(service);
  await service.ask(ANN, "POST", "/rules/a1/beta", { body: RULE });
  const second = { ...RULE, equals: [{ param: "os", value: "bsd" }] };
  await service.ask("eve:editor", "POST", "/rules/a1/beta", { body: second });
  expect(await changeIds(service)).toEqual(["ADD rule beta"]);
  expect(await decided(service, { os: "bsd" }, "next")).toMatchObject({ rule: "beta" });
  expect(await decided(service, { os: "linux" }, "next")).toMatchObject({ type: "DEFAULT_SERVER" });
});

test("RD108 the deletion of a rule that is new takes its change away", async () => {
  const service = started();
  await withModel(service);
  await service.ask(ANN, "POST", "/rules/a1/beta", { body: RULE });
  expect((await service.ask(ANN, "DELETE", "/rules/a1/beta")).status).toBe(200);
  expect(await changeIds(service)).toEqual([]);
});

test("RD109 a rule that is edited back to what is approved is no change", async () => {
  const service = started();
  await withModel(service);
  await service.ask(ANN, "POST", "/rules/a1/beta", { body: RULE });
  expect(await approveAll(service)).toBe(200);
  const other = { ...RULE, equals: [{ param: "os", value: "bsd" }] };
  await service.ask(ANN, "POST", "/rules/a1/beta", { body: other });
  expect(await changeIds(service)).toEqual(["UPDATE rule beta"]);
  await service.ask(ANN, "POST", "/rules/a1/beta", { body: RULE });
  expect(await changeIds(service)).toEqual([]);
});

test("RD110 an approval with an older version of the changes is refused, and nothing is applied", async () => {
  const service = started();
  await withModel(service);
  await service.ask(ANN, "POST", "/rules/a1/beta", { body: RULE });
  const [seen, acting] = [await pendingVersion(service), await modelVersion(service)];
  await service.ask(ANN, "POST", "/rules/a1/gamma", { body: RULE });
  for (const target of [`approve/${seen}`, `rule/beta/${seen}`, `approveWithoutValidation/${seen}`]) {
    const refused = await service.ask(ROOT, "POST", `/changes/a1/${target}`);
    expect(refused.status).toBe(409);
    expect(refused.text).toContain("out of date");
  }
  expect((await service.ask(BOB, "DELETE", `/changes/a1/rule/beta/${seen}`)).status).toBe(409);
  expect(await modelVersion(service)).toBe(acting);
  expect(await changeIds(service)).toEqual(["ADD rule beta", "ADD rule gamma"]);
});

test("RD111 nobody approves a change that they had a hand in, but by breaking the glass with a reason", async () => {
  const service = started();
  await withModel(service);
  await service.ask("ann:admin", "POST", "/rules/a1/beta", { body: RULE });
  const target = `/changes/a1/approve/${await pendingVersion(service)}`;
  const refused = await service.ask("ann:admin", "POST", target);
  expect(refused).toMatchObject({ status: 403 });
  expect(refused.text).toContain("expected the approval of somebody else");
  expect((await service.ask("ann:admin", "POST", `${target}?break_glass=`)).status).toBe(400);
  const [approver] = ["ann:read-*,write-changes,redirector-accessApp-*"];
  expect((await service.ask(approver, "POST", `${target}?break_glass=outage`)).status).toBe(403);
  expect((await service.ask("ann:admin", "POST", `${target}?break_glass=outage`)).status).toBe(200);
  const audit = (await service.ask(ROOT, "GET", "/audit?app=a1")).json();
  expect(audit).toMatchObject({ is_intact: true });
  expect(audit["entries"]).toMatchObject({ 0: { who: "ann", action: "break glass", reason: "outage" } });
});

test("RD111 where the policy allows it, authors approve their own changes", async () => {
  const service = started({ self_approval: true });
  await withModel(service);
  await service.ask(ROOT, "POST", "/rules/a1/beta", { body: RULE });
  expect(await approveAll(service, ROOT)).toBe(200);
});

test("RD114 a model that could not redirect is refused with the code, unless whoever may says otherwise", async () => {
  const service = started({
    stacks: { a1: [stack("/EU/z1", "1.0", "10.0.0.1"), stack("/EU/z1", "2.0", "10.0.0.2")] },
  });
  await withModel(service);
  const saved = await service.ask(ANN, "POST", "/servers/a1/default", { body: server("2.0") });
  expect(saved.status).toBe(201);
  service.stacks.set("a1", [stack("/EU/z1", "1.0", "10.0.0.1")]);
  const version = await pendingVersion(service);
  const refused = await service.ask(BOB, "POST", `/changes/a1/approve/${version}`);
  expect(refused.status).toBe(400);
  expect(refused.fields).toContain("X-Fairlead-Code: CANT_REDIRECT_TO_DEFAULT");
  const target = `/changes/a1/approveWithoutValidation/${version}`;
  expect((await service.ask(BOB, "POST", target)).status).toBe(403);
  expect((await service.ask(ROOT, "POST", target)).status).toBe(200);
});

test("RD115 the whitelist alone may be approved where neither the old nor the new model can redirect", async () => {
  const service = started();
  await service.ask(ANN, "POST", "/whitelist/a1", { body: { paths: ["/EU/z1"] } });
  expect(await approveAll(service)).toBe(200);
  await service.ask(ANN, "POST", "/urlRules/a1/urlParams/default", { body: URL_PARAMS });
  expect(await approveAll(service)).toBe(200);
  await service.ask(ANN, "POST", "/rules/a1/beta", { body: RULE });
  expect(await approveAll(service)).toBe(400);
});

test("RD116 cancelling all leaves model and version as they were", async () => {
  const service = started();
  await withModel(service);
  const before = await modelVersion(service);
  await service.ask(ANN, "POST", "/rules/a1/beta", { body: RULE });
  await service.ask(ANN, "PUT", "/whitelist/a1/addStacks", { body: { paths: ["/EU/z2"] } });
  const cancelled = await service.ask(BOB, "POST", `/changes/a1/cancel/${await pendingVersion(service)}`);
  expect(cancelled.status).toBe(200);
  expect(await changeIds(service)).toEqual([]);
  expect(await modelVersion(service)).toBe(before);
  expect((await service.ask(ANN, "GET", "/whitelist/a1")).json()).toEqual({ paths: ["/EU/z1"] } as never);
});

test("RD117 the way back to a revision is a new revision with its content, and stands in the audit log", async () => {
  const service = started();
  await withModel(service);
  const first = await modelVersion(service);
  await service.ask(ANN, "POST", "/rules/a1/beta", { body: RULE });
  await approveAll(service);
  const target = `/revisions/a1/${first}`;
  const reverted = await service.ask(BOB, "POST", `${target}/revert?reason=too%20early`);
  expect(reverted.json()).toEqual({ version: first + 2 } as never);
  expect(await decided(service, { os: "linux" })).toMatchObject({ type: "DEFAULT_SERVER" });
  const { revisions } = (await service.ask(ANN, "GET", "/revisions/a1")).json();
  expect(revisions).toMatchObject({
    0: { version: first + 2, action: "revert", approver: "bob", reason: "too early" },
    1: { version: first + 1, authors: ["ann"], approver: "bob", changes: [{ id: "beta", type: "ADD" }] },
  });
  const [old, now] = [
    await service.ask(ANN, "GET", target),
    await service.ask(ANN, "GET", `/revisions/a1/${first + 2}`),
  ];
  expect(now.json()["model"]).toEqual(old.json()["model"]!);
  const audit = (await service.ask(ROOT, "GET", "/audit")).json();
  expect(audit["entries"]).toMatchObject({ 0: { who: "bob", action: "revert", reason: "too early" } });
});

test("RD118 rules that are saved at once through two services are all there", async () => {
  const service = started();
  await withModel(service);
  const other = started({ store: service.store });
  const names = Array.from({ length: 20 }, (_, index) => `rule_${index}`);
  const saves = names.map((name, index) =>
    (index % 2 === 0 ? service : other).ask(`e${index}:editor`, "POST", `/rules/a1/${name}`, { body: RULE }),
  );
  expect((await Promise.all(saves)).map(({ status }) => status)).toEqual(names.map(() => 201));
  const found = (await other.ask(BOB, "GET", "/changes/a1/newRuleIds/rule")).json();
  expect(new Set(found as unknown as string[])).toEqual(new Set(names));
  const audit = (await service.ask(ROOT, "GET", "/audit?limit=500")).json();
  expect(audit).toMatchObject({ is_intact: true });
});

test("RD104 an edited list waits for approval; live it acts for those who may alone", async () => {
  const service = started();
  await withModel(service);
  const list = { name: "beta", type: "TEXT", valueSet: [{ value: "x" }] };
  const target = "/namespacedLists/addNewNamespaced/beta";
  expect((await service.ask(ANN, "POST", target, { body: list })).status).toBe(201);
  expect((await service.ask(ANN, "GET", "/namespacedLists/getOne/beta")).status).toBe(404);
  const changes = await service.ask(BOB, "GET", "/namespacedListChanges");
  expect(changes.json()["changes"]).toMatchObject({ 0: { name: "beta", type: "ADD", authors: ["ann"] } });
  const approve = `/namespacedListChanges/approveAll/${changes.version()}`;
  expect((await service.ask("ann:admin", "POST", approve)).status).toBe(403);
  expect((await service.ask(BOB, "POST", approve)).status).toBe(200);
  expect((await service.ask(ANN, "GET", "/namespacedLists/getOne/beta")).status).toBe(200);
  expect((await service.ask(ANN, "POST", `${target}?live=true`, { body: list })).status).toBe(403);
  const more = { ...list, valueSet: [{ value: "x" }, { value: "y" }] };
  expect((await service.ask(ROOT, "POST", `${target}?live=true`, { body: more })).status).toBe(201);
  const now = (await service.ask(ANN, "GET", "/namespacedLists/getOne/beta")).json();
  expect(now["valueSet"]).toEqual([{ value: "x" }, { value: "y" }] as never);
});

test("RD166 a file with rules, lists and whitelist is one change; a bad line refuses the whole", async () => {
  const service = started();
  await withModel(service);
  const rule = { id: "beta", ...RULE };
  const byList = {
    id: "staff",
    contains: [{ type: "namespacedList", param: "user", namespacedList: [{ value: "people" }] }],
    return: RULE.return,
  };
  const lines = [
    { rule },
    { list: { name: "people", type: "TEXT", valueSet: [{ value: "ann" }] } },
    { rule: byList },
    { whitelist: "/EU/z2" },
  ].map((line) => JSON.stringify(line));
  const bad = [...lines, '{"rule": {"id": "bad name"', JSON.stringify({ rule: { id: "empty" } })];
  const request = (body: readonly string[]) => ({ body: body.join("\n"), type: "application/x-ndjson" });
  const before = await pendingVersion(service);
  const refused = await service.ask(ROOT, "POST", "/bulk/a1", request(bad));
  expect(refused.status).toBe(400);
  expect(refused.text).toContain("line 5: ");
  const odd = await service.ask(
    ROOT,
    "POST",
    "/bulk/a1",
    request([...lines, JSON.stringify({ rule: { ...rule, id: "a b" } })]),
  );
  expect(odd.text).toContain("line 5: InvalidRuleName");
  expect(await pendingVersion(service)).toBe(before);
  const taken = await service.ask(ROOT, "POST", "/bulk/a1", request(lines));
  expect(taken, taken.text).toMatchObject({ status: 200 });
  expect(taken.version()).toBe(before + 1);
  expect(await changeIds(service)).toEqual(["ADD rule beta", "ADD rule staff", "ADD whitelist /EU/z2"]);
  expect((await service.ask(BOB, "GET", "/namespacedListChanges")).json()["changes"]).toMatchObject({
    0: { name: "people" },
  });
});

test("RD87 what is asked for by another version than that of the model is refused", async () => {
  const service = started();
  await withModel(service);
  const version = await modelVersion(service);
  for (const target of [
    "/rules/a1",
    "/distributions/a1",
    "/servers/a1/default",
    "/whitelist/a1",
    "/urlRules/a1",
    "/urlRules/a1/defaultUrlParams",
  ]) {
    expect((await service.ask(ANN, "GET", `${target}?version=${version}`)).status).toBe(200);
    expect((await service.ask(ANN, "GET", `${target}?version=${version - 1}`)).status).toBe(409);
    expect((await service.ask(ANN, "GET", `${target}?version=x`)).status).toBe(400);
  }
  const lists = "/namespacedLists/getAllNamespacedLists";
  expect((await service.ask(ANN, "GET", `${lists}?version=0`)).status).toBe(200);
  expect((await service.ask(ANN, "GET", `${lists}?version=7`)).status).toBe(409);
});

test("RD128 an explained decision tells what was tried, and is the same as without", async () => {
  const service = started();
  await withModel(service);
  await service.ask(ANN, "POST", "/rules/a1/beta", { body: RULE });
  await approveAll(service);
  const body = { os: "Linux" };
  const plain = (await service.ask(ANN, "POST", "/decide/a1", { body })).json();
  const told = (await service.ask(ANN, "POST", "/decide/a1?explain=1", { body })).json();
  expect(told["decision"]).toEqual(plain["decision"]!);
  expect(told["rules"]).toMatchObject({
    0: {
      rule: "beta",
      conditions: [
        { operator: "equals", operands: { param: "os", value: "linux" }, given: "Linux", holds: true },
      ],
    },
  });
});

test("RD129 a replay counts who would be sent elsewhere, the same each time", async () => {
  const service = started();
  await withModel(service);
  await service.ask(ANN, "POST", "/rules/a1/beta", {
    body: { ...RULE, return: { server: [{ name: "beta", url: "http://beta.example:80" }] } },
  });
  const clients = Array.from({ length: 10_000 }, (_, index) => ({ os: index % 4 === 0 ? "linux" : "bsd" }));
  const asked = [0, 1].map(() => service.ask(ANN, "POST", "/replay/a1", { body: clients }));
  const [one, other] = (await Promise.all(asked)).map((answer) => answer.json());
  expect(one).toMatchObject({ clients: 10_000, changed: 2_500 });
  expect(other).toEqual(one!);
});

/** A store whose n-th call fails, whatever it is, as one that is lost at that moment. */
class StoreThatFails {
  #left: number;
  readonly store: Store;

  constructor(store: Store, at: number) {
    this.#left = at;
    const counted = new Set(["get", "children", "sync", "transact", "put", "delete"]);
    this.store = new Proxy(store, {
      get: (target, name) => {
        const member = Reflect.get(target, name) as unknown;
        if (typeof member !== "function") return member;
        const call = member.bind(target) as (...given: unknown[]) => unknown;
        if (!counted.has(String(name))) return call;
        return (...given: unknown[]) =>
          this.#left-- === 1 ? Promise.reject(new StoreUnavailable("lost for the test")) : call(...given);
      },
    });
  }
}

test("RD112 an approval of mixed changes is done as a whole or not at all, wherever the store fails", async () => {
  const service = started();
  await withModel(service);
  const [before] = [await modelVersion(service)];
  await service.ask(ANN, "POST", "/rules/a1/beta", { body: RULE });
  await service.ask(ANN, "PUT", "/whitelist/a1/addStacks", { body: { paths: ["/EU/z2"] } });
  const version = await pendingVersion(service);
  let failures = 0;
  for (let at = 1; at < 500; at++) {
    const failing = started({ store: new StoreThatFails(service.store, at).store });
    const { status } = await failing.ask(BOB, "POST", `/changes/a1/approve/${version}`);
    const isDone = (await modelVersion(service)) === before + 1;
    const changes = await changeIds(service);
    expect(changes).toEqual(isDone ? [] : ["ADD rule beta", "ADD whitelist /EU/z2"]);
    expect((await service.ask(ANN, "GET", "/rules/a1/ids")).text).toBe(isDone ? '["beta"]' : "[]");
    expect((await service.ask(ANN, "GET", "/revisions/a1")).text.includes('"beta"')).toBe(isDone);
    if (isDone) break;
    expect(status).toBe(503);
    failures++;
  }
  expect(failures).toBeGreaterThan(10);
  expect(await modelVersion(service)).toBe(before + 1);
});
