/** From the validated configuration to the plan. Nothing can be wrong any more here. */
import { dirname, join } from "node:path";
import { DEFAULT_REDIRECT_APP, REDIRECT_LISTENER, REDIRECT_STEP } from "../core/defaults.ts";
import { endpointText } from "../core/model.ts";
import type {
  BackendPlan,
  CertificatePlan,
  HostsPlan,
  ListenAddress,
  ListenerPlan,
  MiddlewarePlan,
  ObservabilityPlan,
  OutlierPlan,
  Plan,
  PoolPlan,
  ProbePlan,
  RedirectAppPlan,
  RedirectFeedbackPlan,
  RedirectPlan,
  RoutePlan,
  SlowStartPlan,
  TlsOptions,
  TlsPlan,
  UpstreamTlsPlan,
  ZonesPlan,
} from "../core/plan.ts";
import { takesHashKey, type ConfigParts } from "./parts.ts";
import { isMap } from "./plain_value.ts";
import { redirectServicePlan } from "./redirect_service_plan.ts";
import type { HostsConfig } from "./schema/hosts.ts";
import type { ListenerConfig, ListenerTlsConfig } from "./schema/listeners.ts";
import type { MiddlewareUse } from "./schema/middlewares.ts";
import type { ObservabilityConfig } from "./schema/observability.ts";
import { COMMON_PROBE_KEYS, type PoolConfig, type ProbeConfig } from "./schema/pools.ts";
import type { Config } from "./schema/root.ts";
import type { RedirectConfig } from "./schema/redirect.ts";
import type { RouteConfig } from "./schema/routes.ts";
import { tokenDigest } from "./token_digest.ts";

/** What the machine and the command line add. */
export interface PlanSurroundings {
  /** Cores for `workers: auto`. */
  readonly cores: number;
  /** `runtime_dir` where the configuration leaves it open. */
  readonly runtimeDir: string;
}

const ALPN = ["http/1.1"];
/** Rules that are longer are shortened where they serve as a route's name. */
const MAX_DEFAULT_NAME = 120;

export function buildPlan(config: Config, parts: ConfigParts, surroundings: PlanSurroundings): Plan {
  return {
    workers: config.workers === "auto" ? surroundings.cores : config.workers,
    user: config.user ?? null,
    group: config.group ?? null,
    runtime_dir: surroundings.runtimeDir,
    state_dir: config.state_dir,
    listeners: [
      ...Object.entries(config.listeners).map(([name, listener]) => listenerPlan(name, listener)),
      ...redirectListeners(config.redirect),
    ],
    pools: Object.entries(config.pools).map(([name, pool]) => poolPlan(name, pool, config, parts)),
    routes: routePlans(config),
    timeouts: config.timeouts,
    limits: config.limits,
    forwarding: config.forwarding,
    observability: observabilityPlan(config.observability),
    admin: {
      address: config.admin.address,
      token_sha256: optionalDigest(config.admin.token),
      hosts: config.admin.hosts,
    },
    hosts: config.hosts === undefined ? null : hostsPlan(config.hosts),
    redirect: config.redirect === undefined ? null : redirectPlan(config.redirect, config.state_dir),
  };
}

function listenerPlan(name: string, config: ListenerConfig): ListenerPlan {
  return {
    name,
    address: addressPlan(config),
    protocol: config.protocol,
    backlog: config.backlog,
    defer_accept: config.defer_accept,
    tls: config.tls === undefined ? null : tlsPlan(config.tls),
    proxy_protocol: config.proxy_protocol ?? null,
    trusted_proxies: config.trusted_proxies,
    half_closed_clients: config.half_closed_clients,
  };
}

function addressPlan({ address, mode, user, group }: ListenerConfig): ListenAddress {
  if (address.kind === "tcp") return address;
  return {
    kind: "unix",
    path: address.path,
    mode: mode === undefined ? null : Number.parseInt(mode, 8),
    user: user ?? null,
    group: group ?? null,
  };
}

