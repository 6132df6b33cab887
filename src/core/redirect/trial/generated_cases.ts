/** Test cases that are made from a model: a client for each rule and each share, which should get there. */
import { contextOf } from "../context.ts";
import type { Decider } from "../decider.ts";
import type { TestCase } from "../documents/service_documents.ts";
import { ruleSalt } from "../interpreter.ts";
import type { Branch, Condition } from "../model.ts";
import { operatorOf } from "../operators/all.ts";
import type { ExampleNeeds, Examples } from "../operators/contract.ts";
import { joinedExamples } from "../operators/logical.ts";
import { stickyExamples } from "../operators/percent.ts";
import { boundOf } from "../sticky.ts";
import { partsOf } from "./case_run.ts";

export interface GeneratedCases {
  readonly cases: readonly TestCase[];
  /** Rules for which no client was found: they may be unreachable, or too hard to guess. */
  readonly rules_without: readonly string[];
}

/** More clients than this are not tried for one rule. */
const MOST_TRIED = 5_000;
/** Clients that are tried between two steps: some 0.1 ms of work. */
const STEP_CLIENTS = 50;

type Client = Readonly<Record<string, string>>;

/** `decider` has the model, the lists and the hosts that the cases are for. In steps: clients may be hard to find. */
export function* caseSlices(decider: Decider): Generator<void, GeneratedCases> {
  const cases: TestCase[] = [];
  const rules_without: string[] = [];
  const list = firstTexts(decider);
  for (const rule of decider.model.rules) {
    const needs = needsOf(decider, ruleSalt(decider.options.app, rule.id), list);
    const client = yield* firstClient(examplesOf(rule, needs), (each) => {
      const decision = decider.decide(contextOf(each));
      return typeof decision !== "string" && decision.rule === rule.id;
    });
    if (client === null) rules_without.push(rule.id);
    else cases.push(caseOf(decider, `rule_${rule.id}`, client));
  }
  return { cases: [...cases, ...(yield* shareCases(decider))], rules_without };
}

/** The first value of a list is all that examples need; it is looked for once. */
function firstTexts({ options, lists }: Decider): ExampleNeeds["list"] {
  const known = new Map<string, readonly string[]>();
  return (name) => {
    const first = known.get(name) ?? lists.firstText(name, options.compat);
    known.set(name, first);
    return first;
  };
}

function needsOf({ options }: Decider, salt: string, list: ExampleNeeds["list"]): ExampleNeeds {
  const { compat, sticky_parameters } = options;
  const needs: ExampleNeeds = {
    compat,
    sticky_parameters,
    salt,
    list,
    examples: (condition: Condition) => operatorOf(condition).examples(condition, needs),
  };
  return needs;
}

function examplesOf<Result>({ when, inner }: Branch<Result>, needs: ExampleNeeds): Examples {
  const own = when.map((condition) => needs.examples(condition));
  return joinedExamples([...own, ...inner.map((branch) => examplesOf(branch, needs))]);
}

/** The first of all combinations, with and without each parameter, for which `isRight` holds. */
function* firstClient(
  examples: Examples,
  isRight: (client: Client) => boolean,
): Generator<void, Client | null> {
  const choices = Object.entries(examples).map(
    ([name, values]): readonly (readonly [string, string] | null)[] => [
      ...values.map((value) => [name, value] as const),
      null,
    ],
  );
  let tried = 0;
  function* search(
    chosen: readonly (readonly [string, string])[],
    depth: number,
  ): Generator<void, Client | null> {
    if (depth === choices.length) {
      if (tried % STEP_CLIENTS === 0) yield;
      const client = Object.fromEntries(chosen);
      return tried++ < MOST_TRIED && isRight(client) ? client : null;
    }
    for (const choice of choices[depth]!) {
      if (tried >= MOST_TRIED) return null;
      const found = yield* search(choice === null ? chosen : [...chosen, choice], depth + 1);
      if (found !== null) return found;
    }
    return null;
  }
  return yield* search([], 0);
}

function* shareCases(decider: Decider): Generator<void, TestCase[]> {
  const { app, compat, sticky_parameters } = decider.options;
  const cases: TestCase[] = [];
  let sum = 0;
  for (const [number, { percent }] of decider.model.distribution.entries()) {
    // Clients just inside of its upper bound are more likely its own than those far below.
    sum += percent;
    const salt = compat ? "" : app;
    const examples = [sum, sum - percent / 2].map((bound) =>
      stickyExamples(boundOf(bound), salt, sticky_parameters),
    );
    const client = yield* firstClient(joinedExamples(examples), (each) => {
      const decision = decider.decide(contextOf(each));
      return typeof decision !== "string" && decision.share === number;
    });
    if (client !== null) cases.push(caseOf(decider, `distribution_${number}`, client));
  }
  return cases;
}

function caseOf(decider: Decider, name: string, client: Client): TestCase {
  const decision = decider.decide(contextOf(client));
  if (typeof decision === "string") throw new TypeError(`no decision: ${decision}`);
  const { rule, flavor, responseType } = partsOf(decision);
  return {
    name,
    application: decider.options.app,
    parameters: Object.entries(client).map(([parameter, value]) => ({ name: parameter, values: [value] })),
    expected: { rule, flavor, responseType },
    applied_url_rules: [],
  };
}
