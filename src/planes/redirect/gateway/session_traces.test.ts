import { expect, test } from "bun:test";
import { contextOf } from "../../../core/redirect/context.ts";
import type { Decision } from "../../../core/redirect/decision.ts";
import { joinTraces, MAX_EVENTS, SessionTraces, type TraceQuestion } from "./session_traces.ts";

const APP = { name: "a1", version: 7 };
const ALL: TraceQuestion = { app: null, id: null, newest: 1_000_000, clear: false };
const asking = (id: string, more: Readonly<Record<string, string>> = {}) =>
  contextOf({ rSessionId: id, testInfo: "1", ...more });

const DECISION: Decision = {
  type: "PATH_RULE",
  rule: "two",
  share: null,
  url_rules: ["r1", "Default"],
  locations: [
    {
      url: "xre://10.0.0.1:1/app?accessToken=s3cr3t&ruleName=two",
      destination: "10.0.0.1",
      protocol: "xre",
      port: "1",
      urn: "app?x=s3cr3t",
      ip_version: 4,
      description: "/EU/z1",
      context: {},
    },
  ],
  stack: "/EU/z1",
  flavor: "1.0",
  is_fallback: true,
  spill: "mixed",
  shared: null,
};

test("RD137 a million sessions take no more memory than those that are kept, the newest", () => {
  const traces = new SessionTraces(1_000);
  const record = (from: number, to: number): void => {
    for (let number = from; number < to; number++) traces.add(APP, asking(`id-${number}`), DECISION, number);
  };
  record(0, 10_000);
  Bun.gc(true);
  const before = process.memoryUsage().heapUsed;
  record(10_000, 1_000_000);
  Bun.gc(true);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(16 * 2 ** 20);
  expect(traces.size).toBe(1_000);
  const ids = traces.find(ALL).map(({ id }) => id);
  expect([ids[0], ids.at(-1)]).toEqual(["id-999999", "id-999000"]);
}, 60_000);

test("a trace says which rollout a client is in", () => {
  const traces = new SessionTraces(10);
  traces.add(APP, asking("s"), { ...DECISION, type: "ROLLOUT_RULE", rule: "beta", is_fallback: false }, 1);
  expect(traces.find(ALL)[0]!.events[0]!.message).toBe("in rollout beta");
});

test("RD137 one session keeps a bounded number of events and characters, and counts the rest", () => {
  const traces = new SessionTraces(10);
  for (let number = 0; number < 1_000; number++) traces.add(APP, asking("s"), "no_host", number);
  const [many] = traces.find(ALL);
  expect([many!.events.length, many!.left_out, many!.actual]).toEqual([MAX_EVENTS, 950, null]);
  const long = { ...DECISION, rule: "r".repeat(4_000) };
  for (let number = 0; number < 10; number++) traces.add(APP, asking("long"), long, number);
  const characters = traces
    .find({ ...ALL, id: "long" })[0]!
    .events.map(({ message }) => message)
    .join("");
  expect(characters.length).toBeLessThanOrEqual(4_096);
});

test("requests without a session, without the note, or with an endless id are not traced", () => {
  const traces = new SessionTraces(10);
  for (const parameters of [
    {},
    { rSessionId: "s" },
    { testInfo: "1" },
    { rSessionId: " ", testInfo: "1" },
    { rSessionId: "s", testInfo: " " },
    { rSessionId: "s".repeat(129), testInfo: "1" },
  ])
    traces.add(APP, contextOf(parameters), DECISION, 0);
  expect(traces.size).toBe(0);
});

test("a trace says how it came about and where it led, without what the client said", () => {
  const traces = new SessionTraces(10);
  traces.add(APP, asking("s", { accessToken: "s3cr3t" }), DECISION, 5);
  const [trace] = traces.find(ALL);
  expect(trace).toEqual({
    app: "a1",
    id: "s",
    left_out: 0,
    events: [
      "rule two holds",
      "fallback: no hosts where a rule, rollout or share led",
      "host chosen on /EU/z1/1.0, looked up mixed",
      "URL rules: r1, Default",
      "sent to xre://10.0.0.1:1/app",
    ].map((message) => ({ at_ms: 5, message })),
    actual: {
      version: 7,
      type: "PATH_RULE",
      rule: "two",
      url_rules: ["r1", "Default"],
      stack: "/EU/z1",
      flavor: "1.0",
      is_fallback: true,
      locations: ["xre://10.0.0.1:1/app"],
    },
  });
  expect(JSON.stringify(trace)).not.toContain("s3cr3t");
});

test("traces are found by application and session, forgotten when asked to, and fewer when fewer may be kept", () => {
  const traces = new SessionTraces(10);
  for (const id of ["s1", "s2", "s3"])
    for (const name of ["a1", "a2"]) traces.add({ name, version: 1 }, asking(id), DECISION, 0);
  const idsOf = (question: Partial<TraceQuestion>) =>
    traces.find({ ...ALL, ...question }).map(({ app, id }) => `${app} ${id}`);
  expect(idsOf({ app: "a2" })).toEqual(["a2 s3", "a2 s2", "a2 s1"]);
  expect(idsOf({ id: "s1" })).toEqual(["a2 s1", "a1 s1"]);
  expect(idsOf({ newest: 2 })).toEqual(["a2 s3", "a1 s3"]);
  expect(idsOf({ app: "a1", clear: true }).length).toBe(3);
  expect(idsOf({})).toEqual(["a2 s3", "a2 s2", "a2 s1"]);
  traces.most = 1;
  expect(idsOf({})).toEqual(["a2 s3"]);
});

test("what several workers have of a session is joined in the order of its time", () => {
  const workers = [new SessionTraces(10), new SessionTraces(10)] as const;
  workers[0].add(APP, asking("s"), "no_host", 1);
  workers[1].add(APP, asking("s"), "no_model", 2);
  workers[0].add(APP, asking("s"), "wrong_family", 3);
  workers[1].add(APP, asking("other"), DECISION, 9);
  const joined = joinTraces(
    workers.map((one) => one.find(ALL)),
    100,
  );
  expect(joined.map(({ id }) => id)).toEqual(["other", "s"]);
  expect(joined[1]!.events.map(({ at_ms }) => at_ms)).toEqual([1, 2, 3]);
  expect(
    joinTraces(
      workers.map((one) => one.find(ALL)),
      1,
    ).length,
  ).toBe(1);
});
