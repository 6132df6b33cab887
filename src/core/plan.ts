/**
 * The plan: the validated and resolved form of the configuration. It is plain JSON (it crosses a process border),
 * every default is filled in, durations are milliseconds and sizes are bytes.
 */
import type { Endpoint } from "./model.ts";

export interface Plan {
  /** 0 = everything in one process. */
  readonly workers: number;
  readonly user: string | null;
  readonly group: string | null;
  readonly runtime_dir: string;
  readonly state_dir: string;
  readonly listeners: readonly ListenerPlan[];
  readonly pools: readonly PoolPlan[];
  readonly routes: readonly RoutePlan[];
  readonly timeouts: Timeouts;
  readonly limits: Limits;
  readonly forwarding: ForwardingPlan;
  readonly observability: ObservabilityPlan;
  readonly admin: AdminPlan;
  /** Names in the hosts file; null = the file is not touched. */
  readonly hosts: HostsPlan | null;
  /** Answers that say where to go; null = nobody asks. */
  readonly redirect: RedirectPlan | null;
}

export interface RedirectPlan {
  readonly store: { readonly type: string; readonly options: Readonly<Record<string, unknown>> };
  /** Bytes of the largest model, and of all lists together. */
  readonly max_model_bytes: number;
  /** Networks whose clients may send a parameter, by its name; others come from anybody. */
  readonly trusted_from: Readonly<Record<string, readonly string[]>>;
  readonly discovery: {
    /** Share of a stack's hosts, 0 to 1: when more of them vanish within a second, they stay in use for a time. */
    readonly max_loss: number;
    readonly grace_ms: number;
    /** How long a stack without hosts stays in the store. */
    readonly stack_retention_ms: number;
    /** Of hosts that name none, or nothing that is one. */
    readonly default_weight: number;
    readonly max_weight: number;
    /** What hosts say of their weight counts. */
    readonly weight_from_registration: boolean;
  };
  readonly last_known_good: { readonly path: string; readonly generations: number };
  readonly service: RedirectServicePlan;
  /** Requests that ask for it are traced: so many sessions are kept in each worker; null = none is. */
  readonly session_traces: { readonly sessions: number } | null;
  /** Of applications that have no settings of their own. */
  readonly defaults: RedirectAppPlan;
  readonly apps: Readonly<Record<string, RedirectAppPlan>>;
}

/** The management service, and who may use it. Permissions are texts, those of roles among them. */
export interface RedirectServicePlan {
  /** Serves it beside the admin address; null = nowhere else. */
  readonly address: string | null;
  readonly tokens: readonly RedirectTokenPlan[];
  /** What those may do who show nothing. */
  readonly anonymous: readonly string[];
  readonly oidc: RedirectOidcPlan | null;
  /** Who has made a change may approve it too. */
  readonly self_approval: boolean;
  /** How long a login by browser lasts. */
  readonly session_ms: number;
  /** Earlier models of an application that are kept. */
  readonly revisions: number;
}

export interface RedirectTokenPlan {
  readonly name: string;
  /** SHA-256 of the token, in hexadecimal. */
  readonly token_sha256: string;
  readonly granted: readonly string[];
}

/** An identity provider by OpenID Connect. */
export interface RedirectOidcPlan {
  /** As in its tokens, to the letter. */
  readonly issuer: string;
  readonly audience: string;
  /** Null = there is no login by browser. */
  readonly client_id: string | null;
  /** Null = a public client. The secret itself: the provider wants to see it. */
  readonly client_secret: string | null;
  /** Where browsers come back to; null = at the origin that they have asked. */
  readonly redirect_uri: string | null;
  readonly scopes: readonly string[];
  readonly name_claim: string;
  /** Dots lead into maps. */
  readonly roles_claim: string;
  /** Permissions by the value of the claim that gives them. */
  readonly roles: Readonly<Record<string, readonly string[]>>;
  readonly clock_skew_ms: number;
  readonly algorithms: readonly string[];
}

