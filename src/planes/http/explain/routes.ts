/** Which routes were tried before the one that took a request, and why they did not take it. */
import type { ExplainedRoute } from "../../../core/explain/answer.ts";
import { RegexCache } from "../../../core/rules/linear_regex.ts";
import type { MatchRequest } from "../../../core/rules/request.ts";
import { ruleReasons } from "../../../core/rules/rule_reasons.ts";
import type { PlaneRuntime } from "../runtime.ts";

/** Routes that are listed. */
export const MOST_ROUTES = 20;
/** Time after which the rules of further routes are not looked at. */
const LOOK_MS = 1_000;

export interface RoutesTried {
  readonly routes: readonly ExplainedRoute[];
  readonly elsewhere: number;
  readonly leftOut: number;
}

/**
 * Goes through the routes as if there were no index, up to the one at `winner` (-1 = through all of them). Routes for
 * other hosts are counted and not listed.
 */
export function* routesTried(
  { plan, router }: Pick<PlaneRuntime, "plan" | "router">,
  request: MatchRequest,
  winner: number,
  now: () => number,
): Generator<void, RoutesTried> {
  const routes: ExplainedRoute[] = [];
  let elsewhere = 0;
  let leftOut = 0;
  const regexes = new RegexCache();
  const end = now() + LOOK_MS;
  for (const index of router.routeByRank) {
    yield;
    const isWinner = index === winner;
    if (!isWinner && now() > end) {
      leftOut++;
      continue;
    }
    const { name, match, priority: given, listeners } = plan.routes[index]!;
    const { rule, failed, elsewhere: isElsewhere } = ruleReasons(match, request, regexes);
    const priority = given === 0 ? rule.priority : given;
    const other = listeners.length > 0 && !listeners.includes(request.listener);
    const why = failed ?? (other ? `only for listeners ${listeners.join(", ")}` : null);
    // The one that takes the request is always listed, as the last one.
    if (!isWinner && isElsewhere) elsewhere++;
    else if (!isWinner && routes.length >= MOST_ROUTES - 1) leftOut++;
    else
      routes.push({
        name,
        match,
        priority: Number.isFinite(priority) ? priority : null,
        matches: why === null,
        failed: why,
      });
    if (isWinner) break;
  }
  return { routes, elsewhere, leftOut };
}
