/** What the access log needs of a request that has ended. A plane hands over its own exchange: nothing is built for it. */
import type { ErrorCode } from "../core/errors.ts";
import type { Piece } from "./line_bytes.ts";

/** Positions kept per field in `LoggedHead.positions`: start and end of the name, start and end of the value. */
export const POSITIONS_PER_FIELD = 4;

/** A request head as it came from the wire. `Head` of `net` is one. */
export interface LoggedHead {
  readonly bytes: Uint8Array;
  /** Number of fields. */
  readonly count: number;
  readonly positions: Int32Array;
}

/** An application that decided where a client goes. */
export interface LoggedDecider {
  readonly name: string;
  /** Of its model. */
  readonly version: number;
}

/** Where a client was sent, and by what; null = that does not apply. */
export interface LoggedDecision {
  readonly type: string;
  readonly rule: string | null;
  readonly url_rules: readonly string[];
  readonly stack: string | null;
  readonly flavor: string | null;
  readonly is_fallback: boolean;
  /** Of a decision that comes again: its part of a line is kept here. */
  readonly kept?: KeptText;
}

/** What the log writes of a decision of one decider. */
export class KeptText {
  json: Piece | null = null;
}

export interface AccessRecord {
  /** The head of the request; without fields where none could be read. */
  readonly request: LoggedHead;
  /** Positions in `request.bytes`; equal ones stand for an absent value. */
  readonly methodFrom: number;
  readonly methodTo: number;
  /** The target as the client sent it. */
  readonly targetFrom: number;
  readonly targetTo: number;
  /** Host field or authority as the client sent it. */
  readonly hostFrom: number;
  readonly hostTo: number;
  /** Request id, in bytes of its own or in those of the head. */
  readonly idBytes: Uint8Array;
  readonly idFrom: number;
  readonly idTo: number;
  /** `address` "" for a unix socket. */
  readonly client: { readonly address: string };
  /** `1.0`, `1.1`, `2` or `3`. */
  readonly protocol: string;
  /** `1.2`, `1.3`, or "" for a connection without TLS. */
  readonly tlsVersion: string;
  /** Status of the final answer, or of the error where none could be sent. */
  readonly status: number;
  /** Head and body from the client; of a tunnel all bytes. */
  readonly bytesIn: number;
  /** Head and body to the client; of a tunnel all bytes. */
  readonly bytesOut: number;
  /** When the request's first byte came, on the monotonic clock, in milliseconds. */
  readonly startedMs: number;
  /** Time in the pool's queue, in milliseconds. */
  readonly queueMs: number;
  /** Time until connections were there, in milliseconds; 0 for those that were kept alive. */
  readonly connectMs: number;
  /** Time from a connection being there to the first byte of an answer, in milliseconds. */
  readonly firstByteMs: number;
  /** Names; "" for a request that got to none. */
  readonly routeName: string;
  readonly poolName: string;
  readonly backendId: string;
  /** Attempts after the first. */
  readonly retries: number;
  /** Why it ended other than normally, or "". */
  readonly reason: ErrorCode | "";
  /** Name of the authenticated user, or "". */
  readonly user: string;
  /** Of a request that asked where to go: who decided, null = nobody; and what, or the code of a refusal. */
  readonly decider: LoggedDecider | null;
  readonly decision: LoggedDecision | string | null;
  /** Queries hold what clients say of themselves: they are left out, and more fields than usual are secret. */
  readonly isPrivate: boolean;
}

/** Position of the first question mark in `bytes[from..to)`, or `to`. */
export function queryStart(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && bytes[at] !== QUESTION) at++;
  return at;
}

const QUESTION = 63;

/** Position of the next field called `name` (lower-case ASCII) from `from` on, or -1. Also finds fields that are not sent on. */
export function findField(head: LoggedHead, name: Uint8Array, from: number): number {
  const { bytes, positions, count } = head;
  const length = name.length;
  next: for (let index = from; index < count; index++) {
    const at = index * POSITIONS_PER_FIELD;
    const start = positions[at]!;
    if (positions[at + 1]! - start !== length) continue;
    for (let k = 0; k < length; k++) {
      const byte = bytes[start + k]!;
      if ((byte >= 65 && byte <= 90 ? byte | 32 : byte) !== name[k]) continue next;
    }
    return index;
  }
  return -1;
}
