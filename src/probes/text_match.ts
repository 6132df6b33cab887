/** What an answer must hold: a text, or a match of a regex that takes linear time. */
import { z } from "zod";
import { LinearRegex, REGEX_INPUT_LIMIT, SyntaxProblem } from "../core/rules/linear_regex.ts";

/** So much of an answer is looked at for a text; for a regex the first 8,192 characters of it. */
export const ANSWER_LIMIT_BYTES = 65_536;
const MAX_TEXT = 4_096;
const UTF_8 = "utf-8";

/** A text to look for, as a setting. */
export function wantedText(): z.ZodString {
  const error = `expected text of 1 to ${MAX_TEXT} characters`;
  return z.string({ error }).min(1, { error }).max(MAX_TEXT, { error });
}

/** A regex in Go's syntax, as a setting; its value is the text. */
export function wantedRegex(): z.ZodType<string, string> {
  return z
    .string({ error: "expected a regex" })
    .superRefine((pattern, context) => {
      try {
        compile(pattern);
      } catch (error) {
        if (!(error instanceof SyntaxProblem)) throw error;
        context.addIssue({ code: "custom", message: `${error.what}; expected ${error.expected}` });
      }
    })
    .meta({ type_name: "regex" });
}

/** The name of a character encoding that TextDecoder knows (WHATWG Encoding Standard), as a setting. */
export function encodingLabel(): z.ZodString {
  const error = "expected an encoding such as utf-8, latin1, windows-1252 or utf-16le";
  return z.string({ error }).refine(isEncoding, { error });
}

function isEncoding(label: string): boolean {
  try {
    return new TextDecoder(label as never).encoding !== "";
  } catch {
    return false;
  }
}

/** Throws SyntaxProblem. */
function compile(pattern: string): LinearRegex {
  return new LinearRegex(pattern);
}

/** Says what an answer lacks, or null when it has everything. */
export type Matcher = (answer: Uint8Array) => string | null;

/** Prepares the test; null when nothing is wanted. `what` names the answer in the reason: `body`. */
export function matcherOf(
  what: string,
  text: string | undefined,
  pattern: string | undefined,
  encoding = UTF_8,
): Matcher | null {
  if (text === undefined && pattern === undefined) return null;
  const wanted = text === undefined ? null : Buffer.from(text);
  const regex = pattern === undefined ? null : compile(pattern);
  const decoder = new TextDecoder(encoding as never);
  const isPlain = decoder.encoding === UTF_8;
  return (answer) => {
    const bytes = Buffer.from(answer.buffer, answer.byteOffset, answer.length);
    // What cannot be decoded becomes U+FFFD.
    const decoded = regex === null && isPlain ? "" : decoder.decode(bytes);
    if (wanted !== null && !(isPlain ? bytes.includes(wanted) : decoded.includes(text!)))
      return `the ${what} does not contain the expected text`;
    if (regex !== null && !regex.test(decoded.slice(0, REGEX_INPUT_LIMIT)))
      return `the ${what} does not match ${regex.pattern}`;
    return null;
  };
}
