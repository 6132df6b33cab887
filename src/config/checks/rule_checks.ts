/** The rules of routes. Works on malformed values too. */
import type { Finding } from "../finding.ts";
import type { ConfigParts } from "../parts.ts";
import { listOr, mapOr } from "../plain_value.ts";

export function checkRules(root: unknown, parts: ConfigParts): Finding[] {
  const findings: Finding[] = [];
  for (const [index, route] of listOr(mapOr(root)["routes"]).entries()) {
    const { match } = mapOr(route);
    if (typeof match !== "string" || match === "") continue;
    const wrong = parts.checkRule(match);
    if (wrong === null) continue;
    findings.push({
      path: ["routes", index, "match"],
      what: "value",
      column: wrong.column,
      message: `${wrong.message} (character ${wrong.column} of the rule)`,
    });
  }
  return findings;
}
