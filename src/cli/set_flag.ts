/** Values that are set on the command line. */
import type { FlagValue } from "../config/assignments.ts";

/** What is wrong with the values of `--set`, or null. */
export function malformedSet(texts: readonly string[]): string | null {
  const malformed = texts.find((text) => !text.includes("="));
  return malformed === undefined ? null : `--set ${malformed}: expected PATH=VALUE`;
}

/** `--set a.b=c` as a value for the loader. `text` holds an equals sign. */
export function setFlag(text: string): FlagValue {
  const equals = text.indexOf("=");
  const path = text.slice(0, equals);
  return { flag: `--set ${path}`, path, text: text.slice(equals + 1) };
}