export interface RedirectAppPlan {
  /** The original's semantics act. */
  readonly compat: boolean;
  /** Hosts as they come and go, or as they were when the model was approved. */
  readonly discovery: "dynamic" | "static";
  /** 302, or 200 with a list of places. */
  readonly answer: "redirect" | "locations";
  /** Of a redirect the whole URL, or scheme, host and port. */
  readonly location: "full" | "origin";
  /** Rule, stack, version and type stand in fields of the answer. */
  readonly answer_headers: boolean;
  /** Parameters of which the first one that is not blank makes a client stick to its percentage. */
  readonly sticky_parameters: readonly string[];
  readonly strategy: "round_robin" | "random";
  readonly affinity: "none" | "host";
  readonly spill_over: { readonly datacenter: string; readonly min_hosts: number } | null;
  /** How registered hosts are probed, at the port of the model's default URL where it names none; null = they are not. */
  readonly health_check: ProbePlan | null;
  /** Clients may say how they fared with an answer; null = answers carry no token for that. */
  readonly feedback: RedirectFeedbackPlan | null;
}

export interface RedirectFeedbackPlan {
  /** Signs tokens; null = a key of this program's own. */
  readonly secret: string | null;
  readonly max_age_ms: number;
  /** Reports per minute, in each worker. */
  readonly per_address: number;
  readonly per_app: number;
}

export interface HostsPlan {
  /** Absolute. */
  readonly file: string;
  /** How it is written; `auto`: by rename, or in place where the file is a mount point. */
  readonly write: "auto" | "rename" | "in_place";
  /** Folders in which the file behind a symbolic link may stand. */
  readonly allowed_roots: readonly string[];
  /** A missing file is made. */
  readonly create: boolean;
  /** Nothing is written: what would be is only told. */
  readonly dry_run: boolean;
  /** What becomes of the block when the program ends. */
  readonly on_stop: "keep" | "remove";
  readonly names: readonly HostsNamePlan[];
  /** Names of backends are looked up again after this time at the latest; null = as their time to live says. */
  readonly resolve_interval_ms: number | null;
  readonly hooks: readonly HookPlan[];
  readonly dns: HostsDnsPlan | null;
}

export interface HostsNamePlan {
  /** Lower case. */
  readonly name: string;
  /** Further names on the same line, lower case. */
  readonly aliases: readonly string[];
  readonly pool: string;
  readonly family: "ipv4" | "ipv6" | "both";
  /** Which backend follows one that has died: the first healthy one in the strategy's order, or the next one behind it. */
  readonly failover: "best" | "next";
  /** A better backend is taken when it has been healthy for so long; null = never. */
  readonly failback_ms: number | null;
  readonly on_all_down: "keep" | "remove" | { readonly last_resort: string };
  /** So many addresses of healthy backends are written, best first. */
  readonly max_entries: number;
}

/** A command that is run after a name has got another address. */
export interface HookPlan {
  readonly command: readonly string[];
  readonly timeout_ms: number;
}

/** The same names by DNS. */
export interface HostsDnsPlan {
  readonly address: { readonly host: string; readonly port: number };
  readonly ttl_ms: number;
  /** Servers (`address:port`) that are asked for other names; none: these are refused. */
  readonly upstream: readonly { readonly host: string; readonly port: number }[];
}

export interface AdminPlan {
  readonly address: string;
  /** SHA-256 of the token that requests must carry, in hexadecimal; null = none is asked for. */
  readonly token_sha256: string | null;
  /** Names by which the admin and metrics addresses may be asked for, lower case. */
  readonly hosts: readonly string[];
}

export interface ListenerPlan {
  readonly name: string;
  readonly address: ListenAddress;
  readonly protocol: "http";
  readonly backlog: number;
  /** The kernel hands a TCP connection over when its first byte is there, at the latest after about a second. */
  readonly defer_accept: boolean;
  readonly tls: TlsPlan | null;
  /** Peers (CIDR) that must send a PROXY protocol header; null = none is expected. */
  readonly proxy_protocol: { readonly trusted: readonly string[] } | null;
  /** Peers (CIDR) whose Forwarded and X-Forwarded-* fields are believed. */
  readonly trusted_proxies: readonly string[];
  /** A client that has sent FIN while its request is at work: it still gets the answer, or it counts as gone. */
  readonly half_closed_clients: "serve" | "abort";
}

export type ListenAddress =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number; readonly dual_stack: boolean }
  | {
      readonly kind: "unix";
      readonly path: string;
      readonly mode: number | null;
      readonly user: string | null;
      readonly group: string | null;
    };

export type ClientAuth = "none" | "request" | "require_any" | "verify_if_given" | "require_and_verify";

export interface TlsOptions {
  readonly min_version: "1.2" | "1.3";
  readonly max_version: "1.2" | "1.3";
  /** OpenSSL cipher list for TLS 1.2, "" = the default list. */
  readonly ciphers: string;
  /** Group list such as `X25519:P-256`, "" = the default list. */
  readonly curves: string;
  readonly client_auth: ClientAuth;
  /** PEM file with the authorities for client certificates, or null. */
  readonly client_ca: string | null;
}

