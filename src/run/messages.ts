/**
 * What supervisor and worker say to each other over the IPC channel (JSON). Every order gets exactly one reply with its
 * id; descriptors that belong to an order are already in the descriptor channel when it arrives.
 */
import type { AskedRequest } from "../core/explain/answer.ts";
import type { ListenerPlan } from "../core/plan.ts";
import type { SnapshotDelta } from "../core/snapshot.ts";
import type { DrainDeadlines } from "../core/worker_program.ts";

/** Descriptor of the channel for descriptors in a worker. */
export const DESCRIPTOR_CHANNEL = 3;

/** Shared memory that comes with a snapshot: two descriptors, counters then limits. */
export interface RegionSizes {
  readonly counters: number;
  readonly limits: number;
  readonly limitRow: number;
  readonly limitRows: number;
}

export type Order =
  | {
      readonly type: "start";
      readonly index: number;
      readonly user: string | null;
      readonly group: string | null;
    }
  /** Ends a sequence of parts. `regions` null = those of the applied snapshot go on. */
  | { readonly type: "prepare"; readonly regions: RegionSizes | null }
  | { readonly type: "apply" }
  | { readonly type: "discard" }
  | {
      readonly type: "open_listener";
      readonly key: string;
      readonly listener: ListenerPlan;
      readonly slot: number;
    }
  | { readonly type: "close_listener"; readonly key: string; readonly slot: number }
  /** Memory that documents name: brings its descriptor. */
  | { readonly type: "share"; readonly name: string }
  | { readonly type: "unshare"; readonly name: string }
  | { readonly type: "open_log"; readonly name: string }
  /** Brings the listening socket by which a later supervisor finds the worker, in the place of the one before. */
  | { readonly type: "meet_successors" }
  | { readonly type: "drain"; readonly deadlines: DrainDeadlines }
  | { readonly type: "explain"; readonly request: AskedRequest }
  | { readonly type: "ask"; readonly part: string; readonly question: unknown }
  | { readonly type: "stats" };

/** Told without a reply. */
export type Notice =
  /** A `SnapshotPart` as JSON: it was made once for all workers. */
  | { readonly type: "part"; readonly part: string }
  | { readonly type: "delta"; readonly delta: SnapshotDelta };

export type ToWorker = Notice | (Order & { readonly id: number; readonly descriptors: number });

export type ToSupervisor =
  /** The first one. */
  // Messages are understood only between a supervisor and workers of one version.
  | { readonly type: "up"; readonly version: string }
  /** The worker was asked to end (SIGTERM): replace it, then drain it. */
  | { readonly type: "leaving" }
  /** For a part of the supervisor. */
  | { readonly type: "told"; readonly part: string; readonly message: unknown }
  /** For the operator. */
  | { readonly type: "warning"; readonly text: string }
  | { readonly type: "reply"; readonly id: number; readonly error: string | null; readonly value?: unknown };
