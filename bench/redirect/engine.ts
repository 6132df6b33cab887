/**
 * Decisions of the engine alone, each kind in a process of its own: `bun bench/redirect/engine.ts RULES HOSTS WEIGHT ENTRIES`
 * prints nanoseconds of CPU time per decision. Keys are random, and their texts are made for each decision, as a gateway
 * makes them from what it receives.
 */
import { contextOf } from "../../src/core/redirect/context.ts";
import { Decider } from "../../src/core/redirect/decider.ts";
import { NamedLists } from "../../src/core/redirect/named_lists.ts";
import { OPTIONS } from "../../src/core/redirect/test_decider.ts";
import { cpuTime } from "../support/cpu_time.ts";
import { median } from "../support/statistics.ts";
import { keyOf, keyRules, listOfSize, PARAMETER, stacksOf, valueOf, withListRule } from "./models.ts";

export interface EngineCell {
  readonly rules: number;
  readonly hosts: number;
  /** 1 = all alike, else hosts have weights from 1 to this one in turn. */
  readonly weight: number;
  /** Of the list; 0 = no list, and clients ask by keys of rules. */
  readonly entries: number;
}

const WARM_UP = 200_000;
const STRETCH = 200_000;
const STRETCHES = 7;

/** Nanoseconds per decision: the median of some stretches. */
export function measureEngine({ rules, hosts, weight, entries }: EngineCell): number {
  const model = keyRules(rules);
  const lists = entries === 0 ? NamedLists.none : NamedLists.of([listOfSize(entries)]);
  const decider = new Decider(entries === 0 ? model : withListRule(model), lists, OPTIONS);
  decider.setHosts(stacksOf(hosts, (host) => (host % weight) + 1));
  const text = entries === 0 ? keyOf : valueOf;
  const count = entries === 0 ? rules : entries;
  let state = 12_345;
  let key = "";
  const context = (name: string): string | undefined => (name === PARAMETER ? key : undefined);
  const run = (decisions: number): void => {
    for (let number = 0; number < decisions; number++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      key = text(Math.floor((state / 2 ** 32) * count));
      if (typeof decider.decide(context) === "string") throw new Error(`no decision for ${key}`);
    }
  };
  const expected = decider.decide(contextOf({ [PARAMETER]: text(count - 1) }));
  if (typeof expected === "string" || expected.type !== "PATH_RULE") throw new Error("a rule should decide");
  run(WARM_UP);
  Bun.gc(true);
  const values: number[] = [];
  for (let stretch = 0; stretch < STRETCHES; stretch++) {
    const start = cpuTime();
    run(STRETCH);
    values.push((cpuTime() - start) / STRETCH);
  }
  return median(values);
}

if (import.meta.main) {
  const [rules, hosts, weight, entries] = process.argv.slice(2).map(Number) as [
    number,
    number,
    number,
    number,
  ];
  console.log(measureEngine({ rules, hosts, weight, entries }).toFixed(1));
}
