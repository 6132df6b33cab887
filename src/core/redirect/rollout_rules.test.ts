import { expect, test } from "bun:test";
import { listOf } from "./checks/test_facts.ts";
import { Decider } from "./decider.ts";
import { contextOf } from "./context.ts";
import type { RedirectModel } from "./model.ts";
import { NamedLists } from "./named_lists.ts";
import {
  conditionOf,
  deciderOf,
  decisionOf,
  modelOf,
  OPTIONS,
  rolloutOf,
  ruleOf,
  serverOf,
  SILENT,
  stackOf,
  to,
} from "./test_decider.ts";
import { explain } from "./trial/explain.ts";

const STACKS = ["1.0", "2.0", "3.0"].map((flavor) => stackOf(`/EU/z1/${flavor}`, "10.0.0.1"));
const KEYS = Array.from({ length: 20_000 }, (_, number) => `key-${number}`);

/** The keys that a rollout takes, for an engine with this model. */
function taken(settings: Partial<RedirectModel>, rule = "beta", compat = false): Set<string> {
  const decider = deciderOf(modelOf(settings), { compat }, STACKS);
  return new Set(KEYS.filter((key) => decisionOf(decider, { mac: key }).rule === rule));
}

test("RD131 from 1 to 5 to 25 percent each step has the clients of the one before, in both semantics", () => {
  for (const compat of [false, true]) {
    const steps = [0, 1, 2].map((step) => taken({ rollouts: [rolloutOf({ step })] }, "beta", compat));
    for (const [at, percent] of [1, 5, 25].entries()) {
      expect(Math.abs((steps[at]!.size / KEYS.length) * 100 - percent)).toBeLessThan(0.7);
      if (at > 0) expect(steps[at - 1]!.isSubsetOf(steps[at]!)).toBeTrue();
    }
    expect(taken({ rollouts: [rolloutOf({ step: -1 })] }, "beta", compat).size).toBe(0);
  }
});

test("RD45 two rollouts with salts of their own at 5 % have a quarter of a percent of all clients in common", () => {
  const [one, other] = ["one", "other"].map((salt) => taken({ rollouts: [rolloutOf({ salt, step: 1 })] }));
  const overlap = (one!.intersection(other!).size / KEYS.length) * 100;
  expect(Math.abs(overlap - 0.25)).toBeLessThanOrEqual(0.2);
});

test("rules come before rollouts, rollouts in declared order, and the distribution behind them", () => {
  const everybody = { steps: [100], step: 0 };
  const rollouts = [
    rolloutOf({ id: "first", salt: "a", steps: [50] }),
    rolloutOf({ id: "second", salt: "b", server: serverOf("3.0"), ...everybody }),
  ];
  const model = modelOf({
    rollouts,
    rules: [ruleOf("r", [conditionOf("equals", { param: "x", value: "1" })], to(serverOf("1.0")))],
    distribution: [{ percent: 99, server: serverOf("2.0") }],
  });
  const decider = deciderOf(model, {}, STACKS);
  expect(decisionOf(decider, { mac: "key-1", x: "1" })).toMatchObject({ type: "PATH_RULE", rule: "r" });
  const flavors = new Set<string>();
  for (const key of KEYS.slice(0, 100)) {
    const { type, rule, flavor, locations } = decisionOf(decider, { mac: key });
    expect(type).toBe("ROLLOUT_RULE");
    expect(locations[0]!.url).toEndWith(`?ruleName=${rule}`);
    flavors.add(`${rule} ${flavor}`);
  }
  expect([...flavors].toSorted()).toEqual(["first 2.0", "second 3.0"]);
  // Who has no key is in no share but that of everybody.
  expect(decisionOf(decider, {}).rule).toBe("second");
  const rest = deciderOf(modelOf({ ...model, rollouts: [rollouts[0]!], rules: [] }), {}, STACKS);
  const types = new Set(KEYS.slice(0, 100).map((mac) => decisionOf(rest, { mac }).type));
  expect([...types]).toEqual(expect.arrayContaining(["DISTRIBUTION_RULE", "ROLLOUT_RULE"]));
});

test("a rollout without hosts leads to the default server", () => {
  const rollouts = [rolloutOf({ server: serverOf("9.9"), steps: [100] })];
  expect(decisionOf(deciderOf(modelOf({ rollouts }), {}, STACKS), { mac: "m" })).toMatchObject({
    type: "DEFAULT_SERVER",
    is_fallback: true,
    rule: null,
  });
});

test("who is denied is never in, who is allowed is in from before the first step", () => {
  const lists = [listOf("testers", ["Ann", "bob"]), listOf("never", ["bob"])];
  const rollout = rolloutOf({ allow: ["testers"], deny: ["never"], step: -1 });
  const ruleFor = (settings: object, client: Record<string, string>) => {
    const model = modelOf({ rollouts: [{ ...rollout, ...settings }] });
    const [fast, slow] = [null, SILENT].map((trace) => {
      const decider = new Decider(model, NamedLists.of(lists), OPTIONS, trace);
      decider.setHosts(STACKS);
      return decider.decide(contextOf(client));
    });
    expect(fast).toEqual(slow!);
    return typeof fast === "string" ? fast : fast!.rule;
  };
  expect(ruleFor({}, { mac: "ann" })).toBe("beta");
  expect(ruleFor({}, { serviceAccountId: "other", mac: "ANN" })).toBe("beta");
  expect(ruleFor({}, { mac: "bob" })).toBeNull();
  expect(ruleFor({}, { mac: "carl" })).toBeNull();
  const everybody = { steps: [100], step: 0 };
  expect(ruleFor(everybody, { mac: "carl" })).toBe("beta");
  expect(ruleFor(everybody, { mac: "bob" })).toBeNull();
});

test("unknown lists and percentages that are none are told, as those of rules are", () => {
  const decider = deciderOf(
    modelOf({ rollouts: [rolloutOf({ allow: ["nobody"] }), rolloutOf({ id: "odd", steps: [101] })] }),
    {},
    STACKS,
  );
  expect(decider.unknown_lists).toContainEqual({ rule: "beta", list: "nobody" });
  expect(decider.problems).toMatchObject([{ rule: "odd", code: "PercentRangeError" }]);
});

test("explain shows the rollouts that were tried, and what decided them", () => {
  const model = modelOf({
    rollouts: [rolloutOf({ id: "few", steps: [1e-7] }), rolloutOf({ id: "all", steps: [100] })],
  });
  const { rollouts, rules, decision } = explain(deciderOf(model, {}, STACKS), contextOf({ mac: "m" }));
  expect(rules).toEqual([]);
  expect(rollouts).toEqual([
    {
      rule: "few",
      conditions: [{ operator: "percent", operands: { percent: 1e-7, salt: "beta" }, holds: false }],
    },
    {
      rule: "all",
      conditions: [{ operator: "percent", operands: { percent: 100, salt: "beta" }, holds: true }],
    },
  ]);
  expect(decision).toMatchObject({ type: "ROLLOUT_RULE", rule: "all" });
});
