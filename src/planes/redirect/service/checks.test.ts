/** What is refused when it is saved, over HTTP: status, code, and nothing that became pending. */
import { afterEach, expect, test } from "bun:test";
import {
  ANN,
  approved,
  BOB,
  codesOf,
  literal,
  osRule,
  saved,
  server,
  started,
  withModel,
} from "./test_app.ts";
import { stack, type TestAnswer, type TestService } from "./test_service.ts";

const open: TestService[] = [];

afterEach(async () => {
  for (const service of open.splice(0)) await service.close();
});

/** With flavors 1.0 to 4.0 on a whitelisted stack, 5.0 on another one, and 1.0 for all clients. */
async function ready(): Promise<TestService> {
  const flavors = ["1.0", "2.0", "3.0", "4.0"].map((flavor, index) =>
    stack("/EU/z1", flavor, `10.0.0.${index + 1}`),
  );
  const service = started(open, { stacks: { a1: [...flavors, stack("/EU/z9", "5.0", "10.0.9.1")] } });
  await withModel(service);
  return service;
}

async function refused(service: TestService, target: string, body: unknown): Promise<TestAnswer> {
  const answer = await service.ask(ANN, "POST", target, { body });
  expect(answer, answer.text).toMatchObject({ status: 400, type: "text/plain" });
  return answer;
}

async function expectNothingPending(service: TestService): Promise<void> {
  const changes = (await service.ask(ANN, "GET", "/changes/a1")).json();
  for (const [key, value] of Object.entries(changes)) if (key !== "version") expect(value, key).toEqual({});
}

test("RD88 a rule is saved under a name of letters, digits and underlines, and not as undefined", async () => {
  const service = await ready();
  for (const name of ["bad%20name", "undefined", "a-b"]) {
    const answer = await refused(service, `/rules/a1/${name}`, osRule("linux"));
    expect(codesOf(answer)).toEqual(["InvalidRuleName"]);
    expect(answer.fields).toContain("X-Fairlead-Code: InvalidRuleName\r\n");
  }
  await expectNothingPending(service);
  await saved(service, "/rules/a1/good_1", osRule("linux"));
});

test("RD89 a rule has conditions and leads somewhere", async () => {
  const service = await ready();
  const { equals, return: to } = osRule("linux") as { equals: unknown; return: unknown };
  expect(codesOf(await refused(service, "/rules/a1/r", { return: to }))).toEqual(["EmptyExpressions"]);
  expect(codesOf(await refused(service, "/rules/a1/r", { equals }))).toEqual(["ServerIsMissed"]);
  expect(codesOf(await refused(service, "/templates/rules/a1/r", { equals }))).toEqual(["ServerIsMissed"]);
  await expectNothingPending(service);
});

test("RD90 a server with hosts has the template as its URL, and a path", async () => {
  const service = await ready();
  const wrong = { ...server("1.0"), url: "{protocol}://{host}/{urn}" };
  const pathless = { ...server("1.0"), path: undefined };
  for (const [given, code] of [
    [wrong, "SimpleServerInvalidUrl"],
    [pathless, "ServerPathMissed"],
  ] as const) {
    expect(codesOf(await refused(service, "/servers/a1/default", given))).toEqual([code]);
    const rule = { ...osRule("linux"), return: { server: [given] } };
    expect(codesOf(await refused(service, "/rules/a1/r", rule))).toEqual([code]);
  }
  await expectNothingPending(service);
});

test("RD91 nobody is sent to a path without hosts", async () => {
  const service = await ready();
  expect(codesOf(await refused(service, "/rules/a1/r", osRule("linux", "9.9")))).toEqual([
    "InactivePathError",
  ]);
  expect(codesOf(await refused(service, "/rules/a1/r", osRule("linux", "/EU/z1/5.0")))).toEqual([
    "InactivePathError",
  ]);
  expect(codesOf(await refused(service, "/rules/a1/r", osRule("linux", "5.0")))).toEqual([
    "NonWhitelistedPathError",
  ]);
  await expectNothingPending(service);
});

const share = (id: number, percent: number, path: string): object => ({ id, percent, server: server(path) });

