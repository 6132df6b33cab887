/** Settings whose check says what is wrong and what was expected. Loads zod: for `schema.ts` files alone. */
import { z } from "zod";

interface Problem {
  readonly what: string;
  readonly expected: string;
}

function isProblem(error: unknown): error is Problem {
  return error instanceof Error && "what" in error && "expected" in error;
}

/**
 * A schema for text that `parse` turns into the setting's value. What `parse` throws must say what is wrong and what
 * was expected (`SyntaxProblem`, `ValueError`).
 */
export function checkedText<Value>(
  name: string,
  expected: string,
  parse: (text: string) => Value,
): z.ZodType<Value, string> {
  return z
    .string({ error: `expected ${expected}` })
    .transform((text, context) => {
      try {
        return parse(text);
      } catch (error) {
        if (!isProblem(error)) throw error;
        context.issues.push({
          code: "custom",
          message: `${error.what}; expected ${error.expected}`,
          input: text,
        });
        return z.NEVER;
      }
    })
    .meta({ type_name: name });
}

/** The problem that `check` throws in the words of a setting's error, or null. */
export function problemOf(check: () => void): string | null {
  try {
    check();
    return null;
  } catch (error) {
    if (!isProblem(error)) throw error;
    return `${error.what}; expected ${error.expected}`;
  }
}
