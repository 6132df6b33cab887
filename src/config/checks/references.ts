/** Names that point nowhere, circles of middlewares, and parts that nothing uses. Works on malformed values too. */
import type { Finding } from "../finding.ts";
import { isMap, listOr, mapOr, textOr } from "../plain_value.ts";
import type { Path } from "../problem.ts";
import { suggest } from "../suggest.ts";

export function checkReferences(root: unknown): Finding[] {
  const config = mapOr(root);
  const pools = mapOr(config["pools"]);
  const listeners = mapOr(config["listeners"]);
  const middlewares = mapOr(config["middlewares"]);
  const findings: Finding[] = [];
  const usedPools = new Set<string>();
  const usedMiddlewares = new Set<string>();

  const useMiddlewares = (list: readonly unknown[], ...path: Path): void => {
    for (const [index, use] of list.entries()) {
      if (typeof use !== "string") continue;
      usedMiddlewares.add(use);
      if (!Object.hasOwn(middlewares, use))
        findings.push(unknownPart("middleware", use, middlewares, [...path, index]));
    }
  };
  const routes = listOr(config["routes"]);
  // Most routes have a pool and nothing else: no iterator and no path for the rest of them.
  for (let index = 0; index < routes.length; index++) {
    const { pool, listeners: names, middlewares: uses } = mapOr(routes[index]);
    if (typeof pool === "string") {
      usedPools.add(pool);
      if (!Object.hasOwn(pools, pool))
        findings.push(unknownPart("pool", pool, pools, ["routes", index, "pool"]));
    }
    if (Array.isArray(names))
      for (const [position, name] of (names as unknown[]).entries()) {
        if (typeof name === "string" && !Object.hasOwn(listeners, name))
          findings.push(unknownPart("listener", name, listeners, ["routes", index, "listeners", position]));
      }
    if (Array.isArray(uses)) useMiddlewares(uses, "routes", index, "middlewares");
  }
  // Whether these exist is told elsewhere.
  for (const item of listOr(mapOr(config["hosts"])["names"])) usedPools.add(textOr(mapOr(item)["pool"]));
  for (const [name, value] of Object.entries(middlewares)) {
    if (Array.isArray(value)) useMiddlewares(value, "middlewares", name);
  }
  findings.push(...cycles(middlewares));
  findings.push(...unused("pools", pools, usedPools), ...unused("middlewares", middlewares, usedMiddlewares));
  return findings;
}

/** A name of a part that there is not. */
export function unknownPart(
  kind: string,
  name: string,
  known: Readonly<Record<string, unknown>>,
  path: Path,
): Finding {
  const names = Object.keys(known);
  return {
    path,
    what: "value",
    message: `there is no ${kind} ${JSON.stringify(name)}${names.length === 0 ? `; the configuration has no ${kind}s` : ""}`,
    suggestion: suggest(name, names),
  };
}

function unused(
  section: string,
  parts: Readonly<Record<string, unknown>>,
  used: ReadonlySet<string>,
): Finding[] {
  return Object.keys(parts)
    .filter((name) => !used.has(name))
    .map((name) => ({
      path: [section, name],
      what: "key",
      message: "is not used by any route",
      severity: "warning",
    }));
}

/** Groups that contain themselves, each circle told once, at its first member in the order of the file. */
function cycles(middlewares: Readonly<Record<string, unknown>>): Finding[] {
  const state = new Map<string, "open" | "done">();
  const findings: Finding[] = [];
  const visit = (name: string, trail: readonly string[]): void => {
    if (state.get(name) === "done") return;
    if (state.get(name) === "open") {
      const circle = [...trail.slice(trail.indexOf(name)), name];
      findings.push({
        path: ["middlewares", name],
        what: "key",
        message: `the group contains itself: ${circle.join(" → ")}`,
      });
      return;
    }
    state.set(name, "open");
    const members = Object.hasOwn(middlewares, name) ? listOr(middlewares[name]) : [];
    for (const member of members) if (typeof member === "string") visit(member, [...trail, name]);
    state.set(name, "done");
  };
  for (const [name, value] of Object.entries(middlewares)) if (!isMap(value)) visit(name, []);
  return findings;
}
