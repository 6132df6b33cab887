/** What a decision costs must not grow with weights, sizes of lists and numbers of rules. */
import { expect, test } from "bun:test";
import { measuredRatio } from "../../../test/support/measured_ratio.ts";
import { Decider } from "./decider.ts";
import { NamedLists } from "./named_lists.ts";
import { conditionOf, literalOf, modelOf, OPTIONS, ruleOf, serverOf, to } from "./test_decider.ts";

const HOSTS = 1_000;
const DECISIONS = 5_000;

interface Size {
  readonly rules: number;
  readonly weight: number;
  readonly entries: number;
}

/** Carries some decisions out, by keys of rules and of the list in turn. */
function decisions({ rules, weight, entries }: Size): () => void {
  const hosts = Array.from({ length: HOSTS }, (_, index) => {
    const ipv4 = `10.0.${index >> 8}.${index & 255}`;
    return { key: ipv4, ipv4, ipv6: null, weight: (index % weight) + 1 };
  });
  const model = modelOf({
    rules: [
      ...Array.from({ length: rules }, (_, index) =>
        ruleOf(
          `rule${index}`,
          [conditionOf("equals", { param: "mac", value: `key${index}` })],
          to(serverOf("1.0")),
        ),
      ),
      ruleOf(
        "listed",
        [conditionOf("contains", { param: "mac", lists: ["macs"] })],
        to(literalOf("http://l")),
      ),
    ],
  });
  const values = Array.from({ length: entries }, (_, index) => ({ value: `value${index}`, encoded: null }));
  const list = { name: "macs", description: null, type: "TEXT" as const, version: 1, values };
  const decider = new Decider(model, NamedLists.of([list]), OPTIONS);
  decider.setHosts([{ stack: "/EU/z1", flavor: "1.0", hosts }]);
  let state = 1;
  let mac = "";
  const context = (name: string): string | undefined => (name === "mac" ? mac : undefined);
  return () => {
    for (let number = 0; number < DECISIONS; number++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      const share = state / 2 ** 32;
      mac = number % 2 === 0 ? `key${Math.floor(share * rules)}` : `value${Math.floor(share * entries)}`;
      const decision = decider.decide(context);
      if (typeof decision === "string" || decision.rule === null) throw new Error(`no rule for ${mac}`);
    }
  };
}

const SMALL: Size = { rules: 1_000, weight: 1, entries: 1_000 };

test("RD145 a decision with weights up to 100 and a list of 100,000 values costs as much as with small ones", () => {
  const large: Size = { rules: 1_000, weight: 100, entries: 100_000 };
  expect(measuredRatio(decisions(large), decisions(SMALL), 1.5)).toBeLessThanOrEqual(1.5);
}, 60_000);

test("rules that demand a value are looked up: ten thousand cost less than three times as much as ten", () => {
  const [few, many] = [10, 10_000].map((rules) => decisions({ ...SMALL, rules }));
  expect(measuredRatio(many!, few!, 3)).toBeLessThan(3);
}, 60_000);
