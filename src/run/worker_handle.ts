/** A worker as the supervisor sees it, whether it is a process of its own or not. */
import type { AskedRequest, PlaneExplanation } from "../core/explain/answer.ts";
import type { ListenerPlan } from "../core/plan.ts";
import type { Snapshot, SnapshotDelta } from "../core/snapshot.ts";
import type { DrainDeadlines, TellPart } from "../core/worker_program.ts";
import type { SharedBytes } from "../platform/shared_memory.ts";
import type { WorkerRegions } from "./counter_regions.ts";

/** How a worker ended, in words for the log: `signal SIGKILL`, `exit code 1`. */
export type ExitText = string;

export interface WorkerHandle {
  readonly index: number;
  /** Pid of the process it runs in. */
  readonly pid: number;
  /** Resolves when the worker is gone, however that came. */
  readonly exited: Promise<ExitText>;
  /** Called at most once, when the worker wants to be replaced. */
  onLeaving: (() => void) | null;
  /** Called with each sentence that the worker has for the operator. */
  onWarning: ((text: string) => void) | null;
  /** Called with what a part in the worker has for its other half. */
  onTold: TellPart | null;

  /** Waits until the worker takes orders and tells it who it is. */
  start(user: string | null, group: string | null): Promise<void>;
  /** `regions` null = those it has go on. Rejects with the program's words when the plan cannot be built. */
  prepare(snapshot: Snapshot, regions: WorkerRegions | null): Promise<void>;
  apply(): Promise<void>;
  discard(): Promise<void>;
  /** The worker gets its own copy of `fd`. */
  openListener(key: string, listener: ListenerPlan, slot: number, fd: number): Promise<void>;
  closeListener(key: string, slot: number): Promise<void>;
  /** The worker gets its own copy of `fd`. */
  openLog(name: string, fd: number): Promise<void>;
  /** Memory that documents of later snapshots and deltas name. The worker gets its own copy of the descriptor. */
  share(name: string, memory: SharedBytes): Promise<void>;
  unshare(name: string): Promise<void>;
  delta(delta: SnapshotDelta): void;
  /** Resolves when no connection is left; then the worker ends by itself. */
  drain(deadlines: DrainDeadlines): Promise<void>;
  /** See WorkerProgram. Rejects with the program's words. */
  explain(request: AskedRequest): Promise<PlaneExplanation>;
  ask(part: string, question: unknown): Promise<unknown>;
  stats(): Promise<Readonly<Record<string, number>>>;
  /** Ends the worker at once. */
  kill(): void;
}

/** Makes the worker for a slot. */
export type LaunchWorker = (index: number) => WorkerHandle;
