/** Load balancers of the original as pools and names of Fairlead. */
import { isAbsolute, resolve } from "node:path";
import { endpointText } from "../../core/model.ts";
import { isHostName } from "../../core/schema/host.ts";
import { isIp } from "../../core/schema/ip.ts";
import { mapOr, type PlainMap } from "../plain_value.ts";
import type { CheckedFile } from "./read.ts";
import { hookSetting, type MainFile } from "./main_file.ts";
import { targetOf, type HttpConfig, type LoadBalancerFile } from "./load_balancer_file.ts";

/** `urllib` of the original followed as many. */
const REDIRECTS = 10;

/** A load balancer whose file is good. */
export interface LoadBalancer {
  readonly value: LoadBalancerFile;
  /** What stands in its file. */
  readonly raw: unknown;
  /** The folder of its file. */
  readonly folder: string;
}

export function loadBalancerOf({ file, raw, value }: CheckedFile<LoadBalancerFile>): LoadBalancer | null {
  return value === null ? null : { value, raw, folder: file.layer?.folder ?? "." };
}

/**
 * A configuration of Fairlead, as its own file would say it. `folder` is that of the main file, `localZone` what pools
 * prefer whose backends have zones.
 */
export function translated(
  main: MainFile,
  loadBalancers: readonly LoadBalancer[],
  folder: string,
  localZone: string | null,
): PlainMap {
  const poolNames = poolNamesOf(loadBalancers.map(({ value }) => value.name));
  const { hosts_file, mode, dry_run, resolve_interval } = main;
  return {
    pools: Object.fromEntries(loadBalancers.map((one, index) => [poolNames[index]!, poolOf(one, localZone)])),
    hosts: {
      ...given("file", hosts_file === undefined ? undefined : resolve(folder, hosts_file)),
      ...given("write", mode),
      ...given("dry_run", dry_run),
      ...given("resolve_interval", resolve_interval === undefined ? undefined : `${resolve_interval}ms`),
      on_stop: main.persist_hosts_block ? "keep" : "remove",
      names: loadBalancers.map(({ value }, index) => nameOf(value, poolNames[index]!)),
      hooks: main.hooks.map(hookSetting),
    },
  };
}

function given(key: string, value: unknown): PlainMap {
  return value === undefined ? {} : { [key]: value };
}

const MAX_NAME = 128;

/**
 * The names of their pools, in which less may stand than in theirs. Where two become the same, both have a hash of the
 * whole name behind them, whatever other files there are.
 */
export function poolNamesOf(names: readonly string[]): string[] {
  const clean = names.map((name) =>
    name
      .replaceAll(/[^A-Za-z0-9._@:[\]/-]/gu, "_")
      .replace(/^[^A-Za-z0-9]/, (first) => `lb${first}`)
      .slice(0, MAX_NAME),
  );
  const counts = new Map<string, number>();
  for (const name of clean) counts.set(name, (counts.get(name) ?? 0) + 1);
  return clean.map((name, index) => {
    if (counts.get(name) === 1 || name === names[index]) return name;
    const hash = Bun.hash(names[index]!).toString(16).padStart(16, "0").slice(0, 8);
    return `${name.slice(0, MAX_NAME - 9)}-${hash}`;
  });
}

function nameOf(value: LoadBalancerFile, pool: string): PlainMap {
  const { failback, on_all_down } = value;
  return {
    name: value.local_host,
    aliases: value.aliases,
    pool,
    family: value.family,
    failover: "next",
    failback: typeof failback === "string" ? failback : { after: `${failback.after}ms` },
    on_all_down,
    max_entries: value.max_entries,
  };
}

function poolOf({ value, raw, folder }: LoadBalancer, localZone: string | null): PlainMap {
  const { healthcheck, strategy } = value;
  const { config } = healthcheck;
  const hasZones = value.backend_hosts.some(({ zone }) => zone !== undefined);
  return {
    strategy: strategy === "round_robin_per_host" ? "rendezvous" : strategy,
    backends: backendsOf(value),
    health_check: {
      type: healthcheck.type,
      interval: `${healthcheck.period}ms`,
      timeout: `${config.timeout}ms`,
      jitter: value.jitter,
      healthy_after: value.rise,
      unhealthy_after: value.fall,
      ...("path" in config ? httpCheckOf(config, headersOf(raw, folder)) : {}),
    },
    ...given("zones", hasZones && localZone !== null ? { local: localZone } : undefined),
  };
}

function backendsOf({ backend_hosts, healthcheck: { config } }: LoadBalancerFile): PlainMap[] {
  const scheme = "scheme" in config ? config.scheme : "http";
  const counts = new Map<string, number>();
  return backend_hosts.map(({ host, weight, zone }) => {
    const place = endpointText({ kind: "tcp", host, port: config.port });
    const count = (counts.get(place) ?? 0) + 1;
    counts.set(place, count);
    return {
      // A host that stands in the list twice is two backends, as it was in the original.
      ...given("id", count === 1 ? undefined : `${count}/${place}`),
      url: `${scheme}://${place}`,
      ...given("weight", weight),
      ...given("zone", zone),
    };
  });
}

function httpCheckOf(config: HttpConfig, headers: readonly (readonly [string, string])[]): PlainMap {
  const host = headers.find(([name]) => name.toLowerCase() === "host")?.[1];
  const others = headers.filter(([name]) => name.toLowerCase() !== "host");
  const { expected_response, expected_response_encoding: encoding } = config;
  const hasEncoding = expected_response != null && encoding !== "utf-8";
  return {
    method: config.method,
    path: targetOf(config.path, config.query),
    ...given("host", host),
    headers: Object.fromEntries(others),
    expect_status: config.expected_status,
    ...given("expect_body_regex", expected_response ?? undefined),
    ...given("expect_body_encoding", hasEncoding ? encoding : undefined),
    follow_redirects: REDIRECTS,
    tls: config.scheme === "http" ? false : tlsOf(config, host),
  };
}

function tlsOf({ cacerts }: HttpConfig, host: string | undefined): PlainMap | true {
  const name = host === undefined ? undefined : verifiedName(host);
  if (cacerts == null && name === undefined) return true;
  return { ...given("ca", cacerts ?? undefined), ...given("server_name", name) };
}

/** The name or address in a Host field; undefined = it holds neither. */
function verifiedName(host: string): string | undefined {
  const name = isIp(host) ? host : host.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  return isHostName(name) || isIp(name) ? name : undefined;
}

/** Fields as they stand in the file: a secret (`${NAME}`, `file:PATH`) is still to be read. */
function headersOf(raw: unknown, folder: string): [string, string][] {
  const config = mapOr(mapOr(mapOr(raw)["healthcheck"])["config"]);
  return Object.entries(mapOr(config["headers"])).map(([name, value]) => {
    if (Array.isArray(value)) return [name, value.join(name.toLowerCase() === "cookie" ? "; " : ", ")];
    return [name, withAbsoluteFile(String(value), folder)];
  });
}

function withAbsoluteFile(value: string, folder: string): string {
  const file = /^file:(.*)$/s.exec(value)?.[1];
  return file === undefined || file === "" || isAbsolute(file) ? value : `file:${resolve(folder, file)}`;
}
