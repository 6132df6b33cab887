/** Which named lists a model looks at. Lists come and go without the model, so what is missing is found when somebody asks. */
import type { RedirectModel, Rule } from "./model.ts";
import { rolloutRules } from "./rollout_rules.ts";
import { listsOfRule } from "./rule_problems.ts";

export interface ListUse {
  readonly rule: string;
  readonly list: string;
}

/** Of flavor rules, rollouts that take somebody, and URL rules; each list once for each rule. In steps. */
export function* listUses(
  model: RedirectModel,
  sticky_parameters: readonly string[],
): Generator<void, ListUse[]> {
  const rollouts = rolloutRules(model.rollouts, sticky_parameters);
  const uses: ListUse[] = [];
  const families: readonly (readonly Rule<unknown>[])[] = [model.rules, rollouts, model.url_rules];
  for (const rules of families)
    for (const rule of rules) {
      for (const list of listsOfRule(rule)) uses.push({ rule: rule.id, list });
      yield;
    }
  return uses;
}

/** A sentence for each use of a list that is not there: no client stands in such a one. */
export function missingListTexts(uses: readonly ListUse[], isKnown: (list: string) => boolean): string[] {
  return uses
    .filter(({ list }) => !isKnown(list))
    .map(({ rule, list }) => `rule ${rule}: there is no list ${list}`);
}