function tlsPlan(config: ListenerTlsConfig): TlsPlan {
  const options: TlsOptions = {
    min_version: config.min_version,
    max_version: config.max_version,
    ciphers: config.ciphers,
    curves: config.curves,
    client_auth: config.client_auth,
    client_ca: config.client_ca ?? null,
  };
  return {
    ...options,
    certificates: config.certificates.map((certificate) => certificatePlan(certificate, options)),
    strict_sni: config.strict_sni,
    session_tickets: config.session_tickets,
    alpn: ALPN,
  };
}

function certificatePlan(
  { cert, key, names, ...own }: ListenerTlsConfig["certificates"][number],
  outer: TlsOptions,
): CertificatePlan {
  const given = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
  const options = Object.keys(given).length === 0 ? null : { ...outer, ...given };
  return { cert, key, names, options };
}

function poolPlan(
  name: string,
  config: PoolConfig,
  { timeouts, zone }: Pick<Config, "timeouts" | "zone">,
  parts: ConfigParts,
): PoolPlan {
  const backends = config.backends.flatMap(backendPlans);
  return {
    name,
    strategy: strategyPlan(config, parts),
    backends,
    health_check: config.health_check === undefined ? null : probePlan(config.health_check),
    outliers: config.outliers === undefined ? null : outlierPlan(config.outliers),
    slow_start: config.slow_start === undefined ? null : slowStartPlan(config.slow_start),
    zones: config.zones === undefined ? null : zonesPlan(config.zones, zone),
    on_all_down: config.on_all_down,
    panic_threshold: config.panic_threshold,
    host_header: config.host_header,
    tls: upstreamTlsPlan(config.tls, backends),
    proxy_protocol: config.proxy_protocol,
    retries: config.retries,
    timeouts: { ...timeouts, ...withoutUndefined(config.timeouts) },
    max_idle_connections: config.max_idle_connections,
    requests_per_connection: config.requests_per_connection,
    queue: { size: config.queue.size, timeout_ms: config.queue.timeout },
  };
}

/** One for each URL that the ellipses stand for. */
function backendPlans({ id, url, zone, ...rest }: PoolConfig["backends"][number]): BackendPlan[] {
  return url.map((one, index) => ({
    id: id?.[index] ?? endpointText(one.endpoint),
    ...one,
    ...rest,
    zone: zone ?? null,
  }));
}

function hostsPlan({
  names,
  hooks,
  dns,
  allowed_roots,
  resolve_interval,
  ...config
}: HostsConfig): HostsPlan {
  return {
    ...config,
    allowed_roots: allowed_roots ?? [dirname(config.file)],
    names: names.map(({ failback, ...name }) => ({ ...name, failback_ms: failbackMs(failback) })),
    resolve_interval_ms: resolve_interval ?? null,
    hooks: hooks.map(({ command, timeout }) => ({ command, timeout_ms: timeout })),
    dns: dns === undefined ? null : { address: dns.address, ttl_ms: dns.ttl, upstream: dns.upstream },
  };
}

/** The listener that the section opens for itself. */
function redirectListeners(config: RedirectConfig | undefined): ListenerPlan[] {
  if (config === undefined) return [];
  return [listenerPlan(REDIRECT_LISTENER, { ...config, protocol: "http" })];
}

/** What clients of the redirector ask for, once for requests with a body and once for those without. */
function redirectRoutes(config: RedirectConfig | undefined, taken: Set<string>): RoutePlan[] {
  if (config === undefined) return [];
  const route = (name: string, match: string, takesBody: boolean): RoutePlan => ({
    name: freeName(name, taken),
    match,
    priority: 0,
    listeners: [REDIRECT_LISTENER],
    target: { kind: "respond", status: 404, body: "", content_type: "" },
    middlewares: [{ kind: REDIRECT_STEP, name: REDIRECT_LISTENER, options: { takes_body: takesBody } }],
    upgrades: [],
    encoded_characters: { deny: [] },
  });
  return [
    route(REDIRECT_LISTENER, "PathPrefix(`/serviceDirect/`)", false),
    route(`${REDIRECT_LISTENER} with a body`, "Method(`POST`) && PathPrefix(`/serviceDirect/`)", true),
    route(`${REDIRECT_LISTENER} health`, "Path(`/healthCheck`)", false),
    route(`${REDIRECT_LISTENER} version`, "Path(`/version`)", false),
  ];
}

