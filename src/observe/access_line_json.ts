/** The access log as JSON, one object per line. Benchmark: bench/access_log.ts (Bun 1.4.5). */
import type { AccessLogPlan } from "../core/plan.ts";
import {
  type LineFormat,
  loggedFields,
  type LoggedField,
  Phases,
  SecondPrefix,
  secretParameters,
  VALUE_LIMITS,
} from "./access_line.ts";
import { putDecisionJson } from "./access_decision.ts";
import { type AccessRecord, findField, POSITIONS_PER_FIELD, queryStart } from "./access_record.ts";
import {
  type LineOutput,
  type Piece,
  piece,
  putInteger,
  putJson,
  putJsonText,
  putMilliseconds,
  putPiece,
} from "./line_bytes.ts";
import { putUrl, REDACTED, type SecretParameters } from "./log_redaction.ts";

const ID = piece('Z","id":"');
const CLIENT = piece('","client":"');
const METHOD = piece('","method":"');
const HOST = piece('","host":"');
const PATH = piece('","path":"');
const PROTOCOL = piece('","protocol":"HTTP/');
const STATUS = piece('","status":');
const BYTES_IN = piece(',"bytes_in":');
const BYTES_OUT = piece(',"bytes_out":');
const DURATION = piece(',"duration_ms":');
const QUEUE = piece(',"queue_ms":');
const CONNECT = piece(',"connect_ms":');
const FIRST_BYTE = piece(',"first_byte_ms":');
const OTHER = piece(',"other_ms":');
const ROUTE = piece(',"route":"');
const POOL = piece('","pool":"');
const BACKEND = piece('","backend":"');
const RETRIES = piece('","retries":');
const REASON = piece(',"reason":"');
const USER = piece('","user":"');
const TLS = piece('","tls":"');
const USER_AGENT = piece('","user_agent":"');
const HEADERS = piece('","headers":{');
const SEPARATOR = piece(", ");
const REDACTED_VALUE = piece(`${REDACTED}"`);
const USER_AGENT_NAME = new TextEncoder().encode("user-agent");
const REFERER = "referer";
const QUOTE = 34;
const COMMA = 44;

interface JsonField extends LoggedField {
  /** `"name":"` */
  readonly key: Piece;
}

export class JsonLineFormat implements LineFormat {
  readonly #time = new SecondPrefix((second) => `{"time":"${second.toISOString().slice(0, 20)}`);
  readonly #phases = new Phases();
  readonly #names = new KeptNames();
  readonly #secrets: SecretParameters;
  readonly #fields: readonly JsonField[];
  readonly #secretUserAgent: boolean;
  /** What ends a line: of one that was chosen by the share, and of every other. */
  readonly #endOfChosen: Piece;
  readonly #end: Piece;
  /** The same in two parts, for what stands between them. */
  readonly #closing: Piece;
  readonly #ends: readonly [chosen: Piece, other: Piece];

