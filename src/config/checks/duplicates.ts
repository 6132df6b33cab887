/** Names that stand twice, and routes that no request can reach. Works on malformed values too. */
import { endpointText } from "../../core/model.ts";
import { parseBackendUrls } from "../../core/schema/backend_url.ts";
import { expandEllipses } from "../../core/schema/ellipsis.ts";
import type { Finding } from "../finding.ts";
import { listOr, mapOr, type PlainMap } from "../plain_value.ts";
import type { Path } from "../problem.ts";

export function checkDuplicates(root: unknown): Finding[] {
  const config = mapOr(root);
  const findings: Finding[] = [];
  for (const [pool, value] of Object.entries(mapOr(config["pools"])))
    findings.push(...backendDuplicates(pool, listOr(mapOr(value)["backends"])));
  findings.push(...routeDuplicates(listOr(config["routes"])));
  return findings;
}

/** The ids of the backends that an entry stands for; none where it is malformed. */
function idsOf({ id, url }: PlainMap): readonly string[] {
  if (typeof id === "string") {
    const expanded = expandEllipses(id);
    return "texts" in expanded ? expanded.texts : [];
  }
  const parsed = typeof url === "string" ? parseBackendUrls(url) : [];
  return "problem" in parsed ? [] : parsed.map(({ endpoint }) => endpointText(endpoint));
}

function backendDuplicates(pool: string, backends: readonly unknown[]): Finding[] {
  const seen = new Map<string, Path>();
  const findings: Finding[] = [];
  for (const [index, item] of backends.entries()) {
    const entry = mapOr(item);
    const path: Path = ["pools", pool, "backends", index, entry["id"] === undefined ? "url" : "id"];
    for (const name of idsOf(entry)) {
      const other = seen.get(name);
      if (other === undefined) seen.set(name, path);
      else
        findings.push({
          path,
          what: "value",
          message: `a second backend of the pool has the id ${JSON.stringify(name)}`,
          other,
        });
    }
  }
  return findings;
}

function routeDuplicates(routes: readonly unknown[]): Finding[] {
  const names = new Map<string, number>();
  const byMatch = new Map<unknown, number[] | number>();
  const findings: Finding[] = [];
  for (let index = 0; index < routes.length; index++) {
    const { name, match } = mapOr(routes[index]);
    if (typeof name === "string") {
      const other = names.get(name);
      if (other === undefined) names.set(name, index);
      else
        findings.push({
          path: ["routes", index, "name"],
          what: "value",
          message: `a second route has the name ${JSON.stringify(name)}`,
          other: ["routes", other, "name"],
        });
    }
    const key = match ?? "";
    const others = byMatch.get(key);
    if (others === undefined) {
      byMatch.set(key, index);
      continue;
    }
    const sameMatch = typeof others === "number" ? [others] : others;
    const first = sameMatch.find((other) => restOfRule(routes[other]) === restOfRule(routes[index]));
    if (first === undefined) byMatch.set(key, [...sameMatch, index]);
    else
      findings.push({
        path: ["routes", index, "match"],
        what: "value",
        message: "no request gets here: an earlier route has the same rule, priority and listeners",
        severity: "warning",
        other: ["routes", first, "match"],
      });
  }
  return findings;
}

/** What decides beside the match. */
function restOfRule(route: unknown): string {
  const { priority, listeners } = mapOr(route);
  return JSON.stringify([priority ?? 0, listeners ?? []]);
}
