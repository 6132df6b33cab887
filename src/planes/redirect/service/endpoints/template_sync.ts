/** Rules that were made from a template which has been changed since: shown, and brought to what it says. */
import type { Edit } from "../../../../core/redirect/changes/pending.ts";
import { outdatedRules, resynced, templateOf } from "../../../../core/redirect/changes/template_sync.ts";
import type { CheckFacts } from "../../../../core/redirect/checks/facts.ts";
import type { Problem } from "../../../../core/redirect/checks/problem.ts";
import { ruleProblemsAtSave, urlRuleProblems } from "../../../../core/redirect/checks/rules.ts";
import type { RedirectModel, Rule } from "../../../../core/redirect/model.ts";
import { checkFactsOf, type AppView } from "../app_view.ts";
import type { Wish } from "../editing.ts";
import { giveJson } from "../http/answer.ts";
import type { Call } from "../http/call.ts";
import { type Endpoint, json } from "../http/endpoint.ts";
import { ServiceError } from "../service_error.ts";
import { giveSaved } from "./saved.ts";

/** Names of rules in the body; null = all. Throws ServiceError 400. */
function namesIn(call: Call): ReadonlySet<string> | null {
  if (call.body.length === 0) return null;
  const given = call.json();
  if (!Array.isArray(given) || !given.every((name) => typeof name === "string"))
    throw new ServiceError(400, "the body: expected a list of names of rules, or nothing for all");
  return new Set(given as string[]);
}

/** A rule with the conditions of its template, and what is wrong with it then. */
function editOf<Result>(
  kind: "rule" | "url_rule",
  id: string,
  [rules, templates]: readonly [readonly Rule<Result>[], readonly Rule<Result>[]],
  check: (rule: Rule<Result>) => Problem[],
): { readonly edit: Edit; readonly problems: Problem[] } {
  const rule = rules.find((each) => each.id === id)!;
  const value = resynced(rule, templateOf(rule, templates)!);
  return { edit: { kind, id, value } as unknown as Edit, problems: check(value) };
}

function resyncWish(call: Call, view: AppView, names: ReadonlySet<string> | null): Wish {
  const { approved, next } = view;
  const facts: CheckFacts = checkFactsOf(view);
  refuseUnknown(next, names);
  const outdated = outdatedRules(next, approved).filter(({ id }) => names === null || names.has(id));
  const found = outdated.map(({ kind, id }) => {
    if (kind === "rule")
      return editOf(kind, id, [next.rules, approved.rule_templates], (rule) =>
        ruleProblemsAtSave(rule, facts),
      );
    call.expectPermission("write", "urlRules");
    return editOf(kind, id, [next.url_rules, approved.url_rule_templates], (rule) =>
      urlRuleProblems(rule, facts),
    );
  });
  return { edits: found.map(({ edit }) => edit), problems: found.flatMap(({ problems }) => problems) };
}

function refuseUnknown({ rules, url_rules }: RedirectModel, names: ReadonlySet<string> | null): void {
  if (names === null) return;
  const made = [...rules, ...url_rules].filter(({ template }) => template !== null).map(({ id }) => id);
  const unknown = [...names].filter((name) => !made.includes(name));
  if (unknown.length > 0)
    throw new ServiceError(404, `${unknown.join(", ")}: no rule of this name was made from a template`);
}

export const templateSyncEndpoints: readonly Endpoint[] = [
  {
    id: "getOutdatedRules",
    method: "GET",
    path: "/templates/outdated/{app}",
    summary:
      "Rules whose conditions are no longer what their approved templates say, pending changes regarded",
    permission: "templates",
    gives: json("The rules, each with its kind and its template."),
    async handle(call, service) {
      const { approved, next } = await service.view(call.app);
      return giveJson({ rules: outdatedRules(next, approved) });
    },
  },
  {
    id: "resyncRules",
    method: "POST",
    path: "/templates/resync/{app}",
    summary: "Gives rules the conditions of their templates again: one save of pending changes",
    permission: "rules",
    takes: json("A list of names of rules; nothing for all that are out of date."),
    gives: json("The rules that were changed, and the version of the pending changes."),
    async handle(call, service) {
      const names = namesIn(call);
      let changed: readonly string[] = [];
      const saved = await service.editing.save(call.app, call.act, (view) => {
        const wish = resyncWish(call, view, names);
        changed = wish.edits.map(({ id }) => id);
        return wish;
      });
      return giveSaved(giveJson({ rules: changed, version: saved.pending.version }), saved);
    },
  },
];