export interface TlsPlan extends TlsOptions {
  /** The first one is the default certificate. Names come from the certificate's SAN unless `names` gives them. */
  readonly certificates: readonly CertificatePlan[];
  readonly strict_sni: boolean;
  readonly session_tickets: boolean;
  readonly alpn: readonly string[];
}

export interface CertificatePlan {
  readonly cert: string;
  readonly key: string;
  readonly names: readonly string[];
  /** Options for these names that differ from the listener's; null = the listener's. */
  readonly options: TlsOptions | null;
}

export interface PoolPlan {
  readonly name: string;
  readonly strategy: { readonly name: string; readonly options: Readonly<Record<string, unknown>> };
  readonly backends: readonly BackendPlan[];
  readonly health_check: ProbePlan | null;
  /** What traffic itself finds out about backends; null = it is not looked at. */
  readonly outliers: OutlierPlan | null;
  /** How backends that come back or are new get their share; null = all of it at once. */
  readonly slow_start: SlowStartPlan | null;
  /** Which zones are preferred; null = zones are not looked at. */
  readonly zones: ZonesPlan | null;
  /** What happens to requests when no backend may serve: 503, or all serve whatever their health. */
  readonly on_all_down: "refuse" | "panic";
  /** Share of backends that are not unhealthy, 0 to 1, below which health is not looked at; 0 = never. */
  readonly panic_threshold: number;
  /** What the upstream Host field holds: the client's, the backend's address, or a fixed name. */
  readonly host_header: "pass" | "backend" | { readonly name: string };
  readonly tls: UpstreamTlsPlan | null;
  readonly proxy_protocol: "none" | "v1" | "v2";
  readonly retries: RetryPlan;
  readonly timeouts: Timeouts;
  /** Kept-alive idle connections per backend and worker. */
  readonly max_idle_connections: number;
  /** Requests that a connection to a backend serves, about; 0 = no limit. */
  readonly requests_per_connection: number;
  readonly queue: { readonly size: number; readonly timeout_ms: number };
}

