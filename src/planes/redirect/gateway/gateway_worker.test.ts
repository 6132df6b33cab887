import { expect, test } from "bun:test";
import { DEFAULT_REDIRECT_APP } from "../../../core/defaults.ts";
import {
  conditionOf,
  literalOf,
  modelOf,
  ONE_HOST,
  ruleOf,
  stackOf,
  to,
} from "../../../core/redirect/test_decider.ts";
import { strategyByName } from "../../../core/strategies/all.ts";
import { runStep } from "../../http/middleware/test_exchange.ts";
import { ManualClock } from "../../../platform/clock.ts";
import { GatewayWorker } from "./gateway_worker.ts";
import { PartNames, splitModel } from "./model_parts.ts";
import {
  appDocument,
  GATEWAY_DOCUMENT,
  hostsDocument,
  LISTS_DOCUMENT,
  type PublishedApp,
  unhealthyDocument,
} from "./published.ts";
import { TEST_HOST } from "./test_gateway.ts";

const OPTIONS: PublishedApp["options"] = {
  answer: "redirect",
  location: "full",
  answer_headers: true,
  compat: false,
  sticky_parameters: DEFAULT_REDIRECT_APP.sticky_parameters,
  strategy: "round_robin",
  affinity: null,
  spill_over: null,
  feedback: null,
};

const app = (settings: Partial<PublishedApp> = {}): PublishedApp => ({
  version: 1,
  model: modelOf(),
  options: OPTIONS,
  ...settings,
});

const worker = () =>
  new GatewayWorker(
    { random: () => 0, strategy: strategyByName, clock: new ManualClock(), tell: () => {} },
    TEST_HOST,
  );

/** Status, location and version of the answer. */
function ask(on: GatewayWorker, target = "/serviceDirect/a1"): [number, string | null, string | null] {
  const run = runStep(on.gateway.step(false), { target });
  return [run.status, run.answerField("location"), run.answerField("x-fairlead-version")];
}

test("RD05 RD81 an application without a model is known, and serves as soon as one comes", () => {
  const on = worker();
  expect(ask(on)[0]).toBe(404);
  on.documents({ [appDocument("a1")]: app({ model: null }) });
  expect(ask(on)[0]).toBe(503);
  on.changed({ [appDocument("a1")]: app() });
  expect(ask(on)[0]).toBe(503);
  on.changed({ [hostsDocument("a1")]: ONE_HOST });
  expect(ask(on)).toEqual([302, "http://10.0.0.1:8080/app", "1"]);
  on.changed({ [appDocument("a1")]: null });
  expect(ask(on)[0]).toBe(404);
});

test("RD68 each application has its own hosts and turns", () => {
  const on = worker();
  on.documents({
    [appDocument("a1")]: app(),
    [appDocument("a2")]: app({ version: 5 }),
    [hostsDocument("a1")]: [stackOf("/EU/z1/1.0", "10.0.0.1", "10.0.0.2")],
    [hostsDocument("a2")]: [stackOf("/EU/z1/1.0", "10.0.2.1", "10.0.2.2")],
  });
  const seen = Array.from({ length: 4 }, () => [ask(on)[1], ask(on, "/serviceDirect/a2")[1]]);
  expect(new Set(seen.map(([one]) => one))).toEqual(
    new Set(["http://10.0.0.1:8080/app", "http://10.0.0.2:8080/app"]),
  );
  expect(seen.filter(([, two]) => two === "http://10.0.2.1:8080/app").length).toBe(2);
});

test("RD85 a new model, new lists and other hosts act at once and as a whole; turns go on", () => {
  const on = worker();
  const rule = ruleOf(
    "beta",
    [conditionOf("contains", { param: "mac", lists: ["beta"] })],
    to(literalOf("xre://t:1")),
  );
  const hosts = [stackOf("/EU/z1/1.0", "10.0.0.1", "10.0.0.2")];
  on.documents({ [appDocument("a1")]: app(), [hostsDocument("a1")]: hosts });
  const [first, second] = [ask(on)[1], ask(on)[1]];
  expect(first).not.toBe(second);
  on.changed({ [appDocument("a1")]: app({ version: 2, model: modelOf({ rules: [rule] }) }) });
  expect(ask(on)).toEqual([302, first, "2"]);
  expect(ask(on, "/serviceDirect/a1?mac=m")[1]).toBe(second);
  const list = {
    name: "beta",
    description: null,
    type: "TEXT",
    version: 1,
    values: [{ value: "M", encoded: null }],
  };
  on.changed({ [LISTS_DOCUMENT]: [list] });
  expect(ask(on, "/serviceDirect/a1?mac=m")[1]).toBe("xre://t:1?ruleName=beta");
  on.changed({ [unhealthyDocument("a1")]: [hosts[0]!.hosts[0]!.key] });
  expect([ask(on)[1], ask(on)[1]]).toEqual(Array(2).fill("http://10.0.0.2:8080/app"));
  // A reload brings all documents again, as copies.
  on.documents(
    structuredClone({
      [appDocument("a1")]: app({ version: 2, model: modelOf({ rules: [rule] }) }),
      [hostsDocument("a1")]: hosts,
      [LISTS_DOCUMENT]: [list],
    }),
  );
  expect(ask(on, "/serviceDirect/a1?mac=M")[1]).toBe("xre://t:1?ruleName=beta");
  expect(new Set([ask(on)[1], ask(on)[1]]).size).toBe(2);
});

