/** Names in the hosts file must stand once, and need a pool that can tell which backend is healthy and best. */
import { parseBackendUrl } from "../../core/schema/backend_url.ts";
import { parseIp } from "../../core/schema/ip.ts";
import type { Finding } from "../finding.ts";
import { isMap, listOr, mapOr, textOr, type PlainMap } from "../plain_value.ts";
import type { ConfigParts } from "../parts.ts";
import type { Path } from "../problem.ts";
import { unknownPart } from "./references.ts";

export function checkHosts(root: unknown, parts: ConfigParts): Finding[] {
  const config = mapOr(root);
  const names = listOr(mapOr(config["hosts"])["names"]);
  const pools = mapOr(config["pools"]);
  const findings = nameDuplicates(names);
  for (const [index, item] of names.entries()) {
    const entry = mapOr(item);
    const path: Path = ["hosts", "names", index];
    const { pool } = entry;
    if (typeof pool === "string") {
      if (Object.hasOwn(pools, pool)) findings.push(...poolFindings(mapOr(pools[pool]), pool, path, parts));
      else findings.push(unknownPart("pool", pool, pools, [...path, "pool"]));
    }
    findings.push(...lastResortFindings(entry, path), ...familyFindings(entry, pools, path));
  }
  return findings;
}

function nameDuplicates(names: readonly unknown[]): Finding[] {
  const seen = new Map<string, Path>();
  const findings: Finding[] = [];
  const see = (name: unknown, path: Path): void => {
    if (typeof name !== "string") return;
    const key = name.toLowerCase();
    const other = seen.get(key);
    if (other === undefined) seen.set(key, path);
    else
      findings.push({ path, what: "value", message: `the name ${JSON.stringify(name)} stands twice`, other });
  };
  for (const [index, item] of names.entries()) {
    const { name, aliases } = mapOr(item);
    see(name, ["hosts", "names", index, "name"]);
    for (const [position, alias] of listOr(aliases).entries())
      see(alias, ["hosts", "names", index, "aliases", position]);
  }
  return findings;
}

function poolFindings(pool: PlainMap, name: string, path: Path, { strategies }: ConfigParts): Finding[] {
  const findings: Finding[] = [];
  const refuse = (message: string): void => {
    findings.push({
      path: [...path, "pool"],
      what: "value",
      message: `pool ${JSON.stringify(name)} ${message}`,
    });
  };
  if (pool["health_check"] === undefined)
    refuse("has no health_check, so no address would ever be known to be healthy");
  const given = pool["strategy"] ?? strategies[0]?.name;
  const strategy = strategies.find((part) => part.name === (isMap(given) ? given["name"] : given));
  if (strategy?.can?.includes("order") === false) {
    const able = strategies.filter(({ can }) => can?.includes("order") !== false);
    const words = able.map((part) => part.name).join(", ");
    refuse(`has the strategy ${strategy.name}, which cannot say who comes first; expected one of ${words}`);
  }
  if (listOr(pool["backends"]).some((backend) => isUnixSocket(textOr(mapOr(backend)["url"]))))
    refuse("has a backend on a unix socket, which no name can lead to");
  return findings;
}

function isUnixSocket(url: string): boolean {
  const parsed = parseBackendUrl(url);
  return !("problem" in parsed) && parsed.endpoint.kind === "unix";
}

function lastResortFindings({ family = "ipv4", on_all_down }: PlainMap, path: Path): Finding[] {
  const address = mapOr(on_all_down)["last_resort"];
  if (typeof address !== "string" || family === "both") return [];
  const isIpv6 = address.includes(":");
  if (isIpv6 === (family === "ipv6")) return [];
  return [
    {
      path: [...path, "on_all_down", "last_resort"],
      what: "value",
      message: `is an ${isIpv6 ? "IPv6" : "IPv4"} address, and the name has the family ${String(family)}`,
    },
  ];
}

/** Backends whose addresses a name of this family never leads to. */
function familyFindings({ family = "ipv4", pool }: PlainMap, pools: PlainMap, path: Path): Finding[] {
  if (family === "both" || typeof pool !== "string" || !Object.hasOwn(pools, pool)) return [];
  const families = listOr(mapOr(pools[pool])["backends"]).map((backend) =>
    familyOfUrl(textOr(mapOr(backend)["url"])),
  );
  if (families.length === 0 || families.some((found) => found === null || found === family)) return [];
  const other = family === "ipv4" ? "IPv6" : "IPv4";
  return [
    {
      path: [...path, "pool"],
      what: "value",
      severity: "warning",
      message: `pool ${JSON.stringify(pool)} has ${other} addresses alone, which a name of the family ${String(family)} never leads to`,
    },
  ];
}

/** Null for a host name, which may have addresses of both families. */
function familyOfUrl(url: string): "ipv4" | "ipv6" | null {
  const parsed = parseBackendUrl(url);
  if ("problem" in parsed || parsed.endpoint.kind !== "tcp") return null;
  const ip = parseIp(parsed.endpoint.host);
  if (ip === null) return null;
  return parsed.endpoint.host.includes(":") ? "ipv6" : "ipv4";
}
