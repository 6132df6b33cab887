/**
 * Every metric there is, in the order in which they are shown. Layout, exposition and reference page derive from this
 * table; what writes a metric names it, so a misspelt name is a type error.
 *
 * Labels come from the configuration or from fixed lists, never from what a client sends: the number of series is
 * known when the plan is.
 */

/** A dimension of a metric: one label, or several that only make sense together. */
export const AXES = {
  route: ["route"],
  listener: ["listener"],
  pool: ["pool"],
  backend: ["pool", "backend"],
  method: ["method"],
  class: ["class"],
  error: ["code"],
  limit: ["limit"],
  retry_reason: ["reason"],
  result: ["result"],
  build: ["version", "runtime"],
  process: ["process"],
  worker: ["worker"],
  certificate: ["listener", "certificate"],
  host_name: ["name"],
  redirect_app: ["app"],
  redirect_type: ["type"],
  redirect_rule: ["rule"],
  redirect_code: ["code"],
  redirect_spill: ["how"],
} as const satisfies Record<string, readonly string[]>;

export type AxisName = keyof typeof AXES;

/** Axes whose values are parts of the configuration; such an axis stands first in a metric. */
export const PLAN_AXES = ["route", "listener", "pool", "backend"] as const satisfies readonly AxisName[];
export type PlanAxis = (typeof PLAN_AXES)[number];

export type MetricType = "counter" | "gauge" | "histogram";

export interface MetricDefinition {
  /** Histograms are of durations: observed in milliseconds, shown in seconds. */
  readonly type: MetricType;
  readonly axes: readonly AxisName[];
  /** `worker`: a slot in the counter regions, added to on the way of a request. `supervisor`: a value it keeps itself. */
  readonly writer: "worker" | "supervisor";
  /** `all` shows series at 0 too, so that a first increase is seen as one; `used` only those that ever counted. */
  readonly rows: "all" | "used";
  readonly help: string;
}

