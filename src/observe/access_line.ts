/** What the formats of the access log share: the time of day, the parts of a duration, limits of values. */
import type { AccessLogPlan } from "../core/plan.ts";
import type { AccessRecord } from "./access_record.ts";
import { type LineOutput, type Piece, piece, putPiece, putThreeDigits } from "./line_bytes.ts";
import { SecretParameters } from "./log_redaction.ts";

/** No line is longer, whatever a request holds. */
export const LONGEST_LINE_BYTES = 64 * 1024;

/** Most bytes of each value in a line, escapes included. Their sum, and the keys, fit into the longest line. */
export const VALUE_LIMITS = {
  id: 512,
  address: 128,
  method: 128,
  host: 1_536,
  target: 24 * 1024,
  name: 1_024,
  user: 768,
  url: 4_096,
  /** Each name in a decision, and all URL rules together. */
  decision_name: 384,
  url_rules: 512,
  field: 4_096,
  /** All configured fields together. */
  fields: 22 * 1024,
} as const;

/** Writes lines of one format. Makes no objects and keeps nothing of a record. */
export interface LineFormat {
  /**
   * Writes a line with its line feed at `at` and returns the position after it: at most LONGEST_LINE_BYTES later.
   * `wallMs` is the time of day, `durationMs` the time since the record's start. `chosen`: the line was chosen by the
   * plan's share, and stands for those that were not.
   */
  write(
    out: LineOutput,
    at: number,
    record: AccessRecord,
    wallMs: number,
    durationMs: number,
    chosen: boolean,
  ): number;
}

/** A configured field, prepared. */
export interface LoggedField {
  readonly name: Uint8Array;
  readonly text: string;
  readonly secret: boolean;
  /** Secret in private requests, whatever the plan says. */
  readonly secretWherePrivate: boolean;
}

/** Names of fields that carry what gives access. */
const GIVES_ACCESS = /token|secret|password|auth|cookie|api-?key/;

export function loggedField(plan: AccessLogPlan, text: string): LoggedField {
  return {
    name: new TextEncoder().encode(text),
    text,
    secret: plan.redact.includes(text),
    secretWherePrivate: GIVES_ACCESS.test(text),
  };
}

export function loggedFields(plan: AccessLogPlan): readonly LoggedField[] {
  return plan.headers.map((text) => loggedField(plan, text));
}

export function secretParameters(plan: AccessLogPlan): SecretParameters {
  return new SecretParameters(plan.redact_query);
}

/** The text of a second of the day is made once; milliseconds are put behind it. */
export class SecondPrefix {
  readonly #make: (second: Date) => string;
  #secondMs = NaN;
  #text: Piece = piece("");

  /** `make` turns a whole second into the text that begins a line. */
  constructor(make: (second: Date) => string) {
    this.#make = make;
  }

  put(out: LineOutput, at: number, wallMs: number): number {
    const rest = wallMs - this.#secondMs;
    // Also true at the first line (NaN) and after the clock was set back.
    if (!(rest >= 0 && rest < 1000)) this.#begin(wallMs);
    return putPiece(out, at, this.#text);
  }

  /** Milliseconds within the second of the last `put`. */
  putMilliseconds(out: Uint8Array, at: number, wallMs: number): number {
    return putThreeDigits(out, at, (wallMs - this.#secondMs) | 0);
  }

  #begin(wallMs: number): void {
    this.#secondMs = Math.floor(wallMs / 1000) * 1000;
    this.#text = piece(this.#make(new Date(this.#secondMs)));
  }
}

/**
 * A duration and its parts in whole microseconds. The parts never exceed the total; `other` is what is left, so that
 * they always add up: reading the request, steps, and sending the answer.
 */
export class Phases {
  total = 0;
  queue = 0;
  connect = 0;
  firstByte = 0;
  other = 0;

  set(record: AccessRecord, durationMs: number): void {
    let left = microseconds(durationMs);
    this.total = left;
    left -= this.queue = Math.min(left, microseconds(record.queueMs));
    left -= this.connect = Math.min(left, microseconds(record.connectMs));
    left -= this.firstByte = Math.min(left, microseconds(record.firstByteMs));
    this.other = left;
  }
}

/** Rounded, with integer arithmetic for what is shorter than half an hour. */
function microseconds(milliseconds: number): number {
  const value = milliseconds * 1000 + 0.5;
  if (value >= 1 && value < 0x7fffffff) return value | 0;
  return value >= 1 ? Math.floor(value) : 0;
}