export interface BackendPlan {
  readonly id: string;
  readonly url: string;
  readonly endpoint: Endpoint;
  readonly tls: boolean;
  /** 0 to 65535; 0 = no new traffic. */
  readonly weight: number;
  readonly zone: string | null;
  /** It serves only when no other backend of the pool may. */
  readonly last_resort: boolean;
  /** Requests in flight at most in each worker, 0 = no limit. */
  readonly max_in_flight: number;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface UpstreamTlsPlan {
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
  /** Name sent by SNI and verified; null = the backend's host. */
  readonly server_name: string | null;
  readonly verify: boolean;
}

/** When a backend is left out because of what traffic has seen, in each worker for itself. */
export interface OutlierPlan {
  /** So many tries in a row must fail. */
  readonly failures: number;
  readonly window_ms: number;
  /** For how long the first time; twice as long each further time. */
  readonly ejection_ms: number;
  readonly max_ejection_ms: number;
  /** Share of the backends of the pool that may be left out at once, 0 to 1; one at least. */
  readonly max_ejected: number;
  /** Statuses of answers that count as failures, beside no answer at all. */
  readonly statuses: readonly number[];
}

export interface SlowStartPlan {
  /** From the first part of its weight to all of it. */
  readonly duration_ms: number;
  /** The part of its weight that a backend begins with, 0 to 1. */
  readonly initial_share: number;
}

export interface ZonesPlan {
  /** Where this program runs. */
  readonly local: string;
  /** Other zones, nearest first. All that are not named come last, together. */
  readonly order: readonly string[];
  /** The share of its weight, 0 to 1, with which a zone can still take all traffic that is meant for it. */
  readonly spill_below: number;
}

export interface RetryPlan {
  /** Further attempts after the first. */
  readonly attempts: number;
  /** Share of active requests that may be retries, 0 to 1. */
  readonly budget: number;
  /** Retries that are always allowed at once. */
  readonly budget_min: number;
  /** Retry methods that are not idempotent too, as long as nothing of the body has left. */
  readonly non_idempotent: boolean;
  /**
   * Answer statuses that are retried on another backend, for the same methods, as long as nothing of the request's body
   * has left and no byte of the answer has gone to the client.
   */
  readonly on_status: readonly number[];
}

export interface ProbePlan {
  /** Name of the probe kind: `http` or `tcp`. */
  readonly type: string;
  readonly interval_ms: number;
  readonly timeout_ms: number;
  /** 0 to 1: each interval is stretched by up to this share. */
  readonly jitter: number;
  readonly healthy_after: number;
  readonly unhealthy_after: number;
  /** Another port than the backend's, or null. */
  readonly port: number | null;
  readonly options: Readonly<Record<string, unknown>>;
}

export interface RoutePlan {
  readonly name: string;
  /** Rule text, "" = the default route. */
  readonly match: string;
  /** 0 = by the length of the rule. */
  readonly priority: number;
  /** Listener names, empty = all http listeners. */
  readonly listeners: readonly string[];
  readonly target:
    | { readonly kind: "pool"; readonly pool: string }
    | {
        readonly kind: "respond";
        readonly status: number;
        readonly body: string;
        readonly content_type: string;
      }
    | { readonly kind: "ready" };
  readonly middlewares: readonly MiddlewarePlan[];
  /** Upgrade tokens that pass, lower case. Default: websocket. */
  readonly upgrades: readonly string[];
  /** What `..`, `//` and encoded separators in a path get: forwarded as they came, or refused with 400. */
  readonly encoded_characters: { readonly deny: readonly string[] };
}

export interface MiddlewarePlan {
  /** The kind: `headers`, `basic_auth`, … */
  readonly kind: string;
  /** The name under `middlewares:`, or the kind when it was written in place. */
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** All in milliseconds; 0 = no limit. Defaults stand in `core/defaults.ts`. */
export interface Timeouts {
  readonly connect: number;
  readonly first_byte: number;
  readonly idle_progress: number;
  /** From the first try until the answer is complete. */
  readonly total: number;
  readonly request_header: number;
  readonly tls_handshake: number;
  readonly client_idle: number;
  readonly client_age: number;
  readonly upstream_idle: number;
  readonly upstream_age: number;
  readonly tunnel_idle: number;
  readonly drain_accept: number;
  readonly drain: number;
  readonly drain_tunnels: number;
}

export interface Limits {
  readonly header_fields: number;
  readonly header_bytes: number;
  readonly target_bytes: number;
  /** Connections per listener, 0 = no limit. */
  readonly connections: number;
  readonly connections_per_ip: number;
  /**
   * Bytes a second that a body must make after `minimum_rate_grace` ms; what it was ahead counts for a limited time.
   */
  readonly minimum_rate: number;
  readonly minimum_rate_grace: number;
  readonly chunk_extension_bytes: number;
  readonly requests_per_connection: number;
  readonly early_answer_drain_bytes: number;
}

/** What is told about a request beside X-Forwarded-* and X-Request-ID. */
export interface ForwardingPlan {
  /** Via on requests and answers (RFC 9110 7.6.3). */
  readonly via: boolean;
  /** Forwarded beside X-Forwarded-* (RFC 7239). */
  readonly forwarded: boolean;
  /** X-Request-ID on answers too. */
  readonly request_id_in_answers: boolean;
}

export interface ObservabilityPlan {
  readonly access_log: AccessLogPlan | null;
  readonly metrics: MetricsPlan;
}

export interface MetricsPlan {
  readonly prefix: string;
  readonly buckets_seconds: readonly number[];
  /** Serves `/metrics` and `/health` beside the admin address; null = nowhere else. */
  readonly address: string | null;
  /** SHA-256 of the token for `/metrics` there, in hexadecimal; null = none is asked for. */
  readonly token_sha256: string | null;
}

export interface AccessLogPlan {
  /** A file, or "-" for standard output. */
  readonly path: string;
  readonly format: "json" | "clf";
  /** Request fields to log by name, lower case. */
  readonly headers: readonly string[];
  /** Fields whose value is written as `REDACTED`, lower case. */
  readonly redact: readonly string[];
  /** Query parameters whose value is written as `REDACTED`. */
  readonly redact_query: readonly string[];
  readonly buffer_bytes: number;
  readonly flush_ms: number;
  /** Which requests are logged; null = all. */
  readonly sample: AccessSamplePlan | null;
}

/** Requests that are bad or slow are logged all, the others by share. */
export interface AccessSamplePlan {
  /** Share of the ordinary requests that is logged, 0 to 1. */
  readonly share: number;
  /** Requests with this status or a higher one are logged all. */
  readonly from_status: number;
  /** Requests that last at least so long are logged all; 0 = the duration does not matter. */
  readonly slower_than_ms: number;
}
