/** Listeners that want the same port, and TLS options that contradict each other. Works on malformed values too. */
import { DEFAULT_REDIRECT } from "../../core/defaults.ts";
import { parseListenAddress, type ParsedListenAddress } from "../../core/schema/listen_address.ts";
import type { Finding } from "../finding.ts";
import { isMap, listOr, mapOr, textOr, type PlainMap } from "../plain_value.ts";
import type { Path } from "../problem.ts";
import { listenerSections } from "./listener_sections.ts";

export function checkListeners(root: unknown): Finding[] {
  const config = mapOr(root);
  const listeners = Object.entries(mapOr(config["listeners"]));
  const findings = clashes(config, listeners);
  for (const { settings, path } of listenerSections(config)) {
    findings.push(...unixOnlyKeys(settings, path));
    if (isMap(settings["tls"])) findings.push(...tlsFindings(settings["tls"], [...path, "tls"]));
  }
  const servesNames = listOr(mapOr(mapOr(root)["hosts"])["names"]).length > 0;
  if (listeners.length === 0 && !servesNames && config["redirect"] === undefined)
    findings.push({
      path: [],
      what: "key",
      message: "there is no listener, so nothing is served",
      severity: "warning",
    });
  return findings;
}

function clashes(config: PlainMap, listeners: readonly [string, unknown][]): Finding[] {
  const taken: { readonly address: ParsedListenAddress; readonly path: Path }[] = [];
  const findings: Finding[] = [];
  const take = (text: unknown, path: Path): void => {
    const address = typeof text === "string" ? parseListenAddress(text) : null;
    if (address === null) return;
    const other = taken.find((earlier) => overlap(earlier.address, address));
    if (other !== undefined)
      findings.push({
        path,
        what: "value",
        message: `${String(text)} is already taken by ${other.path.slice(0, -1).join(".")}`,
        other: other.path,
      });
    taken.push({ address, path });
  };
  for (const [name, value] of listeners) take(mapOr(value)["address"], ["listeners", name, "address"]);
  take(mapOr(config["admin"])["address"], ["admin", "address"]);
  const metrics = mapOr(mapOr(config["observability"])["metrics"]);
  take(metrics["address"], ["observability", "metrics", "address"]);
  if (isMap(config["redirect"])) {
    const { address = DEFAULT_REDIRECT.address } = config["redirect"];
    take(address, ["redirect", "address"]);
    take(mapOr(config["redirect"]["service"])["address"], ["redirect", "service", "address"]);
  }
  return findings;
}

/** True when both cannot be bound at once: the same port at the same address, or at all addresses. Port 0 is always free. */
function overlap(a: ParsedListenAddress, b: ParsedListenAddress): boolean {
  if (a.kind === "unix" || b.kind === "unix")
    return a.kind === "unix" && b.kind === "unix" && a.path === b.path;
  if (a.port !== b.port || a.port === 0) return false;
  if (a.host.toLowerCase() === b.host.toLowerCase() || a.dual_stack || b.dual_stack) return true;
  const family = (host: string): string => (host.includes(":") ? "6" : /^[\d.]+$/.test(host) ? "4" : "name");
  const isWildcard = (host: string): boolean => host === "0.0.0.0" || host === "::";
  return (isWildcard(a.host) || isWildcard(b.host)) && family(a.host) === family(b.host);
}

function unixOnlyKeys(listener: PlainMap, path: Path): Finding[] {
  if (typeof listener["address"] !== "string" || listener["address"].startsWith("unix:")) return [];
  return ["mode", "user", "group"]
    .filter((key) => Object.hasOwn(listener, key))
    .map((key) => ({
      path: [...path, key],
      what: "key",
      message: "is only for addresses that start with unix:",
    }));
}

function tlsFindings(tls: PlainMap, path: Path): Finding[] {
  const findings = optionFindings(tls, {}, path);
  for (const [index, certificate] of listOr(tls["certificates"]).entries())
    findings.push(...optionFindings(mapOr(certificate), tls, [...path, "certificates", index]));
  return findings;
}

/** `outer` holds what counts where `options` is silent. */
function optionFindings(options: PlainMap, outer: PlainMap, path: Path): Finding[] {
  const findings: Finding[] = [];
  const of = (key: string): unknown => options[key] ?? outer[key];
  const own = (...keys: string[]): string | undefined => keys.find((key) => Object.hasOwn(options, key));
  const versionKey = own("min_version", "max_version");
  if (versionKey !== undefined && textOr(of("min_version")) === "1.3" && textOr(of("max_version")) === "1.2")
    findings.push({
      path: [...path, versionKey],
      what: "value",
      message: "min_version is above max_version",
    });
  const authKey = own("client_auth", "client_ca");
  const verifies = of("client_auth") === "verify_if_given" || of("client_auth") === "require_and_verify";
  if (authKey === "client_auth" && verifies && of("client_ca") === undefined)
    findings.push({
      path: [...path, authKey],
      what: "value",
      message: `${String(of("client_auth"))} needs client_ca, the authorities to verify by`,
    });
  return findings;
}