function redirectPlan(
  { store: { type, ...options }, last_known_good, defaults, apps, ...config }: RedirectConfig,
  state_dir: string,
): RedirectPlan {
  const ofAll = appPlan(DEFAULT_REDIRECT_APP, defaults);
  const { grace, stack_retention, ...discovery } = config.discovery;
  return {
    store: { type, options },
    max_model_bytes: config.max_model_bytes,
    trusted_from: config.trusted_from,
    discovery: { ...discovery, grace_ms: grace, stack_retention_ms: stack_retention },
    last_known_good: { ...last_known_good, path: last_known_good.path ?? join(state_dir, REDIRECT_LISTENER) },
    service: redirectServicePlan(config.service),
    session_traces: config.session_traces ?? null,
    defaults: ofAll,
    apps: Object.fromEntries(Object.entries(apps).map(([name, app]) => [name, appPlan(ofAll, app)])),
  };
}

function appPlan(
  outer: RedirectAppPlan,
  { compat, health_check, feedback, without = [], ...own }: RedirectConfig["apps"][string],
): RedirectAppPlan {
  const semantics = compat === undefined ? {} : { compat: compat === "redirector-1" };
  const checked = health_check === undefined ? {} : { health_check: probePlan(health_check) };
  const reported = feedback === undefined ? {} : { feedback: feedbackPlan(feedback) };
  return {
    ...outer,
    ...Object.fromEntries(without.map((name) => [name, null])),
    ...semantics,
    ...checked,
    ...reported,
    ...(withoutUndefined(own) as Partial<RedirectAppPlan>),
  };
}

function feedbackPlan({
  secret,
  max_age: max_age_ms,
  ...rest
}: NonNullable<RedirectConfig["defaults"]["feedback"]>): RedirectFeedbackPlan {
  return { secret: secret ?? null, max_age_ms, ...rest };
}

function failbackMs(failback: HostsConfig["names"][number]["failback"]): number | null {
  if (failback === "never") return null;
  return failback === "immediate" ? 0 : failback.after;
}

function outlierPlan(config: NonNullable<PoolConfig["outliers"]>): OutlierPlan {
  const { window: window_ms, ejection: ejection_ms, max_ejection: max_ejection_ms, ...rest } = config;
  return { ...rest, window_ms, ejection_ms, max_ejection_ms };
}

function slowStartPlan({ duration, initial_share }: NonNullable<PoolConfig["slow_start"]>): SlowStartPlan {
  return { duration_ms: duration, initial_share };
}

/** One of the two names the zone: a check has seen to it. */
function zonesPlan(
  { local, order, spill_below }: NonNullable<PoolConfig["zones"]>,
  zone: string | undefined,
): ZonesPlan {
  return { local: local ?? zone!, order, spill_below };
}

function withoutUndefined<Value extends object>(value: Value): Value {
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined)) as Value;
}

function strategyPlan(config: PoolConfig, parts: ConfigParts): PoolPlan["strategy"] {
  const { strategy } = config;
  const name = typeof strategy === "string" ? strategy : strategy.name;
  const part = parts.strategies.find((one) => one.name === name);
  const options: Record<string, unknown> =
    typeof strategy === "string" ? (part?.schema.parse({}) as Record<string, unknown>) : { ...strategy };
  if (typeof strategy !== "string") delete options["name"];
  if (part !== undefined && takesHashKey(part))
    options["hash_on"] = options["hash_on"] ?? config.hash_on ?? { kind: "address" };
  return { name, options };
}

function probePlan(config: ProbeConfig): ProbePlan {
  return {
    type: config.type,
    interval_ms: config.interval,
    timeout_ms: config.timeout,
    jitter: config.jitter,
    healthy_after: config.healthy_after,
    unhealthy_after: config.unhealthy_after,
    port: config.port ?? null,
    options: Object.fromEntries(Object.entries(config).filter(([key]) => !COMMON_PROBE_KEYS.includes(key))),
  };
}

