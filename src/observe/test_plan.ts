/** A plan for tests: only names matter to metrics. */
import {
  DEFAULT_ADMIN_ADDRESS,
  DEFAULT_BACKLOG,
  DEFAULT_FORWARDING,
  DEFAULT_LIMITS,
  DEFAULT_MAX_IDLE_CONNECTIONS,
  DEFAULT_METRICS,
  DEFAULT_QUEUE,
  DEFAULT_RETRIES,
  DEFAULT_RUNTIME_DIR,
  DEFAULT_STATE_DIR,
  DEFAULT_TIMEOUTS,
} from "../core/defaults.ts";
import type { ListenerPlan, Plan, PoolPlan, RoutePlan } from "../core/plan.ts";

export interface TestNames {
  readonly listeners?: readonly string[];
  readonly routes?: readonly string[];
  readonly pools?: Readonly<Record<string, readonly string[]>>;
  readonly bucketsMs?: readonly number[];
}

export function testPlan(names: TestNames = {}): Plan {
  const { listeners = ["web"], routes = ["api"], pools = { web: ["web1", "web2"] } } = names;
  const bucketsMs = names.bucketsMs ?? DEFAULT_METRICS.buckets_ms;
  return {
    workers: 0,
    user: null,
    group: null,
    runtime_dir: DEFAULT_RUNTIME_DIR,
    state_dir: DEFAULT_STATE_DIR,
    listeners: listeners.map(listener),
    pools: Object.entries(pools).map(([name, backends]) => pool(name, backends)),
    routes: routes.map(route),
    timeouts: DEFAULT_TIMEOUTS,
    limits: DEFAULT_LIMITS,
    forwarding: DEFAULT_FORWARDING,
    observability: {
      access_log: null,
      metrics: { prefix: "fairlead", buckets_seconds: bucketsMs.map((bound) => bound / 1000) },
    },
    admin: { address: DEFAULT_ADMIN_ADDRESS },
  };
}

function listener(name: string): ListenerPlan {
  return {
    name,
    address: { kind: "tcp", host: "127.0.0.1", port: 0, dual_stack: false },
    protocol: "http",
    backlog: DEFAULT_BACKLOG,
    defer_accept: true,
    tls: null,
    proxy_protocol: null,
    trusted_proxies: [],
    half_closed_clients: "serve",
  };
}

function pool(name: string, backends: readonly string[]): PoolPlan {
  return {
    name,
    strategy: { name: "round_robin", options: {} },
    backends: backends.map((id, index) => ({
      id,
      url: `http://127.0.0.1:${9001 + index}`,
      endpoint: { kind: "tcp", host: "127.0.0.1", port: 9001 + index },
      tls: false,
      weight: 1,
      zone: null,
      max_in_flight: 0,
      metadata: {},
    })),
    health_check: null,
    host_header: "pass",
    tls: null,
    proxy_protocol: "none",
    retries: DEFAULT_RETRIES,
    timeouts: DEFAULT_TIMEOUTS,
    requests_per_connection: 0,
    max_idle_connections: DEFAULT_MAX_IDLE_CONNECTIONS,
    queue: { ...DEFAULT_QUEUE },
  };
}

function route(name: string): RoutePlan {
  return {
    name,
    match: "",
    priority: 0,
    listeners: [],
    target: { kind: "ready" },
    middlewares: [],
    upgrades: [],
    encoded_characters: { deny: [] },
  };
}
