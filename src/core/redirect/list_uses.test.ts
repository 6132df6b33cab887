import { allSteps } from "../steps.ts";
import { expect, test } from "bun:test";
import { listUses, missingListTexts } from "./list_uses.ts";
import {
  conditionOf,
  deciderOf,
  literalOf,
  modelOf,
  OPTIONS,
  rolloutOf,
  ruleOf,
  to,
  urlParams,
} from "./test_decider.ts";

const inLists = (...lists: string[]) => conditionOf("contains", { param: "mac", lists });
const MODEL = modelOf({
  rules: [
    ruleOf("beta", [inLists("staff", "macs"), inLists("staff")], to(literalOf("http://a"))),
    ruleOf("none", [conditionOf("isEmpty", { param: "mac" })], to(literalOf("http://a"))),
  ],
  rollouts: [rolloutOf({ id: "roll", allow: ["testers"], deny: ["staff"] })],
  url_rules: [ruleOf("url", [inLists("networks")], urlParams({ port: 1 }))],
});

test("RD23 lists of flavor rules, rollouts and URL rules are known by the rules that name them", () => {
  const uses = allSteps(listUses(MODEL, OPTIONS.sticky_parameters));
  expect(uses.map(({ rule, list }) => `${rule} ${list}`).toSorted()).toEqual([
    "beta macs",
    "beta staff",
    "roll staff",
    "roll testers",
    "url networks",
  ]);
  expect(missingListTexts(uses, (list) => list !== "staff" && list !== "networks")).toEqual([
    "rule beta: there is no list staff",
    "rule roll: there is no list staff",
    "rule url: there is no list networks",
  ]);
  // The engine names the same ones.
  const engine = deciderOf(MODEL).unknown_lists.map(({ rule, list }) => `${rule} ${list}`);
  expect(engine.toSorted()).toEqual(uses.map(({ rule, list }) => `${rule} ${list}`).toSorted());
});