export const CATALOGUE = {
  build_info: {
    type: "gauge",
    axes: ["build"],
    writer: "supervisor",
    rows: "all",
    help: "Always 1; the labels say which version runs on which runtime.",
  },
  start_time_seconds: {
    type: "gauge",
    axes: [],
    writer: "supervisor",
    rows: "all",
    help: "When the supervisor started, in seconds since 1970-01-01 UTC.",
  },
  workers_running: {
    type: "gauge",
    axes: [],
    writer: "supervisor",
    rows: "all",
    help: "Workers that take requests.",
  },
  worker_restarts_total: {
    type: "counter",
    axes: [],
    writer: "supervisor",
    rows: "all",
    help: "Workers that were replaced because they had died.",
  },
  workers_draining: {
    type: "gauge",
    axes: [],
    writer: "supervisor",
    rows: "all",
    help: "Workers that take no new connections and finish what they have.",
  },
  worker_event_loop_delay_seconds: {
    type: "histogram",
    axes: [],
    writer: "worker",
    rows: "all",
    help: "How late the event loops of workers came to a timer, looked at ten times a second in each.",
  },
  worker_config_generation: {
    type: "gauge",
    axes: ["worker"],
    writer: "supervisor",
    rows: "all",
    help: "Generation of the configuration that each worker serves.",
  },
  draining: {
    type: "gauge",
    axes: [],
    writer: "supervisor",
    rows: "all",
    help: "1 while the program drains because it is to end, else 0.",
  },
  process_cpu_seconds_total: {
    type: "counter",
    axes: ["process"],
    writer: "supervisor",
    rows: "all",
    help: "User and system time of the supervisor, of the worker in each place, and of those that drain together.",
  },
  process_resident_memory_bytes: {
    type: "gauge",
    axes: ["process"],
    writer: "supervisor",
    rows: "all",
    help: "Memory of a process that is in RAM, what it shares with others included.",
  },
  process_open_fds: {
    type: "gauge",
    axes: ["process"],
    writer: "supervisor",
    rows: "all",
    help: "File descriptors that a process has open.",
  },
  process_max_fds: {
    type: "gauge",
    axes: ["process"],
    writer: "supervisor",
    rows: "all",
    help: "File descriptors that a process may have open.",
  },
  process_start_time_seconds: {
    type: "gauge",
    axes: ["process"],
    writer: "supervisor",
    rows: "all",
    help: "When a process started, in seconds since 1970-01-01 UTC.",
  },
  certificate_not_after_seconds: {
    type: "gauge",
    axes: ["certificate"],
    writer: "supervisor",
    rows: "all",
    help: "When a certificate of a listener, or one of its chain, ends, in seconds since 1970-01-01 UTC.",
  },
  config_generation: {
    type: "gauge",
    axes: [],
    writer: "supervisor",
    rows: "all",
    help: "Generation of the configuration that acts; it grows with each reload that changes something.",
  },
  config_reloads_total: {
    type: "counter",
    axes: ["result"],
    writer: "supervisor",
    rows: "all",
    help: "Reloads of the configuration by result.",
  },
  config_last_reload_success: {
    type: "gauge",
    axes: [],
    writer: "supervisor",
    rows: "all",
    help: "1 when the last reload took effect, 0 when it was refused and the one before still serves.",
  },
  config_last_reload_success_timestamp_seconds: {
    type: "gauge",
    axes: [],
    writer: "supervisor",
    rows: "all",
    help: "When a configuration last took effect, in seconds since 1970-01-01 UTC.",
  },
  config_degraded_files: {
    type: "gauge",
    axes: [],
    writer: "supervisor",
    rows: "all",
    help: "Files of conf.d whose last good content acts because what they hold now cannot be used.",
  },
  connections_accepted_total: {
    type: "counter",
    axes: ["listener"],
    writer: "worker",
    rows: "all",
    help: "Client connections that were accepted.",
  },
  connections_open: {
    type: "gauge",
    axes: ["listener"],
    writer: "worker",
    rows: "all",
    help: "Client connections that are open now.",
  },
  tunnels_open: {
    type: "gauge",
    axes: [],
    writer: "worker",
    rows: "all",
    help: "Upgraded connections and event streams that are open now: a drain leaves them until drain_tunnels.",
  },
  tls_handshakes_total: {
    type: "counter",
    axes: ["listener"],
    writer: "worker",
    rows: "all",
    help: "TLS handshakes with clients that were completed.",
  },
  tls_handshake_failures_total: {
    type: "counter",
    axes: ["listener"],
    writer: "worker",
    rows: "all",
    help: "TLS handshakes with clients that failed or timed out.",
  },
  http_requests_total: {
    type: "counter",
    axes: ["route", "method", "class"],
    writer: "worker",
    rows: "used",
    help: "Requests that have ended, by route (- when none matched), method and class of the answer's status.",
  },
  http_request_duration_seconds: {
    type: "histogram",
    axes: ["route"],
    writer: "worker",
    rows: "used",
    help: "Time from the first byte of a request to the last byte of its answer.",
  },
  http_request_bytes_total: {
    type: "counter",
    axes: ["route"],
    writer: "worker",
    rows: "used",
    help: "Bytes received from clients in requests, heads and bodies, before any encryption.",
  },
  http_response_bytes_total: {
    type: "counter",
    axes: ["route"],
    writer: "worker",
    rows: "used",
    help: "Bytes sent to clients in answers, heads and bodies, before any encryption.",
  },
  request_errors_total: {
    type: "counter",
    axes: ["error"],
    writer: "worker",
    rows: "all",
    help: "Requests that ended with an error, by its code in the error reference.",
  },
  limits_hit_total: {
    type: "counter",
    axes: ["limit"],
    writer: "worker",
    rows: "all",
    help: "How often a limit was hit.",
  },
  backend_requests_total: {
    type: "counter",
    axes: ["backend", "class"],
    writer: "worker",
    rows: "used",
    help: "Attempts that were made on a backend, by class of its answer's status (none: it gave no answer).",
  },
  backend_request_duration_seconds: {
    type: "histogram",
    axes: ["backend"],
    writer: "worker",
    rows: "used",
    help: "Time from the choice of a backend to the end of its answer.",
  },
  backend_connections_opened_total: {
    type: "counter",
    axes: ["backend"],
    writer: "worker",
    rows: "all",
    help: "Connections that were opened to a backend.",
  },
  backend_connections_open: {
    type: "gauge",
    axes: ["backend"],
    writer: "worker",
    rows: "all",
    help: "Connections to a backend that are open now, in use or idle.",
  },
  backend_healthy: {
    type: "gauge",
    axes: ["backend"],
    writer: "supervisor",
    rows: "all",
    help: "1 when the health check finds a backend healthy, 0 when not; no series before its first result.",
  },
  backend_ejections_total: {
    type: "counter",
    axes: ["backend"],
    writer: "worker",
    rows: "used",
    help: "How often a worker has left a backend out because its tries had failed in a row.",
  },
  backend_ejected: {
    type: "gauge",
    axes: ["backend"],
    writer: "worker",
    rows: "all",
    help: "Workers that leave a backend out now because its tries had failed in a row.",
  },
  pool_down: {
    type: "gauge",
    axes: ["pool"],
    writer: "supervisor",
    rows: "all",
    help: "1 while no backend of a pool may take a request, not even one of last resort, else 0.",
  },
  pool_panic: {
    type: "gauge",
    axes: ["pool"],
    writer: "supervisor",
    rows: "all",
    help: "1 while health of a pool's backends is not looked at because too few are healthy, else 0.",
  },
  pool_last_resort: {
    type: "gauge",
    axes: ["pool"],
    writer: "supervisor",
    rows: "all",
    help: "1 while only backends of last resort take the requests of a pool, else 0.",
  },
  retries_total: {
    type: "counter",
    axes: ["pool", "retry_reason"],
    writer: "worker",
    rows: "used",
    help: "Further attempts after a failed one, by the reason of the failure.",
  },
  retry_budget_exhausted_total: {
    type: "counter",
    axes: ["pool"],
    writer: "worker",
    rows: "all",
    help: "Retries that were not made because the retry budget was used up.",
  },
  queue_length: {
    type: "gauge",
    axes: ["pool"],
    writer: "worker",
    rows: "all",
    help: "Requests that wait for a free backend now.",
  },
  queue_timeouts_total: {
    type: "counter",
    axes: ["pool"],
    writer: "worker",
    rows: "all",
    help: "Requests that waited in the queue for longer than they may.",
  },
  probes_total: {
    type: "counter",
    axes: ["pool", "result"],
    writer: "supervisor",
    rows: "used",
    help: "Health checks that have ended, by result.",
  },
  probe_duration_seconds: {
    type: "histogram",
    axes: ["pool"],
    writer: "supervisor",
    rows: "used",
    help: "Time of a health check from its start to its result; one that is ended at its timeout took so long.",
  },
  hosts_switches_total: {
    type: "counter",
    axes: ["host_name"],
    writer: "supervisor",
    rows: "used",
    help: "How often a name of the hosts file got another address.",
  },
  hosts_last_switch_timestamp_seconds: {
    type: "gauge",
    axes: ["host_name"],
    writer: "supervisor",
    rows: "used",
    help: "When a name of the hosts file last got another address, in seconds since 1970-01-01 UTC.",
  },
  hosts_name_down: {
    type: "gauge",
    axes: ["host_name"],
    writer: "supervisor",
    rows: "all",
    help: "1 while no backend of a name of the hosts file is healthy, else 0.",
  },
  hosts_all_down_total: {
    type: "counter",
    axes: ["host_name"],
    writer: "supervisor",
    rows: "used",
    help: "How often all backends of a name of the hosts file had failed.",
  },
  hosts_writes_total: {
    type: "counter",
    axes: ["result"],
    writer: "supervisor",
    rows: "all",
    help: "Writes of the hosts file by result; an equal file is not written.",
  },
  hosts_written_bytes_total: {
    type: "counter",
    axes: [],
    writer: "supervisor",
    rows: "all",
    help: "Bytes of hosts files that were written.",
  },
  hosts_hook_failures_total: {
    type: "counter",
    axes: [],
    writer: "supervisor",
    rows: "all",
    help: "Changes of names that a hook was not told of, or whose hook failed or took too long.",
  },
  hosts_dns_queries_total: {
    type: "counter",
    axes: ["result"],
    writer: "supervisor",
    rows: "used",
    help: "Queries to the responder for names of the hosts file, by result.",
  },
  redirect_feedback_total: {
    type: "counter",
    axes: ["result"],
    writer: "supervisor",
    rows: "used",
    help: "What clients of the redirector have reported of its answers, by what became of it: accepted, malformed, forged, expired, replayed, limited.",
  },
  redirect_decisions_total: {
    type: "counter",
    axes: ["redirect_app", "redirect_type"],
    writer: "supervisor",
    rows: "used",
    help: "Decisions where a client goes, by application and what they came about by.",
  },
  redirect_rule_decisions_total: {
    type: "counter",
    axes: ["redirect_app", "redirect_rule"],
    writer: "supervisor",
    rows: "used",
    help: "Decisions by a rule, for the first thousand rules that decided; those of others together.",
  },
  redirect_refusals_total: {
    type: "counter",
    axes: ["redirect_app", "redirect_code"],
    writer: "supervisor",
    rows: "used",
    help: "Requests that got no decision, by the code that their answer has; - for an unknown application.",
  },
  redirect_fallbacks_total: {
    type: "counter",
    axes: ["redirect_app"],
    writer: "supervisor",
    rows: "used",
    help: "Decisions for the default server because there were no hosts where a rule or a share led.",
  },
  redirect_spill_overs_total: {
    type: "counter",
    axes: ["redirect_app", "redirect_spill"],
    writer: "supervisor",
    rows: "used",
    help: "Decisions with hosts of other datacenters: beside those of the own one (mixed), or alone (remote).",
  },
  redirect_dropped_parameters_total: {
    type: "counter",
    axes: [],
    writer: "supervisor",
    rows: "all",
    help: "Parameters that were not looked at because their sender may not say them.",
  },
  redirect_model_version: {
    type: "gauge",
    axes: ["redirect_app"],
    writer: "supervisor",
    rows: "used",
    help: "Version of the model that acts.",
  },
  redirect_models_refused_total: {
    type: "counter",
    axes: ["redirect_app"],
    writer: "supervisor",
    rows: "used",
    help: "Models that were refused while the one before served on; - where no application can be told.",
  },
  redirect_hosts: {
    type: "gauge",
    axes: ["redirect_app"],
    writer: "supervisor",
    rows: "used",
    help: "Hosts that decisions can use.",
  },
  redirect_hosts_kept: {
    type: "gauge",
    axes: ["redirect_app"],
    writer: "supervisor",
    rows: "used",
    help: "Hosts that are used although they are gone, because too many vanished at once.",
  },
  redirect_ignored_registrations: {
    type: "gauge",
    axes: [],
    writer: "supervisor",
    rows: "used",
    help: "Registrations in the store that cannot be used.",
  },
  redirect_last_known_good_age_seconds: {
    type: "gauge",
    axes: [],
    writer: "supervisor",
    rows: "used",
    help: "Age of what the next start would use without a store.",
  },
  access_log_lines_dropped_total: {
    type: "counter",
    axes: [],
    writer: "worker",
    rows: "all",
    help: "Lines of the access log that were given up because what takes them was full or failed.",
  },
  access_log_lines_sampled_out_total: {
    type: "counter",
    axes: [],
    writer: "worker",
    rows: "all",
    help: "Requests without a line in the access log because its share left them out.",
  },
} as const satisfies Record<string, MetricDefinition>;

export type MetricName = keyof typeof CATALOGUE;
export const METRIC_NAMES = Object.keys(CATALOGUE) as readonly MetricName[];

type NamesBy<Writer extends MetricDefinition["writer"]> = {
  [Name in MetricName]: (typeof CATALOGUE)[Name]["writer"] extends Writer ? Name : never;
}[MetricName];

export type WorkerMetric = NamesBy<"worker">;
export type SupervisorMetric = NamesBy<"supervisor">;

/** Metrics of workers whose first axis is `Axis`. */
export type MetricsOf<Axis extends PlanAxis> = {
  [Name in WorkerMetric]: (typeof CATALOGUE)[Name]["axes"] extends readonly [Axis, ...unknown[]]
    ? Name
    : never;
}[WorkerMetric];

/** Metrics of workers that belong to no part of the configuration. */
export type FixedMetric = Exclude<WorkerMetric, MetricsOf<PlanAxis>>;

/** The definition of a metric with its literal types widened. */
export function metricDefinition(name: MetricName): MetricDefinition {
  return CATALOGUE[name];
}
