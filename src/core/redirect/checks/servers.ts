/** Checks of servers and groups of them. */
import { type Destination, type RedirectModel, type Server, TEMPLATE_URL } from "../model.ts";
import { urlParts } from "../url.ts";
import { type CheckFacts, LivePaths } from "./facts.ts";
import { listed, partOf, type Place, type Problem, problemAt, shown } from "./problem.ts";

export const HIGHEST_PORT = 65_535;

/** The default server before it is saved: the shares of the next model must not have its path. */
export function defaultServerProblems(server: Server, facts: CheckFacts): Problem[] {
  const place: Place = { path: "default_server", rule: null, words: "the default server" };
  const problems = serverProblems(server, place, new LivePaths(facts.stacks, facts.next.whitelist));
  const { path } = server;
  if (path !== null && facts.next.distribution.some((share) => share.server.path === path))
    problems.push(
      problemAt(
        "ServerPathOverridesDistribution",
        partOf(place, ".path"),
        `has the path ${shown(path)} of a share of the distribution; expected another one`,
      ),
    );
  return problems;
}

export function destinationProblems(destination: Destination, place: Place, paths: LivePaths): Problem[] {
  if (destination.kind === "server")
    return serverProblems(destination.server, partOf(place, ".server"), paths);
  const { servers, enable_private, countdown } = destination;
  const problems = servers.flatMap((server, at) =>
    serverProblems(server, partOf(place, `.servers[${at}]`, `${place.words}, server ${at + 1},`), paths),
  );
  if (servers.length === 0)
    problems.push(
      problemAt("ServerIsMissed", partOf(place, ".servers"), "has an empty group; expected servers"),
    );
  if (!Number.isInteger(countdown) || countdown < -1)
    problems.push(
      problemAt(
        "ServerGroupCountDown",
        partOf(place, ".countdown"),
        `has the countdown ${shown(String(countdown))}; expected a whole number of at least -1`,
      ),
    );
  return [...problems, ...enablePrivateProblems(enable_private, partOf(place, ".enable_private"))];
}

/** A model that came as JSON may hold anything. */
function enablePrivateProblems(value: unknown, place: Place): Problem[] {
  if (typeof value === "boolean") return [];
  if (value === undefined || value === null)
    return [
      problemAt("ServerGroupEnablePrivateMissed", place, "has no enable_private; expected true or false"),
    ];
  const message = `has the enable_private ${JSON.stringify(value)}; expected true or false`;
  return [problemAt("ServerGroupEnablePrivateInvalid", place, message)];
}

export function serverProblems(server: Server, place: Place, paths: LivePaths): Problem[] {
  const problems = urlProblems(server, place);
  const { path, not_whitelisted } = server;
  if (path === null || path.trim() === "") return problems;
  const at = partOf(place, ".path");
  if (!paths.has(path))
    problems.push(
      problemAt(
        "InactivePathError",
        at,
        `has the path ${shown(path)}, where no host is; expected one with hosts`,
      ),
    );
  else if (!not_whitelisted && !paths.hasAmong(path, true))
    problems.push(
      problemAt(
        "NonWhitelistedPathError",
        at,
        `has the path ${shown(path)}, whose hosts are on stacks that are not whitelisted; expected one that is`,
      ),
    );
  return problems;
}

function urlProblems({ url, path }: Server, place: Place): Problem[] {
  const at = partOf(place, ".url");
  const hasPath = path !== null && path.trim() !== "";
  if (url.trim() === "")
    return [problemAt("ServerUrlMissed", at, `has no URL; expected ${TEMPLATE_URL} or a literal one`)];
  if (url === TEMPLATE_URL)
    return hasPath
      ? []
      : [
          problemAt(
            "ServerPathMissed",
            partOf(place, ".path"),
            "has no path; expected a flavor or a stack with one",
          ),
        ];
  if (hasPath || url.includes("{host}"))
    return [
      problemAt("SimpleServerInvalidUrl", at, `has the URL ${shown(url)}; expected exactly ${TEMPLATE_URL}`),
    ];
  if (isLiteralUrl(url)) return [];
  const message = `has the URL ${shown(url)}; expected protocol://host[:port][/urn]`;
  return [problemAt("ServerUrlInvalid", at, message)];
}

/** A URL that can be answered as it is. */
export function isLiteralUrl(url: string): boolean {
  const parts = /[\s{}]/.test(url) ? null : urlParts(url);
  return parts !== null && (parts.port === "" || isPort(Number(parts.port)));
}

export function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= HIGHEST_PORT;
}

/** A whitelist must leave the default server a stack, where it has one now. */
export function loseDefaultProblems(
  model: RedirectModel,
  whitelist: readonly string[],
  facts: CheckFacts,
): Problem[] {
  const server = model.default_server;
  const path = server?.path ?? null;
  if (server === null || path === null || server.not_whitelisted) return [];
  const before = new LivePaths(facts.stacks, model.whitelist);
  if (!before.hasAmong(path, true) || new LivePaths(facts.stacks, whitelist).hasAmong(path, true)) return [];
  const lost = model.whitelist.filter((stack) => !whitelist.includes(stack));
  const place: Place = { path: "whitelist", rule: null, words: "the whitelist" };
  const message = `loses ${listed(lost)}: no host is left for the default server at ${shown(path)}; expected one stack to stay`;
  return [problemAt("DeleteDefaultSeverWhitelistedPathError", place, message)];
}
