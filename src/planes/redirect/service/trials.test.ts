/** Test cases, the traffic calculator and the summary. */
import { afterEach, expect, test } from "bun:test";
import { ANN, approved, osRule, ROOT, saved, server, started, withModel } from "./test_app.ts";
import { stack, type TestService } from "./test_service.ts";

const open: TestService[] = [];

afterEach(async () => {
  for (const service of open.splice(0)) await service.close();
});

const testCase = (name: string, os: string, expected: object): object => ({
  testName: name,
  parameters: [{ name: "os", values: [os] }],
  expected,
});

test("RD121 a test case for a pending rule fails by what acts and passes by what comes", async () => {
  const service = started(open);
  await withModel(service);
  await saved(
    service,
    "/testSuite/a1/t1/",
    testCase("t1", "linux", { rule: "BETA", flavor: "1.0", urn: "app" }),
  );
  await saved(service, "/rules/a1/beta", osRule("linux"));
  const run = async (mode: string) => (await service.ask(ANN, "GET", `/testSuite/a1/t1/${mode}`)).json();
  expect(await run("CURRENT")).toMatchObject({
    status: "FAILED",
    actual: {
      responseType: "DEFAULT_SERVER",
      flavor: "1.0",
      xreStack: "/EU/z1",
      appliedUrlRules: ["Default"],
    },
    testcase: { testName: "t1", application: "a1" },
    logs: ['rule: expected "BETA", got ""'],
  } as never);
  expect(await run("NEXT")).toMatchObject({ status: "PASSED", actual: { rule: "beta" }, logs: [] } as never);
  const xml = await service.ask(ANN, "GET", "/testSuite/a1/t1/NEXT", { accept: "application/xml" });
  expect(xml.text).toContain("<status>PASSED</status>");
  const wrong = await service.ask(ANN, "GET", "/testSuite/a1/t1/LATER");
  expect(wrong.status).toBe(400);
  expect((await service.ask(ANN, "GET", "/testSuite/a1/t2/NEXT")).status).toBe(404);
});

test("test cases are kept, exported and deleted", async () => {
  const service = started(open);
  for (const name of ["t1", "t2", "t3"])
    await saved(service, `/testSuite/a1/${name}/`, testCase("other", name, {}));
  await saved(service, "/testSuite/a1/t2/", testCase("t2", "later", {}));
  const names = async () => {
    const { items } = (await service.ask(ANN, "GET", "/testSuite/a1/")).json();
    return (items as unknown as { testName: string }[]).map(({ testName }) => testName);
  };
  expect(await names()).toEqual(["t1", "t2", "t3"]);
  expect((await service.ask(ANN, "GET", "/testSuite/a1/t2/")).text).toContain("later");
  const all = await service.ask(ANN, "GET", "/testSuite/export/a1");
  expect(all.fields).toContain("filename=exportedTestCases-forService-a1.json");
  const one = await service.ask(ANN, "GET", "/testSuite/export/a1/t1");
  expect(one.fields).toContain("filename=exportedTestCases-byId-t1-forService-a1.json");
  expect(one.json()).toMatchObject({ testName: "t1" } as never);
  const deleted = await service.ask(ANN, "DELETE", "/testSuite/a1/t1,t3,t9");
  expect(deleted.json()).toEqual({ deleted: ["t1", "t3"], notFound: ["t9"] } as never);
  expect(await names()).toEqual(["t2"]);
  expect((await service.ask(ANN, "DELETE", "/testSuite/a1/t9")).status).toBe(404);
  const comma = await service.ask(ANN, "POST", "/testSuite/a1/a%2Cb", { body: testCase("a,b", "x", {}) });
  expect(comma.status).toBe(400);
});

const TWO = { equals: ["1", "2"].map((value) => ({ param: `part_${value}`, value })) };

