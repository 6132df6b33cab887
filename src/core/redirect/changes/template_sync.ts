/** Rules whose conditions were copied from a template, and are no longer what the template says. */
import type { Branch, RedirectModel, Rule } from "../model.ts";
import { sameValue } from "./pending.ts";

export interface OutdatedRule {
  readonly kind: "rule" | "url_rule";
  readonly id: string;
  readonly template: string;
}

const FAMILIES = [
  { kind: "rule", rules: "rules", templates: "rule_templates" },
  { kind: "url_rule", rules: "url_rules", templates: "url_rule_templates" },
] as const;

/** Rules of `model` that differ from their template in `templates`. A rule whose template is gone is not among them. */
export function outdatedRules(model: RedirectModel, templates: RedirectModel): OutdatedRule[] {
  return FAMILIES.flatMap(({ kind, rules, templates: key }) =>
    (model[rules] as readonly Rule<unknown>[]).flatMap((rule): OutdatedRule[] => {
      const template = templateOf(rule, templates[key] as readonly Rule<unknown>[]);
      if (template === null || sameValue(conditionsOf(rule), conditionsOf(template))) return [];
      return [{ kind, id: rule.id, template: template.id }];
    }),
  );
}

/** The template that a rule names, or null. */
export function templateOf<Result>(
  { template }: Rule<unknown>,
  templates: readonly Rule<Result>[],
): Rule<Result> | null {
  return templates.find(({ id }) => id === template) ?? null;
}

/** The rule with the conditions of the template; what it leads to stays, and comes from the template where it says nothing. */
export function resynced<Result>(rule: Rule<Result>, template: Rule<Result>): Rule<Result> {
  return { ...rule, ...withConditions(rule, template) };
}

function withConditions<Result>(
  own: Branch<Result>,
  { when, inner, result }: Branch<Result>,
): Branch<Result> {
  return {
    when,
    inner: inner.map((branch, index) => withConditions(own.inner[index] ?? branch, branch)),
    result: own.result ?? result,
  };
}

function conditionsOf({ when, inner }: Branch<unknown>): unknown {
  return { when, inner: inner.map(conditionsOf) };
}
