/** Everything in this process, without a runtime directory and signals: for tests and for programs that embed us. */
import type { KnownState } from "../core/health/delta.ts";
import { NOTHING_CHANGED, type Snapshot, type SnapshotDelta } from "../core/snapshot.ts";
import type { Plan } from "../core/plan.ts";
import type { CounterKeeper, CreateProgram, WorkerProgram } from "../core/worker_program.ts";
import type { Report, RunEvent } from "./events.ts";
import { InProcessWorker } from "./in_process_worker.ts";
import type { ListenerReport } from "./listener_table.ts";
import type { LoadedConfiguration, ReloadResult, RunParts } from "./parts.ts";
import { Supervisor } from "./supervisor.ts";

export interface InProcessOptions {
  readonly createProgram: CreateProgram;
  readonly counters?: CounterKeeper;
  readonly files?: Readonly<Record<string, string>>;
  readonly initial?: KnownState;
  readonly parts?: RunParts["parts"];
  readonly report?: Report;
}

/** Counts nothing and keeps nothing. */
export const noCounters: CounterKeeper = {
  layout: () => ({ key: "", counters: 1, limits: 1 }),
  retire() {},
  totals: () => ({}),
  adopt() {},
};

/** A running instance. `await using` stops it. */
export interface InProcessInstance {
  readonly supervisor: Supervisor;
  /** What the worker runs. */
  readonly program: WorkerProgram;
  /** Everything that was reported so far. */
  readonly events: readonly RunEvent[];
  listeners(): readonly ListenerReport[];
  /** Port of a listener by name. Throws when there is none. */
  port(listener: string): number;
  snapshot(): Snapshot;
  publish(delta: Partial<SnapshotDelta>): void;
  /** Reloads with another plan, as if the configuration file had changed. */
  reload(next: Partial<LoadedConfiguration> & { readonly plan: Plan | null }): Promise<ReloadResult>;
  /** Drains and resolves when no connection is left. */
  stop(): Promise<void>;
  /** Ends at once and cuts connections. */
  kill(): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts `plan` (its `workers` counts as 0). Rejects with StartError when something refuses. */
export async function startInProcess(plan: Plan, options: InProcessOptions): Promise<InProcessInstance> {
  const events: RunEvent[] = [];
  let loaded: LoadedConfiguration = {
    plan: { ...plan, workers: 0 },
    files: options.files ?? {},
    problems: [],
    warnings: [],
  };
  let worker: InProcessWorker | null = null;
  const launch = () => (worker = new InProcessWorker(options.createProgram));
  const supervisor = new Supervisor({
    parts: {
      load: async () => loaded,
      createProgram: options.createProgram,
      counters: options.counters ?? noCounters,
      ...(options.initial === undefined ? {} : { initial: options.initial }),
      ...(options.parts === undefined ? {} : { parts: options.parts }),
    },
    launch,
    launchInProcess: launch,
    claim: async () => ({ generation: 1, predecessors: null, sockets: [], limits: null }),
    report(event) {
      events.push(event);
      options.report?.(event);
    },
  });
  await supervisor.start();
  return {
    supervisor,
    get program() {
      if (worker?.program == null) throw new Error("the worker is gone");
      return worker.program;
    },
    events,
    listeners: () => supervisor.listeners(),
    port(listener) {
      const found = supervisor.listeners().find(({ name }) => name === listener);
      if (found === undefined) throw new Error(`no listener ${listener}`);
      return found.port;
    },
    snapshot: () => supervisor.snapshot(),
    publish: (delta) => supervisor.publish({ ...NOTHING_CHANGED, ...delta }),
    reload(next) {
      loaded = { ...loaded, ...next, plan: next.plan === null ? null : { ...next.plan, workers: 0 } };
      return supervisor.reload();
    },
    stop: () => supervisor.stop(),
    kill: () => supervisor.kill(),
    async [Symbol.asyncDispose]() {
      supervisor.kill();
      await supervisor.stop();
    },
  };
}