test("RD122 cases that are made of one rule for each operator all pass", async () => {
  const service = started(open, {
    stacks: { a1: [stack("/EU/z1", "1.0", "10.0.0.1"), stack("/EU/z1", "2.0", "10.0.0.2")] },
  });
  await withModel(service);
  const operators: Readonly<Record<string, object>> = {
    equals: { value: "x" },
    notEqual: { value: "x" },
    lessThan: { value: "5", type: "numeric" },
    lessOrEqual: { value: "5", type: "numeric" },
    greaterThan: { value: "1.9", type: "version" },
    greaterOrEqual: { value: "5", type: "numeric" },
    contains: { values: [{ value: "a" }, { value: "b" }] },
    inIpRange: { values: [{ value: "10.1.0.0/16" }] },
    matches: { pattern: "[a-f]{3}-x" },
    isEmpty: { negation: true },
    percent: { value: 40 },
    random: { value: 100 },
    and: TWO,
    or: TWO,
    xor: TWO,
  };
  for (const [operator, fields] of Object.entries(operators)) {
    const guard = { param: `of_${operator}`, value: "on" };
    const hasParameter = !["percent", "random", "and", "or", "xor"].includes(operator);
    const own = hasParameter ? { param: `p_${operator}`, ...fields } : fields;
    const equals = operator === "equals" ? [guard, own] : [guard];
    const rule = { equals, ...(operator !== "equals" && { [operator]: [own] }) };
    await saved(service, `/rules/a1/${operator}`, { ...rule, return: { server: [server("1.0", "s")] } });
  }
  await saved(service, "/distributions/a1", {
    rule: [{ id: 0, percent: 20, server: server("2.0", "share") }],
  });
  const run = async (mode: string) => service.ask(ANN, "GET", `/testSuite/runAuto/a1/${mode}`);
  expect((await run("CURRENT")).json()).toEqual({ testCaseResult: [] } as never);
  const next = await run("NEXT");
  expect(next.fields).not.toContain("Without-Case");
  const results = next.json()["testCaseResult"] as unknown as {
    status: string;
    testcase: { testName: string };
  }[];
  const wanted = [...Object.keys(operators).map((operator) => `rule_${operator}`), "distribution_0"];
  expect(results.map(({ testcase }) => testcase.testName).toSorted()).toEqual(wanted.toSorted());
  expect(results.filter(({ status }) => status !== "PASSED")).toEqual([]);
  await approved(service);
  expect((await run("CURRENT")).text).toBe(next.text);
  const cases = await service.ask(ANN, "GET", "/endToEnd/testCases/a1");
  expect((cases.json()["items"] as unknown as unknown[]).length).toBe(wanted.length);
});

test("a rule that no client was found for is named", async () => {
  const service = started(open);
  await withModel(service);
  const rule = { ...osRule("linux"), isEmpty: [{ param: "os" }] };
  await saved(service, "/rules/a1/nobody", rule);
  const next = await service.ask(ANN, "GET", "/testSuite/runAuto/a1/NEXT");
  expect(next.fields).toContain("X-Fairlead-Without-Case: nobody\r\n");
});

test("of many rules that no client was found for the first are named and the rest counted", async () => {
  const service = started(open);
  await withModel(service);
  const names = Array.from({ length: 30 }, (_, number) => `${"n".repeat(200)}_${10 + number}`);
  const rules = names.map((id) =>
    JSON.stringify({ rule: { id, ...osRule("linux"), isEmpty: [{ param: "os" }] } }),
  );
  const body = rules.join("\n");
  const sent = await service.ask(ROOT, "POST", "/bulk/a1", { body, type: "application/x-ndjson" });
  expect(sent, sent.text).toMatchObject({ status: 200 });
  const next = await service.ask(ANN, "GET", "/testSuite/runAuto/a1/NEXT");
  expect(next.fields).toBe(`X-Fairlead-Without-Case: ${names.slice(0, 19).join(", ")} and 11 more\r\n`);
});

