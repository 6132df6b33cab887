/** Regexes as the original's files have them: Python's `re`, searched in a text, for an engine that takes Go's syntax. */
import { LinearRegex, REGEX_PATTERN_LIMIT, SyntaxProblem } from "../../core/rules/linear_regex.ts";

/** Python's `$` without MULTILINE: the end, also before a last line feed. */
const PYTHON_END = "(?:\\n?\\z)";
const MULTILINE = /\(\?[a-zA-Z]*m/;
/** An escape, a class, an open repetition, or `$`. */
const NOTABLE = /\\[^]|\[\^?\]?(?:\\[^]|[^\]\\])*\]|\{,(\d+)\}|\$/g;

/**
 * What Go's syntax says for a pattern of Python where the two differ in silence: `$`, `\Z` and `{,n}`. What only Python
 * has (look-around, back-references) is left as it is, and the engine refuses it.
 */
export function goRegexOf(pattern: string): string {
  // The engine refuses it by its length.
  if (pattern.length > REGEX_PATTERN_LIMIT) return pattern;
  const isMultiline = MULTILINE.test(pattern);
  return pattern.replaceAll(NOTABLE, (found: string, most: string | undefined) => {
    if (most !== undefined) return `{0,${most}}`;
    if (found === "\\Z") return "\\z";
    return found === "$" && !isMultiline ? PYTHON_END : found;
  });
}

const FIRST_STATUS = 100;
const LAST_STATUS = 599;

/**
 * The statuses from 100 to 599 in whose text a pattern of Python is found, as statuses and ranges with commas between
 * (`200-299,429`); "" when there is none. Throws SyntaxProblem when `pattern` is no regex.
 */
export function statusesOf(pattern: string): string {
  const regex = new LinearRegex(goRegexOf(pattern));
  const ranges: string[] = [];
  let first: number | null = null;
  for (let status = FIRST_STATUS; status <= LAST_STATUS + 1; status++) {
    const isFound = status <= LAST_STATUS && regex.test(String(status));
    if (isFound) first ??= status;
    else if (first !== null) {
      ranges.push(first === status - 1 ? `${first}` : `${first}-${status - 1}`);
      first = null;
    }
  }
  return ranges.join(",");
}

/** `compute` of a pattern, or in words why it is no regex. */
export function orProblem<Value>(compute: () => Value): { value: Value } | { problem: string } {
  try {
    return { value: compute() };
  } catch (error) {
    if (!(error instanceof SyntaxProblem)) throw error;
    return { problem: `${error.what}; expected ${error.expected}` };
  }
}
