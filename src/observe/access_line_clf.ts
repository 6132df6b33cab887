/**
 * The access log in the combined log format of Apache and nginx (client, user, time, request line, status, bytes,
 * referrer, user agent), with route, backend, reason, duration, request id and the configured fields behind it.
 * Values are escaped as nginx does it (`\xHH`), so that a quoted field never holds a quote.
 */
import type { AccessLogPlan } from "../core/plan.ts";
import {
  type LineFormat,
  loggedField,
  loggedFields,
  type LoggedField,
  SecondPrefix,
  secretParameters,
  VALUE_LIMITS,
} from "./access_line.ts";
import { putDecisionColumn } from "./access_decision.ts";
import { type AccessRecord, findField, POSITIONS_PER_FIELD, queryStart } from "./access_record.ts";
import {
  type LineOutput,
  type Piece,
  piece,
  putInteger,
  putMilliseconds,
  putPiece,
  putQuoted,
  putWord,
} from "./line_bytes.ts";
import { putUrl, REDACTED, type SecretParameters } from "./log_redaction.ts";

const SPACE = 32;
const QUOTE = 34;
const DASH = 45;
const SLASH = 47;
const MAX_EMPTY_COLUMNS_BYTES = 1_024;
const NO_IDENTITY = piece(" - ");
const AFTER_USER = piece(" ");
const PROTOCOL = piece(" HTTP/");
const REDACTED_BYTES = piece(REDACTED);

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;
const two = (value: number): string => `${value}`.padStart(2, "0");

/** `[10/Oct/2000:13:55:36 +0000] "` */
function timeText(second: Date): string {
  const day = `${two(second.getUTCDate())}/${MONTHS[second.getUTCMonth()]}/${second.getUTCFullYear()}`;
  const time = `${two(second.getUTCHours())}:${two(second.getUTCMinutes())}:${two(second.getUTCSeconds())}`;
  return `[${day}:${time} +0000] "`;
}

export class ClfLineFormat implements LineFormat {
  readonly #time = new SecondPrefix(timeText);
  readonly #secrets: SecretParameters;
  readonly #referrer: LoggedField;
  readonly #userAgent: LoggedField;
  readonly #fields: readonly LoggedField[];
  /** What ends a line: of one that was chosen by the share, and of every other. */
  readonly #endOfChosen: Piece;
  readonly #end: Piece;

  constructor(plan: AccessLogPlan) {
    this.#secrets = secretParameters(plan);
    this.#referrer = loggedField(plan, "referer");
    this.#userAgent = loggedField(plan, "user-agent");
    this.#fields = loggedFields(plan);
    this.#end = piece(plan.sample === null ? "\n" : " 1\n");
    this.#endOfChosen = piece(plan.sample === null ? "\n" : ` ${plan.sample.share}\n`);
  }

