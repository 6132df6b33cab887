/** Checks of a rule or of a template of rules before it is saved. */
import type { Destination, Rule, UrlParams } from "../model.ts";
import { branchProblems } from "./conditions.ts";
import { type CheckFacts, LivePaths } from "./facts.ts";
import { partOf, type Place, type Problem, problemAt, shown } from "./problem.ts";
import { destinationProblems } from "./servers.ts";
import { urlParamsProblems } from "./url_params.ts";

const RULE_NAME = /^[A-Za-z0-9_]+$/;

/** Where a rule stands in the model. */
export type RuleKind = "rules" | "rule_templates" | "url_rules" | "url_rule_templates";

const WORDS: Readonly<Record<RuleKind, string>> = {
  rules: "rule",
  rule_templates: "rule template",
  url_rules: "URL rule",
  url_rule_templates: "URL rule template",
};

export function placeOfRule(kind: RuleKind, { id }: Rule<unknown>): Place {
  return {
    path: `${kind}.${id}`,
    rule: id,
    words: id.trim() === "" ? `a ${WORDS[kind]}` : `${WORDS[kind]} ${id}`,
  };
}

/** A flavor rule, which leads to servers. */
export function ruleProblemsAtSave(rule: Rule<Destination>, facts: CheckFacts): Problem[] {
  return flavorProblems([rule], "rules", facts);
}

export function ruleTemplateProblems(template: Rule<Destination>, facts: CheckFacts): Problem[] {
  return flavorProblems([template], "rule_templates", facts);
}

export function urlRuleProblems(rule: Rule<UrlParams>, facts: CheckFacts): Problem[] {
  return urlProblems([rule], "url_rules", facts);
}

export function urlRuleTemplateProblems(template: Rule<UrlParams>, facts: CheckFacts): Problem[] {
  return urlProblems([template], "url_rule_templates", facts);
}

/** Many flavor rules or templates at once: what is looked up is prepared once. */
export function flavorProblems(
  rules: readonly Rule<Destination>[],
  kind: "rules" | "rule_templates",
  { stacks, next, compat }: Pick<CheckFacts, "stacks" | "next" | "compat">,
): Problem[] {
  const paths = new LivePaths(stacks, next.whitelist);
  return rules.flatMap((rule) =>
    problemsOf(rule, kind, compat, (destination, place) => destinationProblems(destination, place, paths)),
  );
}

export function urlProblems(
  rules: readonly Rule<UrlParams>[],
  kind: "url_rules" | "url_rule_templates",
  { compat }: Pick<CheckFacts, "compat">,
): Problem[] {
  return rules.flatMap((rule) => problemsOf(rule, kind, compat, urlParamsProblems));
}

type CheckResult<Result> = (result: Result, place: Place) => Problem[];

function problemsOf<Result>(
  rule: Rule<Result>,
  kind: RuleKind,
  compat: boolean,
  check: CheckResult<Result>,
): Problem[] {
  const place = placeOfRule(kind, rule);
  const problems = [...nameProblems(rule.id, place), ...branchProblems(rule, place, compat)];
  eachResult(rule, place, (result, at) => problems.push(...check(result, at)));
  if (kind.endsWith("templates") && rule.template !== null) {
    const message = `is made from the template ${shown(rule.template)}; expected none`;
    problems.push(problemAt("TemplateDependsOnTemplate", partOf(place, ".template"), message));
  }
  return problems;
}

function eachResult<Result>(
  { result, inner }: Pick<Rule<Result>, "result" | "inner">,
  place: Place,
  see: (result: Result, place: Place) => void,
): void {
  if (result !== null) see(result, partOf(place, ".result"));
  for (const [at, branch] of inner.entries()) eachResult(branch, partOf(place, `.inner[${at}]`), see);
}

function nameProblems(id: string, place: Place): Problem[] {
  const at = partOf(place, ".id");
  if (id.trim() === "")
    return [problemAt("MissedRuleName", at, "has no name; expected letters, digits and _")];
  if (RULE_NAME.test(id) && id !== "undefined") return [];
  // The name stands in the words of the place.
  return [
    problemAt("InvalidRuleName", at, "has a name that is not valid; expected letters, digits and _ only"),
  ];
}
