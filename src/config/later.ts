/** Settings whose feature this version does not have: refused by name, so that nobody looks for a typing error. */
import type { Path } from "./problem.ts";

export const NOT_AVAILABLE = "is not available in this version";

/** Keys by where they stand; `*` stands for any name or index. */
const LATER_KEYS: Readonly<Record<string, readonly string[]>> = {
  "": [
    "packet",
    "local_redirect",
    "store",
    "traffic_management",
    "jwt",
    "waf",
    "http3",
    "grpc",
    "service_discovery",
    "lets_encrypt",
    "plugins",
    "server",
    "load_balancer",
    "backends",
    "logging",
    "tls",
    "security",
    "l4",
    "connection_pool",
    "metrics",
    "rate_limit",
    "auth",
    "ssl",
    "traefik_style",
  ],
  "listeners.*": ["http3", "http2", "h2c", "pool", "passthrough"],
  "listeners.*.tls": ["ocsp", "lets_encrypt"],
  "pools.*": ["provider", "discovery", "stickiness", "circuit_breaker", "passive_health_check"],
  "routes.*": ["traffic_management", "jwt", "waf", "grpc", "plugins", "mirror", "canary", "blue_green"],
  observability: ["tracing", "logging", "distributed_tracing"],
  "observability.metrics": ["enabled", "exporters", "labels", "histogram_buckets"],
  admin: ["users", "tokens", "tls", "ui"],
};

const LATER_MIDDLEWARES: readonly string[] = [
  "rate_limit",
  "forward_auth",
  "digest_auth",
  "jwt",
  "oidc",
  "waf",
  "cors",
  "compress",
  "cache",
  "retry",
  "circuit_breaker",
  "errors",
  "security_headers",
  "mirror",
  "stickiness",
  "plugin",
  "grpc_web",
  "pass_tls_client_cert",
  "content_type",
];

/** Words for choices, by the place of the choice. */
const LATER_VALUES: Readonly<Record<string, readonly string[]>> = {
  "listeners.*.protocol": ["tcp", "udp", "tls", "http3"],
  "pools.*.health_check.type": ["grpc", "redis", "mysql", "exec"],
};

function placeOf(path: Path): string {
  const named = path[0] === "listeners" || path[0] === "pools" || path[0] === "routes";
  return path.map((step, depth) => (named && depth === 1 ? "*" : String(step))).join(".");
}

/** True for an unknown key at `parent` that a later version will know. */
export function isLaterKey(parent: Path, key: string): boolean {
  if (LATER_KEYS[placeOf(parent)]?.includes(key) === true) return true;
  const inMiddleware =
    (parent[0] === "middlewares" && parent.length >= 2) ||
    (parent[0] === "routes" && parent[2] === "middlewares");
  return inMiddleware && LATER_MIDDLEWARES.includes(key);
}

/** True for a word at `path` that a later version will know. */
export function isLaterValue(path: Path, value: unknown): boolean {
  return typeof value === "string" && LATER_VALUES[placeOf(path)]?.includes(value) === true;
}
