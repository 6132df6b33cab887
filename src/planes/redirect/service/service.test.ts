import { afterEach, expect, test } from "bun:test";
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
