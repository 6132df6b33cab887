/** What the composition root hands over: everything that `run` needs and must not know by name. */
import type { Explanation } from "../core/explain/answer.ts";
import type { GivenQuestion } from "../core/explain/question.ts";
import type { Plan } from "../core/plan.ts";
import type { KnownState } from "../core/health/delta.ts";
import type { SettingChange, SettingReport } from "../core/setting.ts";
import type { SharedMemory } from "../core/shared_memory.ts";
import type { FileMap, Snapshot, SnapshotDelta } from "../core/snapshot.ts";
import type { CounterKeeper, CounterLayout, CreateProgram } from "../core/worker_program.ts";
import type { ControlHandler } from "./control_socket.ts";
import type { RunEvent } from "./events.ts";
import type { ListenerReport } from "./listener_table.ts";
import type { SupervisorStatus, SupervisorVitals } from "./status.ts";

/** What loading the configuration gave. */
export interface LoadedConfiguration {
  /** Null when nothing may be applied. */
  readonly plan: Plan | null;
  /** Content of the files that the plan names. */
  readonly files: FileMap;
  /** What is wrong, one line each, with position. With a plan: what is wrong in the parts that were left out. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  /** Files whose last good content acts because what they hold now cannot be used. */
  readonly degraded_files?: readonly string[];
  /** Every setting of it with what set it, without secrets; made when it is asked for. */
  readonly settings?: () => readonly SettingReport[];
}

/** Loads the configuration anew; must not throw for what a user wrote. */
export type LoadConfiguration = () => Promise<LoadedConfiguration>;

export type ReloadResult =
  | {
      readonly ok: true;
      readonly changed: boolean;
      readonly generation: number;
      /** What has changed, in phrases: names alone. */
      readonly changes: readonly string[];
      readonly warnings: readonly string[];
    }
  | {
      readonly ok: false;
      /** Nothing was loaded: another generation acts than the one that the order was for. */
      readonly superseded?: true;
      /** The new configuration acts all the same: something of it failed when there was no way back any more. */
      readonly acts?: true;
      readonly generation: number;
      readonly problems: readonly string[];
      /** With `acts`: what has changed, in phrases. */
      readonly changes?: readonly string[];
    };

export interface ReloadOrder {
  /** Who asks, for the log, which is told of the result too. Without it the caller tells. */
  readonly by?: string;
  /** Reload only while this generation acts: somebody else may have reloaded since the order was decided on. */
  readonly generation?: number;
}

/** What a reload would do. */
export type DryRunResult =
  | {
      readonly ok: true;
      readonly dry_run: true;
      /** Of what acts now. */
      readonly generation: number;
      readonly changed: boolean;
      readonly changes: readonly SettingChange[];
      /** Files named by settings (certificates, lists of users) that have another content now. */
      readonly changed_files: readonly string[];
      readonly warnings: readonly string[];
    }
  | {
      readonly ok: false;
      readonly dry_run: true;
      readonly generation: number;
      readonly problems: readonly string[];
    };

/** The supervisor as its other parts (probes, discovery, admin) see it. */
export interface SupervisorFacade {
  /** The snapshot that acts. */
  snapshot(): Snapshot;
  /** Another supervisor still serves that this one is about to relieve: addresses may be in use by it. */
  readonly takingOver: boolean;
  /** Real addresses of the listeners. */
  listeners(): readonly ListenerReport[];
  /** Publishes what has changed; keys that are equal already are left out. */
  publish(delta: SnapshotDelta): void;
  /**
   * Memory of `bytes` bytes, all zero, that every worker maps. To be filled before a document names it, and dropped when none
   * does any more: there is another one for each change. Throws SystemCallError.
   */
  share(bytes: number): SharedMemory;
  reload(order?: ReloadOrder): Promise<ReloadResult>;
  dryRun(): Promise<DryRunResult>;
  /** Every setting that acts with what set it, without secrets. */
  settings(): readonly SettingReport[];
  /** Tells the operator. */
  report(event: RunEvent): void;
  /** Counters of all living workers, by layout; those of dead ones went to the keeper. */
  counters(): Iterable<{ readonly layout: CounterLayout; readonly values: Float64Array }>;
  /**
   * What would become of a request in one of the workers, without a trace. Rejects with QuestionError, whose message is one
   * sentence, for what cannot be asked.
   */
  explain(question: GivenQuestion): Promise<Explanation>;
  /** What each worker answers to a question for its part; those that cannot are left out. */
  askWorkers(part: string, question: unknown): Promise<readonly unknown[]>;
  status(): Promise<SupervisorStatus>;
  vitals(): SupervisorVitals;
}

/** A part that lives in the supervisor beside the workers: probes, discovery, the admin API. */
export interface SupervisorPart {
  /**
   * A reload is about to bring `plan`: what the part knows of it already, or learns within a time that it limits itself,
   * stands in the snapshot from the start. The plan may still be refused; `reloaded` tells. What is thrown refuses it.
   */
  planComing?(plan: Plan): SnapshotDelta | Promise<SnapshotDelta>;
  /** A new plan acts from now on. Called once at the start too, before the first worker serves. */
  planChanged(plan: Plan): void | Promise<void>;
  /** The program serves, and whoever served before is relieved. */
  serving?(): void;
  /** A drain has begun: answer that we are not ready. */
  draining?(): void;
  /** Health, members or overrides have changed in the snapshot that acts. */
  published?(changes: SnapshotDelta): void;
  /** The plan of `planComing` was only tried: it does not come. */
  planDropped?(): void;
  /** A reload has ended, whatever its result. */
  reloaded?(result: ReloadResult): void;
  /** A worker has died and is replaced. */
  workerEnded?(): void;
  /** A worker tells `part` something, which may be another one. */
  told?(part: string, message: unknown): void;
  stop(): void | Promise<void>;
  /** What the part answers over the control socket, by the name of the command. */
  readonly commands?: Readonly<Record<string, ControlHandler>>;
  /** Address that the part serves on, for the ready line (admin). */
  readonly address?: string;
}

export interface RunParts {
  readonly load: LoadConfiguration;
  /** Loads for a dry run: the next `load` is as if it had not been. Without it `load` is used. */
  readonly preview?: LoadConfiguration;
  /**
   * What was loaded last acts as a whole: nothing has refused it. Resolves with what the operator should know of that, one
   * line each; must not throw.
   */
  readonly acts?: () => Promise<readonly string[]>;
  readonly createProgram: CreateProgram;
  readonly counters: CounterKeeper;
  /** Health and members that are known before the first probe (from `state_dir`). */
  readonly initial?: KnownState;
  /** Started in this order, stopped in the reverse one. */
  readonly parts?: readonly ((supervisor: SupervisorFacade) => SupervisorPart | Promise<SupervisorPart>)[];
  /** Calls `changed` after a file of the configuration may have changed. Returns the function that ends it. */
  readonly watch?: (changed: () => void) => () => void;
}
