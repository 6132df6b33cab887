/** Checks of rollouts before they are saved. */
import { type Rollout, type RolloutGate, TEMPLATE_URL } from "../model.ts";
import { type CheckFacts, LivePaths } from "./facts.ts";
import { partOf, type Place, type Problem, problemAt, shown } from "./problem.ts";
import { serverProblems } from "./servers.ts";

const ID = /^[A-Za-z0-9_]+$/;

export function placeOfRollout({ id }: Rollout): Place {
  return { path: `rollouts.${id}`, rule: id, words: id === "" ? "a rollout" : `rollout ${id}` };
}

/** All rollouts of a model together: no two may have one id. */
export function rolloutProblems(
  rollouts: readonly Rollout[],
  { stacks, next }: Pick<CheckFacts, "stacks" | "next">,
): Problem[] {
  const paths = new LivePaths(stacks, next.whitelist);
  const ids = new Set<string>();
  return rollouts.flatMap((rollout) => {
    const place = placeOfRollout(rollout);
    const problems = [
      ...idProblems(rollout, ids, place),
      ...stepsProblems(rollout, place),
      ...gateProblems(rollout.gate, place),
      ...rolloutServerProblems(rollout, place, paths),
    ];
    ids.add(rollout.id);
    return problems;
  });
}

function idProblems({ id, salt }: Rollout, ids: ReadonlySet<string>, place: Place): Problem[] {
  const problems: Problem[] = [];
  if (!ID.test(id)) {
    const message = `has the id ${shown(id)}; expected letters, digits and _`;
    problems.push(problemAt("RolloutIdInvalid", partOf(place, ".id"), message));
  } else if (ids.has(id)) {
    const message = "has the id of another rollout; expected one of its own";
    problems.push(problemAt("RolloutIdInvalid", partOf(place, ".id"), message));
  }
  if (salt.trim() === "") {
    const message = "has no salt, so that it would have the same clients as others; expected a text";
    problems.push(problemAt("RolloutSaltMissed", partOf(place, ".salt"), message));
  }
  return problems;
}

function stepsProblems({ steps, step, since_ms, bake_ms }: Rollout, place: Place): Problem[] {
  const problems: Problem[] = [];
  const rises = steps.every((percent, at) => percent > (steps[at - 1] ?? 0) && percent <= 100);
  if (steps.length === 0 || !rises) {
    const message = `has the steps ${shown(steps.join(", "))}; expected percentages that rise, above 0 and at most 100`;
    problems.push(problemAt("RolloutStepsInvalid", partOf(place, ".steps"), message));
  }
  if (!Number.isInteger(step) || step < -1 || step >= steps.length) {
    const message = `is at step ${step}; expected -1 or the place of one of its ${steps.length} steps`;
    problems.push(problemAt("RolloutStepInvalid", partOf(place, ".step"), message));
  }
  for (const [name, value] of Object.entries({ since_ms, bake_ms })) {
    if (Number.isSafeInteger(value) && value >= 0) continue;
    const message = `has the ${name} ${value}; expected whole milliseconds`;
    problems.push(problemAt("RolloutTimeInvalid", partOf(place, `.${name}`), message));
  }
  return problems;
}

function gateProblems(gate: RolloutGate | null, place: Place): Problem[] {
  if (gate === null) return [];
  const { max_failing, min_samples } = gate;
  if (max_failing >= 0 && max_failing <= 1 && Number.isSafeInteger(min_samples) && min_samples >= 1)
    return [];
  const message = `has a gate of ${max_failing} and ${min_samples} samples; expected a share of 0 to 1 and at least 1 sample`;
  return [problemAt("RolloutGateInvalid", partOf(place, ".gate"), message)];
}

function rolloutServerProblems({ server }: Rollout, place: Place, paths: LivePaths): Problem[] {
  const at = partOf(place, ".server");
  if (server.path !== null || server.url === TEMPLATE_URL) return serverProblems(server, at, paths);
  const message = `has the URL ${shown(server.url)}; expected ${TEMPLATE_URL}`;
  return [problemAt("RolloutOnlySimpleServers", at, message)];
}
