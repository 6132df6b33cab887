/**
 * What a process that serves gives to the one that relieves it, over a control socket: first descriptors, then one line.
 * A worker without a supervisor gives what it has itself, a supervisor what it and its workers have.
 */
import type { CounterLayout } from "../core/worker_program.ts";

/** Asks for everything; the predecessor goes on as before until it is relieved. */
export const HAND_OVER = "hand_over";
/** Says that the successor serves: the predecessor accepts no more, finishes what it has, and ends. */
export const RELIEVE = "relieve";
/** Says that the successor ends without having served. */
export const REFUSE = "refuse";

export type HandOverRequest =
  | { readonly command: typeof HAND_OVER }
  | {
      readonly command: typeof RELIEVE;
      /** Addresses, as `listenerKey` names them, on whose sockets the successor accepts. */
      readonly held: readonly string[];
    }
  | { readonly command: typeof REFUSE; readonly problems: readonly string[] };

/** A socket that the predecessor accepts on. */
export interface HandedSocket {
  /** `listenerKey` of its address. */
  readonly key: string;
}

/** Counters that a worker writes to. */
export interface HandedRegion {
  /** The worker's. */
  readonly pid: number;
  readonly layout: CounterLayout;
}

/** Where workers count against limits of the whole machine. */
export interface HandedLimits {
  /** Key of the layout of the rows. */
  readonly key: string;
  readonly rows: number;
  /** Size of the region. */
  readonly numbers: number;
}

/** The answer to `HAND_OVER`. Its descriptors are the sockets, then the regions, then the limits, in these orders. */
export interface HandedOver {
  readonly ok: true;
  readonly version: string;
  readonly pid: number;
  /** A worker that has a supervisor, which sees to its end and to its sockets: it gives its counters alone. */
  readonly supervised: boolean;
  /** Of the snapshot that acts. */
  readonly generation: number;
  readonly sockets: readonly HandedSocket[];
  readonly regions: readonly HandedRegion[];
  readonly limits: readonly HandedLimits[];
}
