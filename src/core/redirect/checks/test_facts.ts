/** For tests of checks: the application of the acceptance rows as facts, and findings in few words. */
import type { NamedList } from "../model.ts";
import { modelOf, ONE_HOST } from "../test_decider.ts";
import type { CheckFacts } from "./facts.ts";
import type { Problem } from "./problem.ts";

export function factsOf(settings: Partial<CheckFacts> = {}): CheckFacts {
  return { approved: modelOf(), next: modelOf(), stacks: ONE_HOST, lists: [], compat: false, ...settings };
}

export function codesOf(problems: readonly Problem[]): string[] {
  return problems.map(({ code }) => code);
}

export function listOf(name: string, values: readonly string[], type: NamedList["type"] = "TEXT"): NamedList {
  return {
    name,
    description: null,
    type,
    version: 1,
    values: values.map((value) => ({ value, encoded: null })),
  };
}
