/** What `fairlead status`, the control socket and the admin part tell of a running supervisor. */
import type { ListenerReport } from "./listener_table.ts";
import type { WorkerStatus, WorkerVitals } from "./worker_pool.ts";

/** What is known of a supervisor at once, without asking its workers. */
export interface SupervisorVitals {
  readonly state: "starting" | "serving" | "draining";
  /** Workers that take requests. */
  readonly workers: number;
  /** All workers that live. */
  readonly processes: readonly WorkerVitals[];
  /** Files of the configuration whose last good content acts. */
  readonly degraded_files: readonly string[];
  readonly last_reload: LastReload | null;
}

export interface LastReload {
  readonly ok: boolean;
  /** RFC 3339. */
  readonly at: string;
  readonly problems: readonly string[];
}

export interface SupervisorStatus {
  readonly pid: number;
  readonly generation: number;
  readonly state: SupervisorVitals["state"];
  readonly listeners: readonly ListenerReport[];
  readonly workers: readonly WorkerStatus[];
  readonly degraded_files: readonly string[];
  /** Null before the first reload. */
  readonly last_reload: LastReload | null;
}
