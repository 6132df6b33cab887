/** Checks before something is deleted that others may lean on. A distribution or whitelist is emptied by saving an empty one. */
import type { RedirectModel, Rule } from "../model.ts";
import { listsOfRule } from "../rule_problems.ts";
import { listed, type Problem, problemAt } from "./problem.ts";
import type { RuleKind } from "./rules.ts";

/** An application as deletions meet it: lists are there for all of them. */
export interface ApplicationModels {
  readonly app: string;
  readonly approved: RedirectModel;
  readonly next: RedirectModel;
}

/** Who needs something, and in which of the two models. */
export interface Use {
  readonly app: string;
  readonly kind: RuleKind | "rollouts";
  /** Id of the rule, template or rollout. */
  readonly rule: string;
  readonly in: "approved" | "pending" | "both";
}

const KINDS: readonly RuleKind[] = ["rules", "url_rules", "rule_templates", "url_rule_templates"];

/** Rules, templates and rollouts that look at the list with this name. */
export function usesOfList(name: string, applications: readonly ApplicationModels[]): Use[] {
  return applications.flatMap((models) => [
    ...usesIn(models, KINDS, (rule) => listsOfRule(rule).includes(name)),
    ...usesWhere(models, "rollouts", ({ rollouts }) =>
      rollouts.filter(({ allow, deny }) => allow.includes(name) || deny.includes(name)),
    ),
  ]);
}

/** Rules that were made from the template with this name. */
export function usesOfTemplate(
  name: string,
  kind: "rule_templates" | "url_rule_templates",
  models: ApplicationModels,
): Use[] {
  return usesIn(
    models,
    [kind === "rule_templates" ? "rules" : "url_rules"],
    (rule) => rule.template === name,
  );
}

function usesIn(
  models: ApplicationModels,
  kinds: readonly RuleKind[],
  isUser: (rule: Rule<unknown>) => boolean,
): Use[] {
  return kinds.flatMap((kind) =>
    usesWhere(models, kind, (model) => (model[kind] as readonly Rule<unknown>[]).filter(isUser)),
  );
}

function usesWhere(
  { app, approved, next }: ApplicationModels,
  kind: Use["kind"],
  usersIn: (model: RedirectModel) => readonly { readonly id: string }[],
): Use[] {
  const namesIn = (model: RedirectModel): Set<string> => new Set(usersIn(model).map(({ id }) => id));
  const [current, pending] = [namesIn(approved), namesIn(next)];
  return [...current.union(pending)].map((rule): Use => {
    const where = !pending.has(rule) ? "approved" : current.has(rule) ? "both" : "pending";
    return { app, kind, rule, in: where };
  });
}

export function listDeletionProblems(name: string, applications: readonly ApplicationModels[]): Problem[] {
  const uses = usesOfList(name, applications);
  if (uses.length === 0) return [];
  const place = { path: `lists.${name}`, rule: null, words: `list ${name}` };
  return [
    problemAt("NamespacedlistIsInUse", place, `is used by ${named(uses)}; expected no rule that uses it`),
  ];
}

export function templateDeletionProblems(
  name: string,
  kind: "rule_templates" | "url_rule_templates",
  models: ApplicationModels,
): Problem[] {
  const uses = usesOfTemplate(name, kind, models);
  if (uses.length === 0) return [];
  const place = { path: `${kind}.${name}`, rule: name, words: `template ${name}` };
  return [problemAt("TemplateIsUsed", place, `is used by ${named(uses)}; expected no rule that uses it`)];
}

function named(uses: readonly Use[]): string {
  return listed(uses.map((use) => `${use.app}/${use.rule}${use.in === "pending" ? " (pending)" : ""}`));
}