test("RD139 cases of another server are not run: 400, and no request leaves", async () => {
  const service = started(open);
  await withModel(service);
  let requests = 0;
  const other = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => (requests++, new Response("{}")) });
  const realFetch = globalThis.fetch;
  globalThis.fetch = (() => {
    requests++;
    return Promise.reject(new Error("no request may leave"));
  }) as unknown as typeof fetch;
  try {
    for (const base of ["http://169.254.169.254/", `http://127.0.0.1:${other.port}/`]) {
      const target = `/testSuite/runAuto/a1/EXTERNAL_REST?baseURL=${encodeURIComponent(base)}`;
      const answer = await service.ask(ANN, "GET", target);
      expect(answer.status).toBe(400);
      expect(answer.text).toContain("CURRENT or NEXT");
    }
  } finally {
    globalThis.fetch = realFetch;
    await other.stop(true);
  }
  expect(requests).toBe(0);
});

const addresses = (net: number, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `10.${net}.${index >> 8}.${index & 255}`);

/** 1.0 with 10 hosts for 80 %, 2.0 with 5 for 20 %. */
async function withTraffic(): Promise<TestService> {
  const service = started(open, {
    stacks: { a1: [stack("/EU/z1", "1.0", ...addresses(1, 10)), stack("/EU/z1", "2.0", ...addresses(2, 5))] },
  });
  await withModel(service);
  await saved(service, "/distributions/a1", {
    rule: [{ id: 0, percent: 20, server: server("2.0", "share") }],
  });
  return service;
}

test("RD123 connections of flavors and hosts by what acts and by what comes", async () => {
  const service = await withTraffic();
  const current = await service.ask(ANN, "GET", "/traffic/current/a1/10000/900/true");
  expect(current.json()).toEqual({
    defaultServer: {
      title: "Default server 100% of 1.0",
      flavor: "1.0",
      numberConnections: 10_000,
      totalConnectionLimit: 9_000,
      connectionsHostRatio: 1_000,
    },
    distributions: [],
  } as never);
  const next = await service.ask(ANN, "GET", "/traffic/next/a1/10000/900/true");
  expect(next.json()).toMatchObject({
    defaultServer: {
      title: "Default server 80% of 1.0",
      numberConnections: 8_000,
      connectionsHostRatio: 800,
    },
    distributions: [
      {
        title: "Distribution 20% of 2.0",
        numberConnections: 2_000,
        totalConnectionLimit: 4_500,
        connectionsHostRatio: 400,
      },
    ],
  } as never);
  const xml = await service.ask(ANN, "GET", "/traffic/next/a1/10000/900/true", { accept: "application/xml" });
  expect(xml.text).toContain('numberConnections="8000"');
  expect((await service.ask(ANN, "GET", "/traffic/next/a1/10000/900/maybe")).status).toBe(400);
  expect((await service.ask(ANN, "GET", "/traffic/next/a1/many/900/true")).status).toBe(400);
});

test("hosts without weight count where all whitelisted hosts are asked for, and not among the active ones", async () => {
  const service = await withTraffic();
  const [first, ...others] = service.stacks.get("a1")!;
  const hosts = first!.hosts.map((host, index) => ({ ...host, weight: index < 4 ? 0 : 5 }));
  service.stacks.set("a1", [{ ...first!, hosts }, ...others]);
  const limit = async (isActive: boolean) =>
    (await service.ask(ANN, "GET", `/traffic/current/a1/100/10/${isActive}`)).json()["defaultServer"]![
      "totalConnectionLimit"
    ];
  expect(await limit(false)).toBe(100 as never);
  expect(await limit(true)).toBe(60 as never);
});

