/** Checks of a whitelist before it is saved. */
import type { CheckFacts } from "./facts.ts";
import { partOf, type Place, type Problem, problemAt, shown } from "./problem.ts";
import { loseDefaultProblems } from "./servers.ts";

const STACK = /^\/[A-Za-z0-9._-]+\/[A-Za-z0-9._-]+$/;
const PLACE: Place = { path: "whitelist", rule: null, words: "the whitelist" };

/** `whitelist` takes the place of that of the next model. */
export function whitelistProblems(whitelist: readonly string[], facts: CheckFacts): Problem[] {
  const problems = whitelist.flatMap((path, at) => pathProblems(path, partOf(PLACE, `[${at}]`)));
  const before = facts.next.whitelist.length;
  if (whitelist.length === 0 && before > 1)
    problems.push(
      problemAt(
        "WhitelistDeleteError",
        PLACE,
        `would lose all ${before} stacks at once; expected one to stay`,
      ),
    );
  return [...problems, ...loseDefaultProblems(facts.next, whitelist, facts)];
}

function pathProblems(path: string, place: Place): Problem[] {
  const expected = "expected the path of a stack, such as /EU/z1";
  if (path.trim() === "") return [problemAt("WhitelistEmptyPath", place, `has a blank entry; ${expected}`)];
  if (STACK.test(path)) return [];
  return [problemAt("WhitelistInvalidPath", place, `has the entry ${shown(path)}; ${expected}`)];
}
