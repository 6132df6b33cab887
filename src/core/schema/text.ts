/**
 * How a setting that is written as text becomes a value. The error says what was written, so these are not for secrets.
 */
import { z } from "zod";

/** Keys of `.meta()` that Fairlead reads; every other key goes to the JSON Schema as it stands. */
export interface SettingMeta {
  /** One or two sentences for the reference page and editors. */
  readonly description?: string;
  /**
   * The value is secret: `${NAME}` is read from the environment and `file:PATH` from a file, and no dump shows it.
   * A schema must leave a secret where it stood: what a transform moves elsewhere is not found by the redaction.
   */
  readonly secret?: true;
  /** The text names a file: relative names are resolved; `input` must exist when the configuration is read. */
  readonly file?: "input" | "output";
  /** What stands in the type column of the reference page. */
  readonly type_name?: string;
  /** A JSON Schema of what is accepted besides the text: YAML reads `0` and `1.2` without quotes as numbers. */
  readonly or_accepts?: Readonly<Record<string, unknown>>;
}

/**
 * A schema for text with a meaning. `parse` returns null for text that it refuses; `expected` completes the sentence
 * "expected …". The JSON Schema is that of a string with `pattern`.
 */
export function parsedText<Value>(options: {
  readonly name: string;
  readonly expected: string;
  readonly pattern?: RegExp;
  readonly parse: (text: string) => Value | null;
}): z.ZodType<Value, string> {
  const { name, expected, parse, pattern } = options;
  const text = z.string({ error: `expected ${expected}` });
  if (pattern !== undefined) z.globalRegistry.add(text, { pattern: pattern.source });
  const parsed = text.transform((written, context) => {
    const value = parse(written);
    if (value !== null) return value;
    context.issues.push({
      code: "custom",
      message: `${JSON.stringify(written)} is not ${withArticle(name)}; expected ${expected}`,
      input: written,
    });
    return z.NEVER;
  });
  // `.meta()` would make a copy, and schemas are made at every start.
  z.globalRegistry.add(parsed, { type_name: name });
  return parsed;
}

/**
 * `text`, and numbers as if they had been written in quotes where `orAccepts` (a JSON Schema, for editors) says that they
 * are good.
 */
export function textOrNumber<Value, Text extends string>(
  text: z.ZodType<Value, Text>,
  orAccepts: Readonly<Record<string, unknown>>,
): z.ZodType<Value, string | number> {
  const schema = z.preprocess<unknown, typeof text, string | number>(
    (value) => (typeof value === "number" ? String(value) : value),
    text,
  );
  z.globalRegistry.add(schema, { or_accepts: orAccepts });
  return schema;
}

function withArticle(name: string): string {
  return /^[aeiou]/i.test(name) ? `an ${name}` : `a ${name}`;
}