test("RD167 who may say a parameter may change", () => {
  const on = worker();
  const rule = ruleOf("r", [conditionOf("equals", { param: "x", value: "1" })], to(literalOf("xre://t:1")));
  on.documents({
    [appDocument("a1")]: app({ model: modelOf({ rules: [rule] }) }),
    [hostsDocument("a1")]: ONE_HOST,
    "other/plane": 1,
  });
  expect(ask(on, "/serviceDirect/a1?x=1")[1]).toStartWith("xre://t:1");
  on.changed({ [GATEWAY_DOCUMENT]: { trusted_from: { x: ["10.0.0.0/8"] }, session_traces: null } });
  expect(ask(on, "/serviceDirect/a1?x=1")[1]).toStartWith("http://10.0.0.1");
  on.changed({ [GATEWAY_DOCUMENT]: null });
  expect(ask(on, "/serviceDirect/a1?x=1")[1]).toStartWith("xre://t:1");
});

/** Rules that send each key to a place of this version. */
const manyRules = (version: number) =>
  modelOf({
    rules: Array.from({ length: 3_000 }, (_, index) =>
      ruleOf(
        `rule${index}`,
        [conditionOf("equals", { param: "mac", value: `m${index}` })],
        to(literalOf(`http://v${version}/${index}`)),
      ),
    ),
  });

function inParts(version: number, names: PartNames): Record<string, unknown> {
  const work = splitModel(manyRules(version), names);
  const documents: Record<string, unknown> = {};
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return { ...documents, [appDocument("a1")]: app({ version, ...value }) };
    documents[value[0]] = structuredClone(value[1]);
  }
}

test("an engine of many rules is built while the one before serves, and the last one that came acts", async () => {
  const on = worker();
  const names = new PartNames();
  on.documents({ ...inParts(1, names), [hostsDocument("a1")]: ONE_HOST });
  const asked = "/serviceDirect/a1?mac=m2999";
  expect(ask(on, asked)).toEqual([302, "http://v1/2999?ruleName=rule2999", "1"]);
  const second = inParts(2, names);
  expect(Object.keys(second).length).toBeGreaterThan(10);
  for (const [name, document] of Object.entries(second)) on.changed({ [name]: document });
  expect(ask(on, asked)[2]).toBe("1");
  on.changed(inParts(3, names));
  expect(ask(on, asked)[2]).toBe("1");
  // The event loop goes on meanwhile.
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  await on.settled();
  clearInterval(timer);
  expect(turns).toBeGreaterThan(1);
  expect(ask(on, asked)).toEqual([302, "http://v3/2999?ruleName=rule2999", "3"]);
  on.changed({ [appDocument("a1")]: app({ version: 4 }) });
  expect(ask(on, asked)[2]).toBe("4");
  on.changed(inParts(5, names));
  on.changed({ [appDocument("a1")]: null });
  await on.settled();
  expect(ask(on, asked)[0]).toBe(404);
});

test("hosts and lists that come while an engine is built act with it", async () => {
  const on = worker();
  const names = new PartNames();
  on.documents({ [appDocument("a1")]: app({ model: null }) });
  on.changed(inParts(1, names));
  expect(ask(on)[0]).toBe(503);
  on.changed({ [hostsDocument("a1")]: [stackOf("/EU/z1/1.0", "10.0.0.9")] });
  on.changed({ [LISTS_DOCUMENT]: [] });
  await on.settled();
  expect(ask(on)).toEqual([302, "http://10.0.0.9:8080/app", "1"]);
});