test("RD92 shares leave something for the default server", async () => {
  const service = await ready();
  const sixty = share(0, 60, "2.0");
  const all = { rule: [sixty, share(1, 40, "3.0")] };
  expect(codesOf(await refused(service, "/distributions/a1", all))).toEqual([
    "DistributionPercentageInvalid",
  ]);
  await expectNothingPending(service);
  await saved(service, "/distributions/a1", { rule: [sixty, share(1, 39.99, "3.0")] });
});

test("RD93 each path once in a distribution, with hosts, and not the default one", async () => {
  const service = await ready();
  for (const [rules, code] of [
    [[share(0, 10, "2.0"), share(1, 10, "2.0")], "DistributionDuplicatedServersErr"],
    [[{ id: 0, percent: 10, server: literal("http://h:1/x") }], "DistributionOnlySimpleServersErr"],
    [[share(0, 10, "1.0")], "ServerPathOverridesDistribution"],
  ] as const)
    expect(codesOf(await refused(service, "/distributions/a1", { rule: rules }))).toEqual([code]);
  await expectNothingPending(service);
  await saved(service, "/distributions/a1", { rule: [share(0, 10, "2.0")] });
  await approved(service);
  expect(codesOf(await refused(service, "/servers/a1/default", server("2.0")))).toEqual([
    "ServerPathOverridesDistribution",
  ]);
});

test("RD94 three shares are not taken away at once, one is", async () => {
  const service = await ready();
  const three = [share(0, 10, "2.0"), share(1, 10, "3.0"), share(2, 10, "4.0")];
  await saved(service, "/distributions/a1", { rule: three });
  await approved(service);
  expect(codesOf(await refused(service, "/distributions/a1", { rule: [] }))).toEqual([
    "DistributionDeletionError",
  ]);
  await saved(service, "/distributions/a1", { rule: three.slice(0, 1) });
  await approved(service);
  await saved(service, "/distributions/a1", { rule: [] });
});

const TO = { return: { server: [server("1.0", "beta")] } };
const IF = { equals: [{ param: "os", value: "linux" }] };
const GROUP = { server: [server("1.0")], enablePrivate: "true", countDownTime: "1" };
const toGroup = (settings: object): object => ({
  ...IF,
  return: { serverGroup: [{ ...GROUP, ...settings }] },
});

const INCOMPLETE: readonly (readonly [code: string, target: string, body: object])[] = [
  ["MissedParamName", "/rules/a1/r", { equals: [{ value: "x" }], ...TO }],
  ["MissedParamValue", "/rules/a1/r", { equals: [{ param: "x" }], ...TO }],
  [
    "IpRangeTypeError",
    "/rules/a1/r",
    { inIpRange: [{ param: "x", type: "some", values: ["10.0.0.1"] }], ...TO },
  ],
  ["ServerIsMissed", "/rules/a1/r", { ...IF, return: {} }],
  ["ServerUrlMissed", "/rules/a1/r", { ...IF, return: { server: [{ name: "x", path: "1.0" }] } }],
  ["ServerUrlMissed", "/servers/a1/default", { name: "x", url: "", path: "1.0" }],
  ["ServerGroupEnablePrivateMissed", "/rules/a1/r", toGroup({ enablePrivate: undefined })],
  ["ServerGroupEnablePrivateInvalid", "/rules/a1/r", toGroup({ enablePrivate: "maybe" })],
  ["ServerGroupCountDown", "/rules/a1/r", toGroup({ countDownTime: "-2" })],
  ["RuleDistributionPercentageInvalid", "/distributions/a1", { rule: [share(0, 101, "2.0")] }],
  ["AllReturnURLParamsMissed", "/urlRules/a1/r", { ...IF, return: {} }],
  [
    "NamespacedListContainsEmptyValue",
    "/namespacedLists/addNewNamespaced/l",
    { name: "l", valueSet: [{ value: " " }] },
  ],
];

test.each(INCOMPLETE)("a body without what it needs is refused with %s at %s", async (code, target, body) => {
  const service = await ready();
  const answer = await refused(service, target, body);
  expect(codesOf(answer)).toContain(code);
  expect(answer.fields).toContain(`X-Fairlead-Code: ${code}\r\n`);
  await expectNothingPending(service);
});

