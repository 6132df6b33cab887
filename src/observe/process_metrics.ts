/** What the program's processes use, read when somebody asks for the metrics. */
import { type ProcessUsage, usageOf } from "../platform/process_usage.ts";
import type { SupervisorMetrics } from "./supervisor_metrics.ts";

/** A worker as the metrics need to know it. */
export interface WorkerProcess {
  readonly index: number;
  /** That of the supervisor for one that shares its process. */
  readonly pid: number;
  /** Generation of the snapshot that acts in it, 0 = none yet. */
  readonly generation: number;
  /** Replaced or no longer wanted; ends when its connections do. */
  readonly draining: boolean;
}

/** Label of workers that drain: together, because a place may have many of them. */
const DRAINING = "draining";

type Gauge =
  "process_resident_memory_bytes" | "process_open_fds" | "process_max_fds" | "process_start_time_seconds";

export class ProcessMetrics {
  readonly #supervisor: SupervisorMetrics;
  readonly #usageOf: (pid: number) => ProcessUsage | null;
  /** Time of each process that has been counted already, by pid. */
  #counted = new Map<number, number>();

  constructor(supervisor: SupervisorMetrics, usage: (pid: number) => ProcessUsage | null = usageOf) {
    this.#supervisor = supervisor;
    this.#usageOf = usage;
  }

  /** Brings the metrics to what the processes use now. */
  update(workers: readonly WorkerProcess[]): void {
    const rows: Record<Gauge, Map<string, number>> = {
      process_resident_memory_bytes: new Map(),
      process_open_fds: new Map(),
      process_max_fds: new Map(),
      process_start_time_seconds: new Map(),
    };
    const counted = new Map<number, number>();
    for (const [pid, label] of processesOf(workers)) {
      const usage = this.#usageOf(pid);
      if (usage === null) continue;
      counted.set(pid, usage.cpuSeconds);
      this.#countTime(pid, label, usage.cpuSeconds);
      add(rows.process_resident_memory_bytes, label, usage.residentBytes);
      add(rows.process_open_fds, label, usage.openDescriptors);
      if (label === DRAINING) continue;
      rows.process_max_fds.set(label, usage.maxDescriptors);
      rows.process_start_time_seconds.set(label, usage.startSeconds);
    }
    this.#counted = counted;
    for (const [name, values] of Object.entries(rows) as [Gauge, Map<string, number>][])
      this.#supervisor.replace(name, labelled(values));
    const served = workers.filter(({ draining, generation }) => !draining && generation > 0);
    this.#supervisor.replace(
      "worker_config_generation",
      served.map(({ index, generation }) => [[`${index}`], generation]),
    );
    this.#supervisor.set("workers_draining", [], workers.filter(({ draining }) => draining).length);
  }

  /** A worker that takes the place of another one goes on from its time: the counter never falls. */
  #countTime(pid: number, label: string, seconds: number): void {
    const before = this.#counted.get(pid) ?? 0;
    // Another process that has the pid of one that is gone.
    const more = seconds >= before ? seconds - before : seconds;
    this.#supervisor.count("process_cpu_seconds_total", [label], more);
  }
}

/** Label of each process by its pid. */
function processesOf(workers: readonly WorkerProcess[]): Map<number, string> {
  const labels = new Map([[process.pid, "supervisor"]]);
  for (const { index, pid, draining } of workers)
    if (!labels.has(pid)) labels.set(pid, draining ? DRAINING : `worker-${index}`);
  return labels;
}

function add(values: Map<string, number>, label: string, more: number): void {
  values.set(label, (values.get(label) ?? 0) + more);
}

function labelled(values: ReadonlyMap<string, number>): [[string], number][] {
  return [...values].map(([label, value]) => [[label], value]);
}
