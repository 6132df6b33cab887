/** Plans with pools for tests. */
import {
  DEFAULT_ADMIN_ADDRESS,
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
} from "../defaults.ts";
import type { BackendPlan, Plan, PoolPlan, ProbePlan } from "../plan.ts";
import { parseBackendUrl } from "../schema/backend_url.ts";

export type TestBackend = Pick<BackendPlan, "id" | "url"> & Partial<BackendPlan>;

/** A pool without a health check unless `settings` brings one. */
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

function backendOf(backend: TestBackend): BackendPlan {
  const parsed = parseBackendUrl(backend.url);
  if ("problem" in parsed) throw new Error(parsed.problem);
  const rest = { weight: 1, zone: null, max_in_flight: 0, metadata: {} };
  return { ...rest, ...parsed, ...backend };
}

/** A health check with defaults for what is not given. */
export function checkOf(type: string, settings: Partial<ProbePlan> = {}): ProbePlan {
  return { type, port: null, options: {}, ...DEFAULT_PROBE, ...settings };
}

export function planOf(pools: readonly PoolPlan[]): Plan {
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
    observability: {
      access_log: null,
      metrics: {
        prefix: DEFAULT_METRICS.prefix,
        buckets_seconds: DEFAULT_METRICS.buckets_ms.map((bound) => bound / 1_000),
      },
    },
    admin: { address: DEFAULT_ADMIN_ADDRESS },
  };
}
