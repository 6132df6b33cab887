/** Lines in a format of Python's `logging`. */
import {
  isFormatProblem,
  LOG_ATTRIBUTES,
  parsePythonFormat,
  type FormatField,
  type LogAttribute,
} from "../core/text/python_format.ts";
import { pythonValue } from "./python_values.ts";

/** What Python calls a LogRecord: whole numbers, fractions and texts as `LOG_ATTRIBUTES` says. */
export type PythonRecord = Readonly<Record<LogAttribute, string | number>>;

/**
 * Prepares a format; what comes out writes one record, without a line feed. Throws Error in words for a format that
 * `parsePythonFormat` refuses.
 */
export function compilePythonFormat(format: string): (record: PythonRecord) => string {
  const parts = parsePythonFormat(format);
  if (isFormatProblem(parts)) throw new Error(`log format, column ${parts.column}: ${parts.message}`);
  const writers = parts.map((part) => (typeof part === "string" ? () => part : writerOf(part)));
  return (record) => writers.map((write) => write(record)).join("");
}

function writerOf(field: FormatField): (record: PythonRecord) => string {
  const { attribute, conversion, flags, precision, width } = field;
  const isPlainText =
    LOG_ATTRIBUTES[attribute] === "text" && conversion === "s" && width === 0 && precision === null;
  if (isPlainText && flags === "") return (record) => String(record[attribute]);
  const isFloat = LOG_ATTRIBUTES[attribute] === "float";
  return (record) => pythonValue(field, record[attribute], isFloat);
}

/** The `asctime` of Python: local time with milliseconds behind a comma. */
export function pythonTime(wallMs: number): string {
  const time = new Date(wallMs);
  const two = (value: number): string => String(value).padStart(2, "0");
  const date = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
  return `${date} ${clock},${String(time.getMilliseconds()).padStart(3, "0")}`;
}
