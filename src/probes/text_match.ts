/** What an answer must hold: a text, or a match of a regex that takes linear time. */
import { z } from "zod";
import { LinearRegex, REGEX_INPUT_LIMIT, SyntaxProblem } from "../core/rules/linear_regex.ts";

/** So much of an answer is looked at for a text; for a regex the first 8,192 characters of it. */
export const ANSWER_LIMIT_BYTES = 65_536;
const MAX_TEXT = 4_096;

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
): Matcher | null {
  if (text === undefined && pattern === undefined) return null;
  const wanted = text === undefined ? null : Buffer.from(text);
  const regex = pattern === undefined ? null : compile(pattern);
  return (answer) => {
    const bytes = Buffer.from(answer.buffer, answer.byteOffset, answer.length);
    if (wanted !== null && !bytes.includes(wanted)) return `the ${what} does not contain the expected text`;
    if (regex !== null && !regex.test(bytes.toString("utf8").slice(0, REGEX_INPUT_LIMIT)))
      return `the ${what} does not match ${regex.pattern}`;
    return null;
  };
}
