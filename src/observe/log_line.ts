/** Lines of the process log, in text for people and in JSON for machines. */
import { REDACTED } from "./log_redaction.ts";
import { isSecretName, scrub } from "./scrub.ts";

export type LogFormat = "text" | "json";

export interface LogEntry {
  /** What happened, a word that stays the same for machines: `worker_ended`. */
  readonly event: string;
  readonly level: "info" | "warning" | "error";
  /** One sentence for people. Nothing that came from a client or a backend is needed in it. */
  readonly text: string;
  /** What the sentence says, for machines. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** Longest text of a message and of each value. */
const LONGEST_TEXT = 4_096;
const LONGEST_SCRUBBED = 16 * LONGEST_TEXT;
/** Longest line; fields that would pass it are left out. */
export const LONGEST_LOG_LINE_BYTES = 64 * 1024;

/** Controls, line separators, and what turns the direction of writing: none of them may act on a terminal. */
// oxlint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

function escaped(text: string): string {
  return text.replace(CONTROLS, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function shown(text: string): string {
  // Scrubbed before it is cut: a secret whose end is cut off would not be recognised.
  const clean = scrub(text.slice(0, LONGEST_SCRUBBED));
  return clean.length <= LONGEST_TEXT ? clean : `${clean.slice(0, LONGEST_TEXT)}...`;
}

/** A message as it may stand in a line of text: no secret, no control character, not too long. */
export function messageText(text: string): string {
  return escaped(shown(text));
}

/** One line with its line feed. `wallMs`: the time of day. */
export function logLine(format: LogFormat, entry: LogEntry, wallMs: number): string {
  const time = new Date(wallMs).toISOString();
  return format === "json" ? jsonLine(entry, time) : `${time} ${entry.level} ${messageText(entry.text)}\n`;
}

function jsonLine({ event, level, text, fields = {} }: LogEntry, time: string): string {
  const own = { time, event, level, message: text };
  // Fields stand behind what every line has and never in its place.
  const line = stringified({ ...own, ...fields, ...own });
  if (line !== null && Buffer.byteLength(line) < LONGEST_LOG_LINE_BYTES) return `${line}\n`;
  return `${escaped(JSON.stringify({ ...own, message: shown(text), fields_left_out: true }))}\n`;
}

/** Null for what JSON cannot show. */
function stringified(value: object): string | null {
  try {
    return escaped(JSON.stringify(value, shownValue));
  } catch {
    return null;
  }
}

function shownValue(key: string, value: unknown): unknown {
  if (isSecretName(key)) return REDACTED;
  if (typeof value === "string") return shown(value);
  if (typeof value === "bigint") return String(value);
  if (value instanceof Error) return shown(`${value.name}: ${value.message}`);
  return value;
}
