/** What the values of one load balancer's file must be to each other, and those of all files. */
import { isIp } from "../../core/schema/ip.ts";
import type { Finding } from "../finding.ts";
import { listOr, mapOr } from "../plain_value.ts";
import type { Path } from "../problem.ts";
import type { CheckedFile } from "./read.ts";
import type { LoadBalancerFile } from "./load_balancer_file.ts";

/** Checks a file whose values are good by themselves. */
export function checkLoadBalancer(value: LoadBalancerFile, localZone: string | null): Finding[] {
  return [
    ...familyFindings(value),
    ...weightFindings(value),
    ...zoneFindings(value, localZone),
    ...bodyFindings(value),
  ];
}

/** Whether lines of this family may hold the address. */
function isOfFamily(address: string, family: LoadBalancerFile["family"]): boolean {
  return family === "both" || (family === "ipv6") === address.includes(":");
}

function familyFindings({ backend_hosts, family, on_all_down }: LoadBalancerFile): Finding[] {
  const findings: Finding[] = [];
  const unusable = backend_hosts.map(({ host }) => isIp(host) && !isOfFamily(host, family));
  for (const [index, isUnusable] of unusable.entries())
    if (isUnusable)
      findings.push({
        path: ["backend_hosts", index],
        what: "value",
        message: `is never used: family is ${family}; expected a name, an address of that family, or family: both`,
        severity: unusable.includes(false) ? "warning" : "error",
      });
  if (typeof on_all_down === "object" && !isOfFamily(on_all_down.last_resort, family))
    findings.push({
      path: ["on_all_down", "last_resort"],
      what: "value",
      message: `family is ${family}; expected an address of that family, or family: both`,
    });
  return findings;
}

function weightFindings({ backend_hosts }: LoadBalancerFile): Finding[] {
  if (backend_hosts.some(({ weight }) => weight !== 0)) return [];
  const message = "every backend has weight 0, so none is ever used; expected a weight above 0";
  return [{ path: ["backend_hosts"], what: "key", message }];
}

function zoneFindings({ backend_hosts }: LoadBalancerFile, localZone: string | null): Finding[] {
  const index = backend_hosts.findIndex(({ zone }) => zone !== undefined);
  if (index < 0 || localZone !== null) return [];
  const message = "which zone is local is not said; expected local_zone in the main file, or FAIRLEAD_ZONE";
  return [{ path: ["backend_hosts", index, "zone"], what: "key", message }];
}

function bodyFindings({ healthcheck: { config } }: LoadBalancerFile): Finding[] {
  if (!("method" in config) || config.method !== "HEAD" || config.expected_response == null) return [];
  const message = "an answer to HEAD has no body to look at; expected another method";
  const path = ["healthcheck", "config", "expected_response"];
  return [{ path, what: "key", message, severity: "warning" }];
}

/** Notes in the later file what only one of all files may have. Works on malformed values too. */
export function checkTogether(files: readonly CheckedFile<LoadBalancerFile>[]): void {
  const names = new Map<string, string>();
  const hosts = new Map<string, string>();
  for (const one of files) {
    const { name, local_host, aliases } = mapOr(one.raw);
    claim(one, names, "the name", name, ["name"]);
    claim(one, hosts, "the host name", lower(local_host), ["local_host"]);
    for (const [index, alias] of listOr(aliases).entries())
      claim(one, hosts, "the host name", lower(alias), ["aliases", index]);
  }
}

function lower(value: unknown): unknown {
  return typeof value === "string" ? value.toLowerCase() : value;
}

function claim(
  { file, tell }: CheckedFile<LoadBalancerFile>,
  taken: Map<string, string>,
  what: string,
  value: unknown,
  path: Path,
): void {
  if (typeof value !== "string" || value === "") return;
  const owner = taken.get(value);
  const { line = 0 } = file.layer?.text?.locate(path, "value") ?? {};
  if (owner === undefined) taken.set(value, `${file.source}:${line}`);
  else tell({ path, what: "value", message: `${what} ${JSON.stringify(value)} stands in ${owner} already` });
}
