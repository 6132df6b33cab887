/**
 * What runs in a worker. `src/run` brings snapshots, sockets, descriptors and signals to it and knows nothing of
 * requests; the composition root hands over an implementation that joins the planes.
 *
 * Order of calls: `prepare`, `apply` (or `discard`), then `openListener` for each socket; later the same in any mix;
 * `drain` at the end. Only `prepare` and `drain` take time; everything else acts before it returns.
 */
import type { AskedRequest, PlaneExplanation } from "./explain/answer.ts";
import type { ListenerPlan, Plan } from "./plan.ts";
import type { Snapshot, SnapshotDelta } from "./snapshot.ts";

/** Sizes of the shared memory that a plan needs. Two plans with equal keys share their regions. */
export interface CounterLayout {
  readonly key: string;
  /** Numbers per worker: metrics. */
  readonly counters: number;
  /** Numbers per worker: what counts against limits of the whole machine. */
  readonly limits: number;
}

/** Shared memory of one worker. It is new, and zero, when a plan with another layout key is prepared. */
export interface CounterRegions {
  /** Written by this worker alone, read by the supervisor. */
  readonly counters: Float64Array;
  /** One row of `layout.limits` numbers per worker, this one's at `limitRow`: write the own row, read the sum. */
  readonly limits: Float64Array;
  readonly limitRow: number;
  readonly limitRows: number;
}

/** How long connections may go on after a drain has begun, in milliseconds; 0 cuts them at once. */
export interface DrainDeadlines {
  readonly requestsMs: number;
  /** Connections that have no request wait for one so long: it may be on its way, and is answered as the last one. */
  readonly idleMs: number;
  readonly tunnelsMs: number;
}

/** `idleMs` where the addresses are served by another process from now on: patience costs nobody anything. */
export const RELIEVED_IDLE_MS = 5_000;
/** `idleMs` where the program ends, and somebody waits for that. */
export const ENDING_IDLE_MS = 1_000;

export interface WorkerProgram {
  /**
   * Builds everything that `snapshot` needs beside what runs, and changes nothing of that. An iterator is run in slices
   * of at most 1 ms with the event loop in between, so each step must be short. Throws when the plan cannot be built
   * (a certificate that is no certificate); the message is for the operator.
   */
  prepare(snapshot: Snapshot, regions: CounterRegions): Iterator<void> | Promise<void> | void;
  /**
   * Puts what was prepared in the place of what runs, between two requests. Listeners whose address the new plan lacks
   * have been closed before; connections that came by them drain.
   */
  apply(): void;
  /** Forgets what was prepared. */
  discard(): void;
  /**
   * Starts to accept on `fd`, which belongs to the program from now on. `key` names the address (`listenerKey`) and
   * `slot` one of its sockets: a program may get several slots of a listener. The listener is one of the applied plan,
   * and keeps its slots when a later plan gives it other settings.
   */
  openListener(key: string, listener: ListenerPlan, slot: number, fd: number): void;
  /** Stops to accept on a slot and closes its descriptor. Accepted connections go on. */
  closeListener(key: string, slot: number): void;
  /** Writes the log `name` to `fd` from now on and closes the one it had. */
  openLog(name: string, fd: number): void;
  /**
   * Memory that the supervisor has filled, which documents name; null = no document names it any more. It comes before the
   * documents, and lives for as long as something refers to it. A program that knows no such documents leaves it out.
   */
  shared?(name: string, bytes: Uint8Array<ArrayBuffer> | null): void;
  /** Takes over health and members that have changed, for what acts and for what is prepared. */
  delta(delta: SnapshotDelta): void;
  /**
   * Begins to drain: readiness answers 503 at once, idle connections end, others are told to (`Connection: close`) and
   * are cut at the deadlines. New connections may still come until their listeners are closed. Resolves when no
   * connection and no listener is left. A second call may bring the deadlines forward.
   */
  drain(deadlines: DrainDeadlines): Promise<void>;
  /** What the regions of the applied plan mean: for a supervisor that comes after ours. Plain JSON. */
  layout(): CounterLayout;
  /**
   * What would become of a request, without a trace: nothing is sent, counted, logged or moved. Run in slices like
   * `prepare`. Throws when the applied plan has no such listener.
   */
  explain(request: AskedRequest): Iterator<void, PlaneExplanation>;
  /**
   * Answers a question that a part of the supervisor has for its other half in the workers, `part`; plain JSON, null where
   * there is no such part here.
   */
  answer?(part: string, question: unknown): unknown;
  /** Figures for `fairlead status`; plain JSON. */
  stats(): Readonly<Record<string, number>>;
}

/** What a program is told once, at its start. */
export interface WorkerIdentity {
  /** 0 to workers - 1. */
  readonly index: number;
  /** Everything runs in one process (`workers: 0`). */
  readonly inProcess: boolean;
}

/**
 * Tells the part of the supervisor whose other half the worker has; plain JSON. Not for every request: what has come together
 * in a second or so. Lost where the supervisor is gone.
 */
export type TellPart = (part: string, message: unknown) => void;

/**
 * `warn` tells the operator in one sentence what only the worker knows: a fault, a log that cannot be written. It may be
 * called as often as that happens.
 */
export type CreateProgram = (
  identity: WorkerIdentity,
  warn: (text: string) => void,
  tell: TellPart,
) => WorkerProgram | Promise<WorkerProgram>;

/** Keeps counters over the lives of workers: implemented by the metrics part. */
export interface CounterKeeper {
  layout(plan: Plan): CounterLayout;
  /**
   * Values of a worker that is gone, or of a layout that it has left: what only grows belongs to the totals. Requests
   * that began under the layout still write there when they end.
   */
  retire(layout: CounterLayout, values: Float64Array): void;
  /** What has been kept so far, as plain JSON: for a supervisor that comes after ours. */
  totals(): object;
  /** Goes on from the totals of the supervisor before. Throws TypeError for what is no such thing. */
  adopt(totals: object): void;
}
