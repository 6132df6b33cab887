/** What the access log tells of a request that asked where to go: by whom and how that was decided. */
import { VALUE_LIMITS } from "./access_line.ts";
import type { LoggedDecision, LoggedDecider } from "./access_record.ts";
import {
  type LineOutput,
  lineOutput,
  type Piece,
  piece,
  putInteger,
  putJsonText,
  putPiece,
  putWord,
} from "./line_bytes.ts";

const BEGIN = piece(',"decision":{');
const APP = piece('"app":"');
const VERSION = piece('","version":');
const TYPE = piece(',"type":"');
const RULE = piece('","rule":"');
const URL_RULES = piece('","url_rules":[');
const STACK = piece('],"stack":"');
const FLAVOR = piece('","flavor":"');
const FALLBACK = piece('","fallback":true}');
const NO_FALLBACK = piece('","fallback":false}');
const REFUSED = piece('"refused":"');
const END_REFUSED = piece('"}');
/** Five names, the URL rules, keys, and what is written beyond the end. */
const LONGEST_DECISION_BYTES = 5 * VALUE_LIMITS.decision_name + VALUE_LIMITS.url_rules + 1_024;
const QUOTE = 34;
const COMMA = 44;
const SPACE = 32;
const FALLBACK_WORD = piece(" fallback");

/** A member `decision` behind those of a line that has not ended. */
export function putDecisionJson(
  out: LineOutput,
  at: number,
  decider: LoggedDecider | null,
  decision: LoggedDecision | string,
): number {
  if (typeof decision === "string" || decision.kept === undefined) return putJson(out, at, decider, decision);
  const { kept } = decision;
  if (kept.json === null) {
    const made = lineOutput(LONGEST_DECISION_BYTES);
    const length = putJson(made, 0, decider, decision);
    kept.json = piece(Buffer.from(made.bytes.buffer, 0, length).latin1Slice());
  }
  return putPiece(out, at, kept.json);
}

function putJson(
  out: LineOutput,
  at: number,
  decider: LoggedDecider | null,
  decision: LoggedDecision | string,
): number {
  at = putPiece(out, at, BEGIN);
  if (decider !== null) {
    at = putJsonText(out.bytes, putPiece(out, at, APP), at + VALUE_LIMITS.decision_name, decider.name);
    at = putInteger(out.bytes, putPiece(out, at, VERSION), decider.version);
  }
  if (typeof decision === "string") {
    if (decider !== null) out.bytes[at++] = COMMA;
    at = putJsonText(out.bytes, putPiece(out, at, REFUSED), at + VALUE_LIMITS.decision_name, decision);
    return putPiece(out, at, END_REFUSED);
  }
  at = putMember(out, at, TYPE, decision.type);
  at = putMember(out, at, RULE, decision.rule);
  at = putUrlRules(out, putPiece(out, at, URL_RULES), decision.url_rules);
  at = putMember(out, at, STACK, decision.stack);
  at = putMember(out, at, FLAVOR, decision.flavor);
  return putPiece(out, at, decision.is_fallback ? FALLBACK : NO_FALLBACK);
}

function putMember(out: LineOutput, at: number, key: Piece, value: string | null): number {
  at = putPiece(out, at, key);
  return putJsonText(out.bytes, at, at + VALUE_LIMITS.decision_name, value ?? "-");
}

/** As many as the limit of all together allows. */
function putUrlRules(out: LineOutput, at: number, names: readonly string[]): number {
  const end = at + VALUE_LIMITS.url_rules;
  for (const [index, name] of names.entries()) {
    if (at + 16 > end) break;
    if (index > 0) out.bytes[at++] = COMMA;
    out.bytes[at++] = QUOTE;
    at = putJsonText(out.bytes, at, end, name);
    out.bytes[at++] = QUOTE;
  }
  return at;
}

/** A space and a column in quotes: application, version, type or why there is none, rule, URL rules, stack, flavor. */
export function putDecisionColumn(
  out: LineOutput,
  at: number,
  decider: LoggedDecider | null,
  decision: LoggedDecision | string,
): number {
  const { bytes } = out;
  bytes[at++] = SPACE;
  bytes[at++] = QUOTE;
  at = putOrDash(bytes, at, decider?.name ?? "");
  bytes[at++] = SPACE;
  at = putInteger(bytes, at, decider?.version ?? 0);
  bytes[at++] = SPACE;
  if (typeof decision === "string") at = putOrDash(bytes, at, decision);
  else at = putDecided(out, at, decision);
  bytes[at++] = QUOTE;
  return at;
}

function putDecided(out: LineOutput, at: number, decision: LoggedDecision): number {
  const { bytes } = out;
  at = putOrDash(bytes, at, decision.type);
  bytes[at++] = SPACE;
  at = putOrDash(bytes, at, decision.rule);
  bytes[at++] = SPACE;
  const end = at + VALUE_LIMITS.url_rules;
  if (decision.url_rules.length === 0) at = putOrDash(bytes, at, null);
  for (const [index, name] of decision.url_rules.entries()) {
    if (at + 16 > end) break;
    if (index > 0) bytes[at++] = COMMA;
    at = putWord(bytes, at, end, name);
  }
  for (const name of [decision.stack, decision.flavor]) {
    bytes[at++] = SPACE;
    at = putOrDash(bytes, at, name);
  }
  return decision.is_fallback ? putPiece(out, at, FALLBACK_WORD) : at;
}

function putOrDash(bytes: Uint8Array, at: number, text: string | null): number {
  return putWord(bytes, at, at + VALUE_LIMITS.decision_name, text === null || text === "" ? "-" : text);
}