const urlRule = (params: object): object => ({
  equals: [{ param: "secure", value: "1" }],
  return: { urlRule: [params] },
});

test("RD95 ports from 1 to 65535", async () => {
  const service = await ready();
  for (const port of ["1", "65535"]) await saved(service, "/urlRules/a1/tls", urlRule({ port }));
  for (const port of ["0", "65536"]) {
    expect(codesOf(await refused(service, "/urlRules/a1/tls", urlRule({ port })))).toEqual(["PortIsInvalid"]);
    const params = { urlRule: { urn: "app", protocol: "http", port, ipProtocolVersion: "4" } };
    expect(codesOf(await refused(service, "/urlRules/a1/urlParams/default", params))).toContain(
      "PortIsInvalid",
    );
  }
});

test("RD96 protocols that clients know, URNs of one part", async () => {
  const service = await ready();
  expect(codesOf(await refused(service, "/urlRules/a1/tls", urlRule({ protocol: "ftp" })))).toEqual([
    "ProtocolIsInvalid",
  ]);
  expect(codesOf(await refused(service, "/urlRules/a1/tls", urlRule({ urn: "a/b" })))).toEqual([
    "UrnIsInvalid",
  ]);
  await expectNothingPending(service);
});

test("RD97 one upper bound on a parameter where both must hold", async () => {
  const service = await ready();
  const lessThan = ["5", "7"].map((value) => ({ param: "n", value, type: "numeric" }));
  const rule = { ...osRule("linux"), lessThan };
  expect(codesOf(await refused(service, "/rules/a1/r", rule))).toEqual(["DuplicatedLessParam"]);
  await expectNothingPending(service);
});

test("RD98 paths of a whitelist are those of stacks", async () => {
  const service = await ready();
  for (const [path, code] of [
    ["EU/z1", "WhitelistInvalidPath"],
    ["", "WhitelistEmptyPath"],
    ["/EU/z1/x", "WhitelistInvalidPath"],
  ] as const) {
    const answer = await refused(service, "/whitelist/a1", { paths: ["/EU/z1", path] });
    expect(codesOf(answer)).toEqual([code]);
    expect(answer.fields).toContain(`X-Fairlead-Code: ${code}\r\n`);
    const added = await service.ask(ANN, "PUT", "/whitelist/a1/addStacks", { body: { paths: [path] } });
    expect(added.status).toBe(400);
    expect(codesOf(added)).toEqual([code]);
  }
  await expectNothingPending(service);
});

test("RD99 a whitelist of two stacks is not emptied at once, one of one may be", async () => {
  const service = await ready();
  await saved(service, "/whitelist/a1", { paths: ["/EU/z1", "/EU/z9"] });
  await approved(service);
  expect(codesOf(await refused(service, "/whitelist/a1", { paths: [] }))).toContain("WhitelistDeleteError");
  // The default server, which needs its stack, keeps this one from being emptied.
  const fresh = started(open, { stacks: { a1: [] } });
  await saved(fresh, "/whitelist/a1", { paths: ["/EU/z1"] });
  await saved(fresh, "/whitelist/a1", { paths: [] });
});

test("RD100 the default server keeps a whitelisted stack with hosts", async () => {
  const service = await ready();
  const wanted = { paths: ["/EU/z9"] };
  expect(codesOf(await refused(service, "/whitelist/a1", wanted))).toEqual([
    "DeleteDefaultSeverWhitelistedPathError",
  ]);
  await saved(service, "/whitelist/a1", { paths: ["/EU/z1", "/EU/z9"] });
  const gone = await service.ask(ANN, "DELETE", "/whitelist/a1/%2FEU%2Fz1");
  expect(gone.status).toBe(400);
  expect(codesOf(gone)).toEqual(["DeleteDefaultSeverWhitelistedPathError"]);
  expect((await service.ask(BOB, "GET", "/whitelist/a1")).json()).toEqual({ paths: ["/EU/z1"] } as never);
});