  write(
    out: LineOutput,
    at: number,
    record: AccessRecord,
    wallMs: number,
    durationMs: number,
    chosen: boolean,
  ): number {
    at = putName(out, at, record.client.address);
    at = putPiece(out, at, NO_IDENTITY);
    at = putName(out, at, record.user);
    at = putPiece(out, at, AFTER_USER);
    at = this.#time.put(out, at, wallMs);
    at = this.#putRequestLine(out, at, record);
    at = putInteger(out.bytes, at, record.status);
    out.bytes[at++] = SPACE;
    at = putInteger(out.bytes, at, record.bytesOut);
    at = this.#putField(out, at, at + VALUE_LIMITS.url, record, this.#referrer);
    at = this.#putField(out, at, at + VALUE_LIMITS.field, record, this.#userAgent);
    at = putOurs(out, at, record, durationMs);
    const end = at + VALUE_LIMITS.fields;
    for (const field of this.#fields) {
      // A column stays in its place, so a field beyond the common limit is shown as absent; hundreds of them are not.
      if (at > end + MAX_EMPTY_COLUMNS_BYTES) break;
      at = this.#putField(out, at, Math.min(at + VALUE_LIMITS.field, end), record, field);
    }
    if (record.decision !== null) at = putDecisionColumn(out, at, record.decider, record.decision);
    return putPiece(out, at, chosen ? this.#endOfChosen : this.#end);
  }

  #putRequestLine(out: LineOutput, at: number, record: AccessRecord): number {
    const { methodFrom, methodTo, targetFrom } = record;
    const { bytes } = record.request;
    const targetTo = record.isPrivate ? queryStart(bytes, targetFrom, record.targetTo) : record.targetTo;
    if (methodFrom === methodTo) {
      out.bytes[at++] = DASH;
    } else {
      at = putQuoted(out.bytes, at, at + VALUE_LIMITS.method, bytes, methodFrom, methodTo);
      out.bytes[at++] = SPACE;
      at = putUrl(
        out.bytes,
        at,
        at + VALUE_LIMITS.target,
        bytes,
        targetFrom,
        targetTo,
        this.#secrets,
        putQuoted,
      );
      at = putPiece(out, at, PROTOCOL);
      at = putWord(out.bytes, at, at + VALUE_LIMITS.address, record.protocol);
    }
    out.bytes[at++] = QUOTE;
    out.bytes[at++] = SPACE;
    return at;
  }

  /** A space and the first value of a field in quotes; "-" where there is none. */
  #putField(out: LineOutput, at: number, limit: number, record: AccessRecord, field: LoggedField): number {
    const { request } = record;
    const index = findField(request, field.name, 0);
    out.bytes[at++] = SPACE;
    out.bytes[at++] = QUOTE;
    if (index < 0 || at + 64 > limit) {
      out.bytes[at++] = DASH;
    } else if (field.secret || (record.isPrivate && field.secretWherePrivate)) {
      at = putPiece(out, at, REDACTED_BYTES);
    } else {
      const from = request.positions[index * POSITIONS_PER_FIELD + 2]!;
      const end = request.positions[index * POSITIONS_PER_FIELD + 3]!;
      const to = record.isPrivate ? queryStart(request.bytes, from, end) : end;
      at =
        field.text === "referer"
          ? putUrl(out.bytes, at, limit, request.bytes, from, to, this.#secrets, putQuoted)
          : putQuoted(out.bytes, at, limit, request.bytes, from, to);
    }
    out.bytes[at++] = QUOTE;
    return at;
  }
}

/** ` "route" "pool/backend" reason 12.345 id`; `-` stands for none. */
function putOurs(out: LineOutput, at: number, record: AccessRecord, durationMs: number): number {
  out.bytes[at++] = SPACE;
  out.bytes[at++] = QUOTE;
  at = putName(out, at, record.routeName);
  out.bytes[at++] = QUOTE;
  out.bytes[at++] = SPACE;
  out.bytes[at++] = QUOTE;
  at = putName(out, at, record.poolName);
  if (record.backendId !== "") {
    out.bytes[at++] = SLASH;
    at = putName(out, at, record.backendId);
  }
  out.bytes[at++] = QUOTE;
  out.bytes[at++] = SPACE;
  at = putName(out, at, record.reason);
  out.bytes[at++] = SPACE;
  at = putMilliseconds(out.bytes, at, durationMs > 0 ? Math.round(durationMs * 1000) : 0);
  out.bytes[at++] = SPACE;
  out.bytes[at++] = QUOTE;
  at = putQuoted(out.bytes, at, at + VALUE_LIMITS.id, record.idBytes, record.idFrom, record.idTo);
  out.bytes[at++] = QUOTE;
  return at;
}

function putName(out: LineOutput, at: number, name: string): number {
  if (name !== "") return putWord(out.bytes, at, at + VALUE_LIMITS.name, name);
  out.bytes[at] = DASH;
  return at + 1;
}
