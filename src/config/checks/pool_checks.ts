/** What a pool says about its strategy and its TLS must fit together. Works on malformed values too. */
import type { Finding } from "../finding.ts";
import { findingsOf } from "../issues.ts";
import { isMap, listOr, mapOr, textOr, type PlainMap } from "../plain_value.ts";
import { takesHashKey, type ConfigParts, type StrategyPart } from "../parts.ts";
import { pathText, type Path } from "../problem.ts";

export function checkPools(root: unknown, parts: ConfigParts): Finding[] {
  const findings: Finding[] = [];
  const here = mapOr(root)["zone"];
  for (const [name, value] of Object.entries(mapOr(mapOr(root)["pools"]))) {
    const pool = mapOr(value);
    const path: Path = ["pools", name];
    findings.push(...strategyFindings(pool, path, parts.strategies), ...tlsFindings(pool, path));
    findings.push(...weightFindings(pool, path), ...zoneFindings(pool, path, here));
  }
  return [...findings, ...routeFindings(mapOr(root))];
}

/** Routes speak HTTP. */
function routeFindings({ pools, routes }: PlainMap): Finding[] {
  const isTcp = (backend: unknown): boolean => /^tcp:/i.test(textOr(mapOr(backend)["url"]));
  const tcpPools = Object.entries(mapOr(pools))
    .filter(([, pool]) => listOr(mapOr(pool)["backends"]).some(isTcp))
    .map(([name]) => name);
  if (tcpPools.length === 0) return [];
  return listOr(routes).flatMap((route, index): Finding[] => {
    const { pool } = mapOr(route);
    if (typeof pool !== "string" || !tcpPools.includes(pool)) return [];
    const message = `pool ${JSON.stringify(pool)} has a tcp:// backend; expected one with http://, https:// or unix: backends alone`;
    return [{ path: ["routes", index, "pool"], what: "value", message }];
  });
}

function strategyFindings(pool: PlainMap, path: Path, strategies: readonly StrategyPart[]): Finding[] {
  const given = pool["strategy"] ?? strategies[0]?.name;
  const part = strategies.find(({ name }) => name === (isMap(given) ? given["name"] : given));
  if (part === undefined) return [];
  const findings: Finding[] = [];
  const hashes = part.fixed_key === undefined ? "hashes nothing" : `always hashes the ${part.fixed_key.kind}`;
  if (pool["hash_on"] !== undefined && !takesHashKey(part))
    findings.push({
      path: [...path, "hash_on"],
      what: "key",
      message: `the strategy ${part.name} ${hashes}; expected no hash_on, or a strategy such as consistent_hash`,
    });
  if (pool["hash_on"] !== undefined && isMap(given) && given["hash_on"] !== undefined)
    findings.push({ path: [...path, "hash_on"], what: "key", message: "stands in strategy already" });
  if (typeof given === "string") {
    for (const { path: option, message } of findingsOf(
      part.schema,
      {},
      part.schema.safeParse({}).error?.issues ?? [],
    ))
      findings.push({
        path: [...path, "strategy"],
        what: "value",
        message: `${part.name} needs options, as in { name: ${part.name}, … }: ${pathText(option)} ${message}`,
      });
  }
  return findings;
}

function tlsFindings(pool: PlainMap, path: Path): Finding[] {
  const { tls } = pool;
  if (!isMap(tls)) return [];
  const findings: Finding[] = [];
  if ((tls["cert"] === undefined) !== (tls["key"] === undefined))
    findings.push({
      path: [...path, "tls"],
      what: "key",
      message: "cert and key belong together: one is missing",
    });
  const secure = listOr(pool["backends"]).some((backend) => /^https/i.test(textOr(mapOr(backend)["url"])));
  if (!secure)
    findings.push({
      path: [...path, "tls"],
      what: "key",
      message: "has no effect: no backend of the pool has an https URL",
      severity: "warning",
    });
  return findings;
}

function weightFindings(pool: PlainMap, path: Path): Finding[] {
  const backends = listOr(pool["backends"]);
  if (backends.length === 0 || backends.some((backend) => mapOr(backend)["weight"] !== 0)) return [];
  return [
    {
      path,
      what: "key",
      message: "every backend has weight 0, so the pool serves nothing",
      severity: "warning",
    },
  ];
}

/** `here` is the zone of this program. */
function zoneFindings({ zones, backends }: PlainMap, path: Path, here: unknown): Finding[] {
  if (!isMap(zones)) return [];
  const local = zones["local"] ?? here;
  if (local === undefined)
    return [
      {
        path: [...path, "zones"],
        what: "key",
        message:
          "which zone is local is not said; expected zone at the top of the configuration, or local here",
      },
    ];
  const findings: Finding[] = [];
  const seen = new Set<unknown>([local]);
  for (const [index, name] of listOr(zones["order"]).entries()) {
    if (seen.has(name))
      findings.push({
        path: [...path, "zones", "order", index],
        what: "value",
        message:
          name === local
            ? `${JSON.stringify(name)} is the local zone, which comes first anyway`
            : `${JSON.stringify(name)} stands in the list already`,
      });
    seen.add(name);
  }
  const stand = listOr(backends).some((backend) => mapOr(backend)["zone"] !== undefined);
  if (!stand)
    findings.push({
      path: [...path, "zones"],
      what: "key",
      message: "has no effect: no backend of the pool has a zone",
      severity: "warning",
    });
  return findings;
}
