/** Checks of a distribution before it is saved. */
import { type Server, type Share, TEMPLATE_URL } from "../model.ts";
import { type CheckFacts, LivePaths } from "./facts.ts";
import { partOf, type Place, type Problem, problemAt, shown } from "./problem.ts";
import { serverProblems } from "./servers.ts";

const PLACE: Place = { path: "distribution", rule: null, words: "the distribution" };

/**
 * `shares` take the place of those of the next model. `defaultServer` is the one that is saved with them, else that of the next
 * model.
 */
export function distributionProblems(
  shares: readonly Share[],
  facts: CheckFacts,
  defaultServer: Server | null = facts.next.default_server,
): Problem[] {
  const paths = new LivePaths(facts.stacks, facts.next.whitelist);
  const problems = shares.flatMap((share, at) =>
    shareProblems(share, partOf(PLACE, `[${at}]`, `share ${at + 1} of the distribution`), paths),
  );
  problems.push(...totalProblems(shares), ...pathProblems(shares, defaultServer));
  const before = facts.next.distribution.length;
  if (shares.length === 0 && before > 1)
    problems.push(
      problemAt(
        "DistributionDeletionError",
        PLACE,
        `would lose all ${before} shares at once; expected one to stay`,
      ),
    );
  return problems;
}

function shareProblems({ percent, server }: Share, place: Place, paths: LivePaths): Problem[] {
  const problems: Problem[] = [];
  if (!(percent >= 0 && percent <= 100))
    problems.push(
      problemAt(
        "RuleDistributionPercentageInvalid",
        partOf(place, ".percent"),
        `is ${percent}; expected a number within 0 and 100`,
      ),
    );
  const at = partOf(place, ".server");
  if (server.path === null && server.url !== TEMPLATE_URL)
    problems.push(
      problemAt(
        "DistributionOnlySimpleServersErr",
        at,
        `has the URL ${shown(server.url)}; expected ${TEMPLATE_URL}`,
      ),
    );
  else problems.push(...serverProblems(server, at, paths));
  return problems;
}

/** All shares together; sums of decimal fractions are off by a little. */
export function totalPercent(shares: readonly Share[]): number {
  return Math.round(shares.reduce((sum, { percent }) => sum + percent, 0) * 1e6) / 1e6;
}

function totalProblems(shares: readonly Share[]): Problem[] {
  const total = totalPercent(shares);
  if (total >= 0 && total < 100) return [];
  return [
    problemAt("DistributionPercentageInvalid", PLACE, `has ${total} % together; expected less than 100`),
  ];
}

function pathProblems(shares: readonly Share[], defaultServer: Server | null): Problem[] {
  const firsts = new Map<string, number>();
  const problems: Problem[] = [];
  for (const [at, { server }] of shares.entries()) {
    const { path } = server;
    if (path === null) continue;
    const place = partOf(PLACE, `[${at}].server.path`, `share ${at + 1} of the distribution`);
    const first = firsts.get(path);
    if (first === undefined) firsts.set(path, at);
    else {
      const message = `has the path ${shown(path)} of share ${first + 1}; expected each path once`;
      problems.push(problemAt("DistributionDuplicatedServersErr", place, message));
    }
    if (path === defaultServer?.path) {
      const message = `has the path ${shown(path)} of the default server; expected another one`;
      problems.push(problemAt("ServerPathOverridesDistribution", place, message));
    }
  }
  return problems;
}
