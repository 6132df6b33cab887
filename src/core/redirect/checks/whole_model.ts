/** All checks of all entities of a model at once: what is imported, or came to be before the checks did. */
import type { RedirectModel } from "../model.ts";
import { distributionProblems } from "./distribution.ts";
import type { CheckFacts } from "./facts.ts";
import type { Problem } from "./problem.ts";
import { rolloutProblems } from "./rollouts.ts";
import { flavorProblems, urlProblems } from "./rules.ts";
import { defaultServerProblems } from "./servers.ts";
import { defaultUrlProblems } from "./url_params.ts";
import { whitelistProblems } from "./whitelist.ts";

/** Errors only; warnings are `lintSlices`'s. What is missing as a whole is for `acceptance` to say. */
export function modelProblems(
  model: RedirectModel,
  { stacks, lists, compat }: Pick<CheckFacts, "stacks" | "lists" | "compat">,
): Problem[] {
  const facts: CheckFacts = { approved: model, next: model, stacks, lists, compat };
  return [
    ...(model.default_server === null ? [] : defaultServerProblems(model.default_server, facts)),
    ...distributionProblems(model.distribution, facts),
    ...flavorProblems(model.rules, "rules", facts),
    ...flavorProblems(model.rule_templates, "rule_templates", facts),
    ...urlProblems(model.url_rules, "url_rules", facts),
    ...urlProblems(model.url_rule_templates, "url_rule_templates", facts),
    ...(model.default_url === null ? [] : defaultUrlProblems(model.default_url)),
    ...whitelistProblems(model.whitelist, facts),
    ...rolloutProblems(model.rollouts, facts),
  ];
}
