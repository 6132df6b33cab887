/** Every default of a timeout and a limit, in one table: the configuration, the reference page and tests read it. */
import type {
  ForwardingPlan,
  Limits,
  OutlierPlan,
  RedirectAppPlan,
  RetryPlan,
  SlowStartPlan,
  Timeouts,
} from "./plan.ts";

export const DEFAULT_TIMEOUTS: Timeouts = {
  connect: 5_000,
  first_byte: 30_000,
  idle_progress: 60_000,
  total: 0,
  request_header: 10_000,
  tls_handshake: 10_000,
  client_idle: 75_000,
  client_age: 0,
  upstream_idle: 60_000,
  upstream_age: 0,
  tunnel_idle: 3_600_000,
  drain_accept: 0,
  drain: 30_000,
  drain_tunnels: 3_600_000,
};

export const DEFAULT_LIMITS: Limits = {
  header_fields: 100,
  header_bytes: 32_768,
  target_bytes: 8_192,
  connections: 0,
  connections_per_ip: 0,
  minimum_rate: 256,
  minimum_rate_grace: 10_000,
  chunk_extension_bytes: 4_096,
  requests_per_connection: 0,
  early_answer_drain_bytes: 262_144,
};

export const DEFAULT_FORWARDING: ForwardingPlan = {
  via: true,
  forwarded: false,
  request_id_in_answers: false,
};

export const DEFAULT_OUTLIERS: OutlierPlan = {
  failures: 5,
  window_ms: 10_000,
  ejection_ms: 30_000,
  max_ejection_ms: 300_000,
  max_ejected: 0.5,
  statuses: [502, 503, 504],
};

export const DEFAULT_SLOW_START: SlowStartPlan = { duration_ms: 30_000, initial_share: 0.1 };

export const DEFAULT_SPILL_BELOW = 0.7;

export const DEFAULT_RETRIES: RetryPlan = {
  attempts: 2,
  budget: 0.2,
  budget_min: 3,
  non_idempotent: false,
  on_status: [],
};

export const DEFAULT_QUEUE = { size: 1_000, timeout_ms: 5_000 } as const;
export const DEFAULT_MAX_IDLE_CONNECTIONS = 16_384;
export const DEFAULT_BACKLOG = 4_096;

export const DEFAULT_PROBE = {
  interval_ms: 10_000,
  timeout_ms: 5_000,
  jitter: 0.1,
  healthy_after: 2,
  unhealthy_after: 3,
} as const;

export const DEFAULT_ACCESS_LOG = {
  format: "json",
  redact: ["authorization", "cookie", "proxy-authorization", "set-cookie", "x-api-key"],
  redact_query: ["access_token", "api_key", "password", "token"],
  buffer_bytes: 65_536,
  flush_ms: 250,
  sample: null,
} as const;

export const DEFAULT_ACCESS_SAMPLE = { from_status: 400, slower_than_ms: 1_000 } as const;

export const DEFAULT_METRICS = {
  prefix: "fairlead",
  buckets_ms: [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000],
} as const;

export const DEFAULT_ADMIN_ADDRESS = "127.0.0.1:9900";
export const DEFAULT_HOSTS_FILE = "/etc/hosts";
/** Time to live of answers by DNS for names of the hosts plane. */
export const DEFAULT_HOSTS_TTL_MS = 5_000;
export const DEFAULT_HOOK_TIMEOUT_MS = 10_000;
export const DEFAULT_RUNTIME_DIR = "/run/fairlead";
/** Name of the control socket in `runtime_dir`. */
export const CONTROL_SOCKET = "control.sock";
export const DEFAULT_STATE_DIR = "/var/lib/fairlead";
/** `redirect:`; the original's port. */
export const DEFAULT_REDIRECT = {
  address: ":10601",
  generations: 3,
  traced_sessions: 1_000,
  discovery: {
    max_loss: 0.5,
    grace_ms: 60_000,
    stack_retention_ms: 604_800_000,
    default_weight: 5,
    max_weight: 100,
    weight_from_registration: true,
  },
} as const;
/** Name of the listener that the section opens. */
export const REDIRECT_LISTENER = "redirect";
/** Kind of the middleware that answers clients of the redirector; no configuration can name it. */
export const REDIRECT_STEP = "redirect_gateway";
export const MAX_REDIRECT_GENERATIONS = 100;
/** `redirect.service:` */
export const DEFAULT_REDIRECT_SERVICE = {
  self_approval: false,
  session_ms: 28_800_000,
  revisions: 200,
  oidc: {
    scopes: ["openid", "profile"],
    name_claim: "sub",
    roles_claim: "roles",
    clock_skew_ms: 30_000,
    algorithms: ["RS256", "ES256", "EdDSA", "PS256"],
  },
} as const;
export const MAX_REDIRECT_REVISIONS = 10_000;
export const DEFAULT_REDIRECT_APP: RedirectAppPlan = {
  compat: false,
  discovery: "dynamic",
  answer: "redirect",
  location: "full",
  answer_headers: false,
  // As the original, in this order.
  sticky_parameters: ["serviceAccountId", "mac"],
  strategy: "round_robin",
  affinity: "none",
  spill_over: null,
  health_check: null,
  feedback: null,
};
/** `feedback` of an application of the redirector. */
export const DEFAULT_REDIRECT_FEEDBACK = {
  max_age_ms: 600_000,
  most_age_ms: 3_600_000,
  per_address: 60,
  per_app: 6_000,
  secret_characters: 32,
} as const;
/** Longest document of the redirect plane: a model, the lists, or a bulk change. */
export const DEFAULT_MAX_MODEL_BYTES = 32 * 1_024 * 1_024;