function upstreamTlsPlan(
  config: PoolConfig["tls"],
  backends: readonly BackendPlan[],
): UpstreamTlsPlan | null {
  if (!backends.some((backend) => backend.tls)) return null;
  return {
    ca: config?.ca ?? null,
    cert: config?.cert ?? null,
    key: config?.key ?? null,
    server_name: config?.server_name ?? null,
    verify: config?.verify ?? true,
  };
}

function routePlans(config: Config): RoutePlan[] {
  const taken = new Set(config.routes.flatMap(({ name }) => (name === undefined ? [] : [name])));
  const own = config.routes.map((route) => {
    const name = route.name ?? freeName(defaultRouteName(route.match), taken);
    const known = plansOf.get(route);
    if (known?.name === name) return known;
    const plan = routePlan(route, name, config);
    // Those with middlewares depend on what stands elsewhere.
    if (route.middlewares.length === 0) plansOf.set(route, plan);
    return plan;
  });
  return [...own, ...redirectRoutes(config.redirect, taken)];
}

/** Plans of routes that a load has seen before. */
const plansOf = new WeakMap<RouteConfig, RoutePlan>();

function routePlan(route: RouteConfig, name: string, config: Config): RoutePlan {
  return {
    name,
    match: route.match,
    priority: route.priority,
    listeners: route.listeners,
    target: targetPlan(route),
    middlewares: route.middlewares.flatMap((use) => middlewarePlans(use, config)),
    upgrades: route.upgrades,
    encoded_characters: route.encoded_characters,
  };
}

/** The rule names a route: it stays the same when routes are added or moved, so that counters and state stay. */
function defaultRouteName(match: string): string {
  if (match === "") return "default";
  return match.length <= MAX_DEFAULT_NAME ? match : `${match.slice(0, MAX_DEFAULT_NAME)}…`;
}

function freeName(wanted: string, taken: Set<string>): string {
  let name = wanted;
  for (let count = 2; taken.has(name); count++) name = `${wanted} #${count}`;
  taken.add(name);
  return name;
}

function targetPlan({ pool, respond }: RouteConfig): RoutePlan["target"] {
  if (respond === "ready") return { kind: "ready" };
  return respond === undefined ? { kind: "pool", pool: pool! } : { kind: "respond", ...respond };
}

/** A name stands for its middleware or, for a group, for all of the group; groups were found free of circles. */
function middlewarePlans(use: MiddlewareUse, config: Config): MiddlewarePlan[] {
  if (typeof use !== "string") return [singlePlan(use, null)];
  const named = config.middlewares[use]!;
  if (isMap(named)) return [singlePlan(named, use)];
  return named.flatMap((member) => middlewarePlans(member, config));
}

function singlePlan(entry: Readonly<Record<string, unknown>>, name: string | null): MiddlewarePlan {
  const [kind, options] = Object.entries(entry).find(([, value]) => value !== undefined)!;
  return { kind, name: name ?? kind, options: options as Readonly<Record<string, unknown>> };
}

const MS_PER_SECOND = 1_000;

function optionalDigest(token: string | undefined): string | null {
  return token === undefined ? null : tokenDigest(token);
}

function observabilityPlan({ access_log: log, metrics }: ObservabilityConfig): ObservabilityPlan {
  return {
    access_log:
      log === undefined
        ? null
        : {
            path: log.path,
            format: log.format,
            headers: log.headers,
            redact: log.redact,
            redact_query: log.redact_query,
            buffer_bytes: log.buffer,
            flush_ms: log.flush,
            sample:
              log.sample === undefined
                ? null
                : {
                    share: log.sample.share,
                    from_status: log.sample.from_status,
                    slower_than_ms: log.sample.slower_than,
                  },
          },
    metrics: {
      prefix: metrics.prefix,
      buckets_seconds: metrics.buckets.map((milliseconds) => milliseconds / MS_PER_SECOND),
      address: metrics.address ?? null,
      token_sha256: optionalDigest(metrics.token),
    },
  };
}
