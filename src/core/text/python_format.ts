/**
 * Log formats of Python's `logging` in its %-style (`%(asctime)s :: %(message)s`), read as CPython reads them: mapping
 * key, flags, width, precision, an ignored length modifier, conversion (library reference, "printf-style String
 * Formatting"). What Python would refuse only when a line is written is refused here.
 */

const TEXTS = [
  ...(["asctime", "filename", "funcName", "levelname", "message", "module", "name", "pathname"] as const),
  ...(["processName", "threadName"] as const),
];
const INTEGERS = ["levelno", "lineno", "process", "thread"] as const;
const FLOATS = ["created", "msecs", "relativeCreated"] as const;

export type LogAttribute = (typeof TEXTS)[number] | (typeof INTEGERS)[number] | (typeof FLOATS)[number];
type Kind = "text" | "integer" | "float";

/** Attributes of a log record and the kind of value that each has. */
export const LOG_ATTRIBUTES = Object.fromEntries([
  ...TEXTS.map((name) => [name, "text"]),
  ...INTEGERS.map((name) => [name, "integer"]),
  ...FLOATS.map((name) => [name, "float"]),
]) as Readonly<Record<LogAttribute, Kind>>;

/** Levels of Python's `logging` and their numbers. */
export const PYTHON_LEVELS = {
  CRITICAL: 50,
  ERROR: 40,
  WARNING: 30,
  INFO: 20,
  DEBUG: 10,
  NOTSET: 0,
} as const;
export type PythonLevel = keyof typeof PYTHON_LEVELS;

/** A field of a format: `%(levelname)-8s`. */
export interface FormatField {
  readonly attribute: LogAttribute;
  /** Any of `#0- +`. */
  readonly flags: string;
  readonly width: number;
  /** Null where the format says none. */
  readonly precision: number | null;
  /** One of `diouxXeEfFgGcrsa`. */
  readonly conversion: string;
}

/** A format as literal texts and fields, in order. */
export type FormatParts = readonly (string | FormatField)[];

export interface FormatProblem {
  /** From 1, in UTF-16 units. */
  readonly column: number;
  readonly message: string;
  /** The word that is no attribute, where that is the problem. */
  readonly unknown: string | null;
}

/** Wider fields and longer cuts are refused: a line has a limit. */
const MAX_WIDTH = 4_096;
/** Python takes more, but a double has no more to say. */
const MAX_DIGITS = 50;

/** Without `c`, which Python takes of whole numbers: a control character is nothing to write into a log. */
const CONVERSIONS = {
  text: "sra",
  integer: "diouxXeEfFgGsra",
  float: "diueEfFgGsra",
} as const;
const FLOAT_CONVERSION = /[eEfFgG]/;
const KINDS = { text: "text", integer: "a whole number", float: "a number with a fraction" } as const;

const FIELD = /^%\(([^()]*)\)([#0\- +]*)(\d*)(?:\.(\d*))?[hlL]?/;

/** Reads a format. Like Python it must hold a field at least. */
export function parsePythonFormat(text: string): FormatParts | FormatProblem {
  const parts: (string | FormatField)[] = [];
  let at = 0;
  while (at < text.length) {
    const percent = text.indexOf("%", at);
    if (percent < 0) break;
    if (percent > at) parts.push(text.slice(at, percent));
    if (text[percent + 1] === "%") {
      parts.push("%");
      at = percent + 2;
      continue;
    }
    const field = fieldAt(text, percent);
    if ("message" in field) return field;
    parts.push(field.field);
    at = field.end;
  }
  if (at < text.length) parts.push(text.slice(at));
  if (parts.some((part) => typeof part !== "string")) return parts;
  return problem(0, "holds no attribute; expected at least one such as %(message)s");
}

export function isFormatProblem(parsed: FormatParts | FormatProblem): parsed is FormatProblem {
  return "message" in parsed;
}

function fieldAt(text: string, start: number): { field: FormatField; end: number } | FormatProblem {
  const match = FIELD.exec(text.slice(start));
  if (match === null)
    return problem(start, "a % stands alone; expected %(attribute)s, or %% for the character itself");
  const [whole, name = "", flags = "", width = "", precision] = match;
  const end = start + whole.length;
  const conversion = text[end] ?? "";
  if (!isAttribute(name)) return unknownAttribute(start + 2, name);
  if (conversion === "*") return problem(end, "a * has no place here; expected a number");
  const kind = LOG_ATTRIBUTES[name];
  if (conversion === "")
    return problem(end, `the format ends inside %(${name}; expected a conversion such as s`);
  if (!CONVERSIONS[kind].includes(conversion))
    return problem(
      end,
      `%(${name}) is ${KINDS[kind]}, for which there is no conversion ${JSON.stringify(conversion)}; ` +
        `expected one of ${[...CONVERSIONS[kind]].join(", ")}`,
    );
  const digits = precision === undefined ? null : Number(precision);
  const most = FLOAT_CONVERSION.test(conversion) ? MAX_DIGITS : MAX_WIDTH;
  if (Number(width) > MAX_WIDTH) return problem(start, `a width above ${MAX_WIDTH}; expected less`);
  if (digits !== null && digits > most) return problem(start, `a precision above ${most}; expected less`);
  const field = { attribute: name, flags, width: Number(width), precision: digits, conversion };
  return { field, end: end + 1 };
}

function isAttribute(name: string): name is LogAttribute {
  return Object.hasOwn(LOG_ATTRIBUTES, name);
}

function unknownAttribute(at: number, name: string): FormatProblem {
  const message = `unknown attribute ${JSON.stringify(name)}; expected one of ${Object.keys(LOG_ATTRIBUTES).join(", ")}`;
  return { ...problem(at, message), unknown: name };
}

function problem(at: number, message: string): FormatProblem {
  return { column: at + 1, message, unknown: null };
}