  constructor(plan: AccessLogPlan) {
    this.#secrets = secretParameters(plan);
    this.#fields = loggedFields(plan).map((field) => ({
      ...field,
      key: piece(`${JSON.stringify(field.text)}:"`),
    }));
    this.#secretUserAgent = plan.redact.includes("user-agent");
    const before = plan.headers.length === 0 ? '"' : "}";
    const sample = (share: number) => (plan.sample === null ? "" : `,"sample":${share}`);
    this.#end = piece(`${before}${sample(1)}}\n`);
    this.#endOfChosen = piece(`${before}${sample(plan.sample?.share ?? 1)}}\n`);
    this.#closing = piece(before);
    this.#ends = [piece(`${sample(plan.sample?.share ?? 1)}}\n`), piece(`${sample(1)}}\n`)];
  }

  write(
    out: LineOutput,
    at: number,
    record: AccessRecord,
    wallMs: number,
    durationMs: number,
    chosen: boolean,
  ): number {
    const { bytes } = record.request;
    at = this.#time.put(out, at, wallMs);
    at = this.#time.putMilliseconds(out.bytes, at, wallMs);
    at = putPiece(out, at, ID);
    at = putJson(out.bytes, at, at + VALUE_LIMITS.id, record.idBytes, record.idFrom, record.idTo);
    at = putPiece(out, at, CLIENT);
    at = putJsonText(out.bytes, at, at + VALUE_LIMITS.address, record.client.address);
    at = putPiece(out, at, METHOD);
    at = putJson(out.bytes, at, at + VALUE_LIMITS.method, bytes, record.methodFrom, record.methodTo);
    at = putPiece(out, at, HOST);
    at = putJson(out.bytes, at, at + VALUE_LIMITS.host, bytes, record.hostFrom, record.hostTo);
    at = putPiece(out, at, PATH);
    const { targetFrom, decision } = record;
    const targetTo = record.isPrivate ? queryStart(bytes, targetFrom, record.targetTo) : record.targetTo;
    at = putUrl(out.bytes, at, at + VALUE_LIMITS.target, bytes, targetFrom, targetTo, this.#secrets, putJson);
    at = putPiece(out, at, PROTOCOL);
    at = putJsonText(out.bytes, at, at + VALUE_LIMITS.address, record.protocol);
    at = this.#putNumbers(out, at, record, durationMs);
    at = this.#names.put(out, at, record);
    at = this.#putUserAgent(out, at, record);
    if (this.#fields.length > 0) at = this.#putFields(out, putPiece(out, at, HEADERS), record);
    if (decision === null) return putPiece(out, at, chosen ? this.#endOfChosen : this.#end);
    at = putDecisionJson(out, putPiece(out, at, this.#closing), record.decider, decision);
    return putPiece(out, at, this.#ends[chosen ? 0 : 1]);
  }

  #putNumbers(out: LineOutput, at: number, record: AccessRecord, durationMs: number): number {
    const phases = this.#phases;
    phases.set(record, durationMs);
    at = putInteger(out.bytes, putPiece(out, at, STATUS), record.status);
    at = putInteger(out.bytes, putPiece(out, at, BYTES_IN), record.bytesIn);
    at = putInteger(out.bytes, putPiece(out, at, BYTES_OUT), record.bytesOut);
    at = putMilliseconds(out.bytes, putPiece(out, at, DURATION), phases.total);
    at = putMilliseconds(out.bytes, putPiece(out, at, QUEUE), phases.queue);
    at = putMilliseconds(out.bytes, putPiece(out, at, CONNECT), phases.connect);
    at = putMilliseconds(out.bytes, putPiece(out, at, FIRST_BYTE), phases.firstByte);
    return putMilliseconds(out.bytes, putPiece(out, at, OTHER), phases.other);
  }

  #putUserAgent(out: LineOutput, at: number, record: AccessRecord): number {
    const { request } = record;
    const index = findField(request, USER_AGENT_NAME, 0);
    if (index < 0) return putPiece(out, at, USER_AGENT);
    at = putPiece(out, at, USER_AGENT);
    if (this.#secretUserAgent) return putPiece(out, at, REDACTED_VALUE) - 1;
    const position = index * POSITIONS_PER_FIELD;
    const { bytes, positions } = request;
    return putJson(
      out.bytes,
      at,
      at + VALUE_LIMITS.field,
      bytes,
      positions[position + 2]!,
      positions[position + 3]!,
    );
  }

  /** The configured fields that the request has, until their common limit is reached. */
  #putFields(out: LineOutput, at: number, record: AccessRecord): number {
    const end = at + VALUE_LIMITS.fields;
    let first = true;
    for (const field of this.#fields) {
      const index = findField(record.request, field.name, 0);
      if (index < 0 || at + field.key.length + 64 > end) continue;
      if (!first) out.bytes[at++] = COMMA;
      first = false;
      at = putPiece(out, at, field.key);
      at =
        field.secret || (record.isPrivate && field.secretWherePrivate)
          ? putPiece(out, at, REDACTED_VALUE)
          : this.#putValues(out, at, Math.min(end, at + VALUE_LIMITS.field), record, field, index);
    }
    return at;
  }

  /** All values of a field, with `, ` between them (RFC 9110 5.3), and the closing quote. */
  #putValues(
    out: LineOutput,
    at: number,
    limit: number,
    record: AccessRecord,
    field: JsonField,
    index: number,
  ): number {
    const { bytes, positions } = record.request;
    let first = true;
    for (; index >= 0 && at < limit; index = findField(record.request, field.name, index + 1)) {
      if (!first) at = putPiece(out, at, SEPARATOR);
      first = false;
      const from = positions[index * POSITIONS_PER_FIELD + 2]!;
      const end = positions[index * POSITIONS_PER_FIELD + 3]!;
      const to = record.isPrivate ? queryStart(bytes, from, end) : end;
      at =
        field.text === REFERER
          ? putUrl(out.bytes, at, limit, bytes, from, to, this.#secrets, putJson)
          : putJson(out.bytes, at, limit, bytes, from, to);
    }
    out.bytes[at] = QUOTE;
    return at + 1;
  }
}

function putNames(out: LineOutput, at: number, record: AccessRecord): number {
  at = putName(out, putPiece(out, at, ROUTE), record.routeName);
  at = putName(out, putPiece(out, at, POOL), record.poolName);
  at = putName(out, putPiece(out, at, BACKEND), record.backendId);
  at = putInteger(out.bytes, putPiece(out, at, RETRIES), record.retries);
  at = putName(out, putPiece(out, at, REASON), record.reason);
  at = putPiece(out, at, USER);
  at = putJsonText(out.bytes, at, at + VALUE_LIMITS.user, record.user);
  return putName(out, putPiece(out, at, TLS), record.tlsVersion);
}

/** Lines with the same names before what is written of them is kept. */
const ALIKE_LINES = 16;

/** The names of the line before: where nearly all lines have the same, they are written once. */
class KeptNames {
  #route = "";
  #pool = "";
  #backend = "";
  #reason = "";
  #tls = "";
  #alike = 0;
  #text: Piece | null = null;

  put(out: LineOutput, at: number, record: AccessRecord): number {
    // Users are many, and nobody wants them kept.
    if (record.retries !== 0 || record.user !== "") return putNames(out, at, record);
    if (!this.#isAsBefore(record)) {
      this.#begin(record);
      return putNames(out, at, record);
    }
    if (this.#text !== null) return putPiece(out, at, this.#text);
    const end = putNames(out, at, record);
    if (++this.#alike === ALIKE_LINES)
      this.#text = piece(Buffer.from(out.bytes.buffer, at, end - at).latin1Slice());
    return end;
  }

  #isAsBefore({ routeName, poolName, backendId, reason, tlsVersion }: AccessRecord): boolean {
    return (
      routeName === this.#route &&
      poolName === this.#pool &&
      backendId === this.#backend &&
      reason === this.#reason &&
      tlsVersion === this.#tls
    );
  }

  #begin({ routeName, poolName, backendId, reason, tlsVersion }: AccessRecord): void {
    this.#route = routeName;
    this.#pool = poolName;
    this.#backend = backendId;
    this.#reason = reason;
    this.#tls = tlsVersion;
    this.#alike = 0;
    this.#text = null;
  }
}

/** A word of ours; `-` stands for none. */
function putName(out: LineOutput, at: number, name: string): number {
  return putJsonText(out.bytes, at, at + VALUE_LIMITS.name, name === "" ? "-" : name);
}