test("RD123 weights that are thought of: more traffic by a weight, and the weight for more traffic", async () => {
  const service = await withTraffic();
  const ask = async (mode: string, adjustment: object) => {
    const body = {
      totalNumberConnections: 12_500,
      connectionThreshold: 900,
      distributionMode: "NEXT",
      adjustedTrafficInputParams: {
        adjustedTrafficCalculationMode: mode,
        defaultServer: { flavor: "1.0", numberOfHostsToAdjust: 3, defaultWeight: 10, ...adjustment },
        distributions: [],
      },
    };
    const answer = await service.ask("eve:read-traffic,redirector-accessApp-a1", "POST", "/traffic/a1", {
      body,
    });
    expect(answer, answer.text).toMatchObject({ status: 200 });
    return answer.json()["defaultServer"]!;
  };
  // 10,000 connections, and 3 of 10 hosts with other weights.
  expect((await ask("ADJUSTED_TRAFFIC", { adjustedWeight: 11 }))["adjustedThreshold"]).toMatchObject({
    adjustedThreshold: 10,
  } as never);
  expect((await ask("ADJUSTED_TRAFFIC", { adjustedWeight: 15 }))["adjustedThreshold"]).toEqual({
    adjustedThreshold: 50,
    adjustedWeightedHostsTraffic: 3_913,
    adjustedWeightedHostPossibleTraffic: 1_304,
    defaultWeightedHostsTraffic: 6_087,
    defaultWeightedHostPossibleTraffic: 869,
  } as never);
  const weights = async (percent: number, weight: number) =>
    (await ask("ADJUSTED_WEIGHT", { adjustedThreshold: percent, defaultWeight: weight }))["adjustedWeights"];
  expect(await weights(50, 15)).toMatchObject({ adjustedWeight: 23, defaultWeight: 15 } as never);
  expect(await weights(-150, 15)).toMatchObject({ adjustedWeight: 0, defaultWeight: 22 } as never);
  expect(await weights(-50, 5)).toMatchObject({ adjustedWeight: 3, defaultWeight: 5 } as never);
  expect((await ask("NONE", {}))["adjustedWeights"]).toBeUndefined();
});

test("a summary has a row for the default server, each share, and where rules with these lists lead", async () => {
  const service = await withTraffic();
  const use = (name: string): object => ({
    contains: [{ type: "namespacedList", param: "id", namespacedList: [{ value: name }] }],
    return: { server: [server("2.0", "s")] },
  });
  for (const name of ["beta", "gamma", "other"]) {
    const body = { name, type: "TEXT", valueSet: [{ value: name }] };
    await service.ask(ROOT, "POST", `/namespacedLists/addNewNamespaced/${name}?live=true`, { body });
    await saved(service, `/rules/a1/of_${name}`, use(name));
  }
  await approved(service);
  expect((await service.ask(ANN, "GET", "/summary/a1/beta,gamma,nothing/")).json()).toEqual({
    defaultServer: { release: "1.0", distribution: "80.00%", node: 10, namespacedListNames: [] },
    distributions: [{ release: "2.0", distribution: "20.00%", node: 5, namespacedListNames: [] }],
    rules: [{ release: "2.0", node: 5, namespacedListNames: ["beta", "gamma"] }],
  } as never);
});

/** How often the event loop turns until `work` is done. */
async function turnsDuring(work: Promise<unknown>): Promise<number> {
  let turns = 0;
  let isOver = false;
  const turn = (): void => {
    turns++;
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  await work;
  isOver = true;
  return turns;
}

// A model of ten thousand rules is saved first.
test("the event loop turns while ten thousand rules are replayed, tried and checked", async () => {
  const service = started(open);
  await withModel(service);
  const rules = Array.from({ length: 10_000 }, (_, number) => {
    return JSON.stringify({ rule: { id: `r${number}`, ...osRule(`os${number}`) } });
  });
  const sent = await service.ask(ROOT, "POST", "/bulk/a1", {
    body: rules.join("\n"),
    type: "application/x-ndjson",
  });
  expect(sent, sent.text.slice(0, 500)).toMatchObject({ status: 200 });
  const clients = Array.from({ length: 20_000 }, (_, number) => ({ os: `os${number}` }));
  const asked = async (method: string, target: string, body: unknown = null): Promise<number> => {
    const answering = service.ask(ANN, method, target, { body });
    const turns = await turnsDuring(answering);
    expect((await answering).status).toBe(200);
    return turns;
  };
  // What every request of the application takes: the model is read.
  const idle = await asked("GET", "/changes/a1/newRuleIds/rule");
  const turns = [
    await asked("POST", "/replay/a1", clients),
    await asked("GET", "/testSuite/runAuto/a1/NEXT"),
    await asked("GET", "/problems/a1?model=next"),
  ];

  expect(Math.min(...turns)).toBeGreaterThan(idle + 5);
}, 30_000);
