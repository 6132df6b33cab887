/** The rules of routes. Works on malformed values too. */
import type { Finding } from "../finding.ts";
import type { ConfigParts } from "../parts.ts";
import { listOr, mapOr } from "../plain_value.ts";

export function checkRules(root: unknown, parts: ConfigParts): Finding[] {
  const findings: Finding[] = [];
  const correct: string[] = [];
  for (const [index, route] of listOr(mapOr(root)["routes"]).entries()) {
    const { match } = mapOr(route);
    if (typeof match !== "string" || match === "") continue;
    const wrong = parts.checkRule(match);
    if (wrong === null) {
      correct.push(match);
      continue;
    }
    findings.push({
      path: ["routes", index, "match"],
      what: "value",
      column: wrong.column,
      message: `${wrong.message} (character ${wrong.column} of the rule)`,
    });
  }
  const warning = parts.rulesWarning?.(correct) ?? null;
  if (warning !== null)
    findings.push({ path: ["routes"], what: "key", message: warning, severity: "warning" });
  return findings;
}
