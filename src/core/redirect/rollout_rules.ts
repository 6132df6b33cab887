/**
 * Rollouts as rules: what the engine tries between the flavor rules and the distribution. So they are compiled, interpreted and
 * explained as any other rule.
 */
import type { Condition, Destination, Rollout, Rule } from "./model.ts";
import { contains, type Contains } from "./operators/contains.ts";
import type { Logical } from "./operators/logical.ts";
import { percent, type Percent } from "./operators/percent.ts";
import { rolloutPercent } from "./rollout.ts";

/** In declared order; without those that take nobody. Their conditions have the native meaning, whatever the application's is. */
export function rolloutRules(
  rollouts: readonly Rollout[],
  sticky_parameters: readonly string[],
): Rule<Destination>[] {
  return rollouts.flatMap((rollout) => {
    const { id, server, allow, deny } = rollout;
    const alternatives = [...membersOf(allow, sticky_parameters, false), ...sharesOf(rollout)];
    if (alternatives.length === 0) return [];
    const when = [...membersOf(deny, sticky_parameters, true), anyOf(alternatives)];
    return { id, template: null, priority: 0, when, inner: [], result: { kind: "server", server } };
  });
}

/** A condition for each sticky parameter: it stands in one of the lists, or (`negated`) in none. */
function membersOf(
  lists: readonly string[],
  sticky_parameters: readonly string[],
  negated: boolean,
): Contains[] {
  if (lists.length === 0) return [];
  const rest = { values: [], lists, negated, missing: null, case_sensitive: false };
  return sticky_parameters.map((param) => ({ operator: contains.name, param, ...rest }));
}

function sharesOf(rollout: Rollout): Percent[] {
  const share = rolloutPercent(rollout);
  return share === 0 ? [] : [{ operator: percent.name, percent: share, salt: rollout.salt }];
}

function anyOf(alternatives: readonly Condition[]): Condition {
  const [only, ...others] = alternatives;
  if (others.length === 0) return only!;
  const or: Logical = { operator: "or", items: alternatives };
  return or;
}
