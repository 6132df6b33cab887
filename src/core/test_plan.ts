/** Plans for tests: what a short configuration becomes, with its defaults, and what a test wants to be different. */
import {
  DEFAULT_ACCESS_LOG,
  DEFAULT_ADMIN_ADDRESS,
  DEFAULT_BACKLOG,
  DEFAULT_FORWARDING,
  DEFAULT_LIMITS,
  DEFAULT_MAX_IDLE_CONNECTIONS,
  DEFAULT_METRICS,
  DEFAULT_PROBE,
  DEFAULT_QUEUE,
  DEFAULT_RETRIES,
  DEFAULT_RUNTIME_DIR,
  DEFAULT_STATE_DIR,
  DEFAULT_TIMEOUTS,
} from "./defaults.ts";
import type {
  AccessLogPlan,
  BackendPlan,
  HostsNamePlan,
  HostsPlan,
  ListenAddress,
  ListenerPlan,
  ObservabilityPlan,
  Plan,
  PoolPlan,
  ProbePlan,
  RoutePlan,
} from "./plan.ts";
import { parseBackendUrl } from "./schema/backend_url.ts";

/** A port of its own on 127.0.0.1. */
const LOOPBACK: ListenAddress = { kind: "tcp", host: "127.0.0.1", port: 0, dual_stack: false };

/** A plan without listeners and routes unless `fields` brings them. */
export function planOf(pools: readonly PoolPlan[], fields: Partial<Plan> = {}): Plan {
  return {
    workers: 0,
    user: null,
    group: null,
    runtime_dir: DEFAULT_RUNTIME_DIR,
    state_dir: DEFAULT_STATE_DIR,
    listeners: [],
    pools,
    routes: [],
    timeouts: DEFAULT_TIMEOUTS,
    limits: DEFAULT_LIMITS,
    forwarding: DEFAULT_FORWARDING,
    observability: observabilityOf(),
    admin: { address: DEFAULT_ADMIN_ADDRESS, token_sha256: null, hosts: [] },
    hosts: null,
    redirect: null,
    ...fields,
  };
}

/** A name of a hosts file for `pool`, with the defaults of the configuration where `settings` brings nothing else. */
export function hostsNameOf(
  name: string,
  pool: string,
  settings: Partial<HostsNamePlan> = {},
): HostsNamePlan {
  return {
    name,
    aliases: [],
    pool,
    family: "ipv4",
    failover: "best",
    failback_ms: null,
    on_all_down: "keep",
    max_entries: 1,
    ...settings,
  };
}

/** The hosts plane with these names, and nothing written anywhere unless `settings` names a file. */
export function hostsOf(names: readonly HostsNamePlan[], settings: Partial<HostsPlan> = {}): HostsPlan {
  return {
    file: "/nonexistent/hosts",
    write: "auto",
    allowed_roots: ["/nonexistent"],
    create: false,
    dry_run: false,
    on_stop: "keep",
    names,
    resolve_interval_ms: null,
    hooks: [],
    dns: null,
    ...settings,
  };
}

/** A listener on a port of its own on 127.0.0.1 unless `settings` brings an address. */
export function listenerOf(name: string, settings: Partial<ListenerPlan> = {}): ListenerPlan {
  return {
    name,
    address: LOOPBACK,
    protocol: "http",
    backlog: DEFAULT_BACKLOG,
    defer_accept: true,
    tls: null,
    proxy_protocol: null,
    trusted_proxies: [],
    half_closed_clients: "serve",
    ...settings,
  };
}

export type TestBackend = Pick<BackendPlan, "id" | "url"> & Partial<BackendPlan>;

/** A pool without a health check unless `settings` brings one. Throws when the URL of a backend is refused. */
export function poolOf(
  name: string,
  backends: readonly TestBackend[],
  settings: Partial<PoolPlan> = {},
): PoolPlan {
  return {
    name,
    strategy: { name: "round_robin", options: {} },
    backends: backends.map(backendOf),
    health_check: null,
    outliers: null,
    slow_start: null,
    zones: null,
    on_all_down: "refuse",
    panic_threshold: 0,
    host_header: "pass",
    tls: null,
    proxy_protocol: "none",
    retries: DEFAULT_RETRIES,
    timeouts: DEFAULT_TIMEOUTS,
    requests_per_connection: 0,
    max_idle_connections: DEFAULT_MAX_IDLE_CONNECTIONS,
    queue: DEFAULT_QUEUE,
    ...settings,
  };
}

/** Throws when the URL is refused. */
export function backendOf(backend: TestBackend): BackendPlan {
  const parsed = parseBackendUrl(backend.url);
  if ("problem" in parsed) throw new Error(parsed.problem);
  const rest = { weight: 1, zone: null, last_resort: false, max_in_flight: 0, metadata: {} };
  return { ...rest, ...parsed, ...backend };
}

/** A health check with defaults for what is not given. */
export function checkOf(type: string, settings: Partial<ProbePlan> = {}): ProbePlan {
  return { type, port: null, options: {}, ...DEFAULT_PROBE, ...settings };
}

/** A default route to the answer of readiness unless `settings` brings a rule and a target. */
export function routeOf(name: string, settings: Partial<RoutePlan> = {}): RoutePlan {
  return {
    name,
    match: "",
    priority: 0,
    listeners: [],
    target: { kind: "ready" },
    middlewares: [],
    upgrades: ["websocket"],
    encoded_characters: { deny: [] },
    ...settings,
  };
}

type TestObservability = Partial<Omit<ObservabilityPlan, "metrics">> & {
  readonly metrics?: Partial<ObservabilityPlan["metrics"]>;
};

/** Without an access log unless one is given. */
export function observabilityOf({ metrics, ...rest }: TestObservability = {}): ObservabilityPlan {
  const { prefix, buckets_ms } = DEFAULT_METRICS;
  const buckets_seconds = buckets_ms.map((bound) => bound / 1_000);
  return {
    access_log: null,
    metrics: { prefix, buckets_seconds, address: null, token_sha256: null, ...metrics },
    ...rest,
  };
}

export function accessLogOf(path: string, settings: Partial<AccessLogPlan> = {}): AccessLogPlan {
  return { path, headers: [], ...DEFAULT_ACCESS_LOG, ...settings };
}
