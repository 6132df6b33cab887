/** Turns what zod reports into findings in the words of this project. */
import type { z } from "zod";
import type { Finding } from "./finding.ts";
import { isLaterKey, isLaterValue, NOT_AVAILABLE } from "./later.ts";
import { isMap, kindOf } from "./plain_value.ts";
import type { Path } from "./problem.ts";
import { keysAt, mayHoldSecret } from "./schema_walk.ts";
import { suggest } from "./suggest.ts";

type Issue = z.core.$ZodIssue;

/** More alternatives than that are not listed. */
const MAX_LISTED = 12;

/** Marks a custom issue that only makes sense when no key was misspelt: see `exactlyOne`. */
export const ONE_KEY_MISSING = "one_key_missing";

interface Context {
  readonly schema: z.ZodType;
  readonly value: unknown;
}

/** The findings for `issues`, which `schema` reported about `value`. */
export function findingsOf(schema: z.ZodType, value: unknown, issues: readonly Issue[]): Finding[] {
  const misspelt = new Set(
    issues.filter((issue) => issue.code === "unrecognized_keys").map(({ path }) => path.join("\0")),
  );
  return issues
    .filter(
      (issue) =>
        !(
          issue.code === "custom" &&
          issue.params?.["kind"] === ONE_KEY_MISSING &&
          misspelt.has(issue.path.join("\0"))
        ),
    )
    .flatMap((issue) => findings({ schema, value }, issue, []));
}

function findings(context: Context, issue: Issue, base: Path): Finding[] {
  const path: Path = [...base, ...(issue.path as Path)];
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => unknownKey(context, path, key));
    case "invalid_union":
      return unionFindings(context, issue, path);
    case "invalid_key":
      return [{ path, what: "key", message: issue.issues[0]?.message ?? issue.message }];
    case "invalid_element":
      return issue.issues.flatMap((inner) => findings(context, inner, path));
    default:
      return [valueFinding(context, issue, path)];
  }
}

function unknownKey({ schema, value }: Context, parent: Path, key: string): Finding {
  const path = [...parent, key];
  if (isLaterKey(parent, key)) return { path, what: "key", message: NOT_AVAILABLE };
  const known = keysAt(schema, parent, value);
  return {
    path,
    what: "key",
    message: `unknown key; expected ${listed(known)}`,
    suggestion: suggest(key, known),
  };
}

/** Of the alternatives of a union, those whose kind of value was given are worth telling. */
function unionFindings(context: Context, issue: Issue & { code: "invalid_union" }, path: Path): Finding[] {
  const given = valueAt(context.value, path);
  if ("discriminator" in issue && issue.discriminator !== undefined) {
    const options = ((issue as { options?: readonly unknown[] }).options ?? []).map(String);
    return [choice(context, path, given, options)];
  }
  if (!issue.message.startsWith("Invalid input") || issue.errors.length === 0)
    return [{ path, what: "value", message: withGiven(context, path, issue.message, given) }];
  const fitting = issue.errors.filter((issues) => issues.every((inner) => !isWrongKind(inner, given)));
  const best = fitting.toSorted((a, b) => a.length - b.length)[0];
  if (best !== undefined) return best.flatMap((inner) => findings(context, inner, path));
  const words = issue.errors.map((issues) =>
    expectedWords(issues.find((inner) => isWrongKind(inner, given))!),
  );
  return [
    {
      path,
      what: "value",
      message: withGiven(context, path, `expected ${[...new Set(words)].join(" or ")}`, given),
    },
  ];
}

/** True when the alternative takes another kind of value, or only one word that was not given. */
function isWrongKind(issue: Issue, given: unknown): boolean {
  if (issue.path.length > 0) return false;
  if (issue.code === "invalid_type") return true;
  return (
    issue.code === "invalid_value" && (issue.values.length === 1 || typeof issue.values[0] !== typeof given)
  );
}

function valueFinding(context: Context, issue: Issue, path: Path): Finding {
  const given = valueAt(context.value, path);
  if (given === undefined && path.length > 0 && issue.code !== "custom") {
    const words = isStandard(issue) ? `expected ${expectedWords(issue)}` : issue.message;
    return { path, what: "key", message: `is missing; ${words}` };
  }
  if (issue.code === "invalid_value" && isStandard(issue))
    return choice(context, path, given, issue.values.map(String));
  if (issue.code === "invalid_type") {
    const words = isStandard(issue) ? `expected ${expectedWords(issue)}` : issue.message;
    return { path, what: "value", message: withGiven(context, path, words, given) };
  }
  const message = isStandard(issue) ? `expected ${expectedWords(issue)}` : issue.message;
  return { path, what: given === undefined ? "key" : "value", message };
}

/** A word that must be one of some. */
function choice(context: Context, path: Path, given: unknown, options: readonly string[]): Finding {
  if (given === undefined) return { path, what: "key", message: `is missing; expected ${listed(options)}` };
  if (isLaterValue(path, given))
    return {
      path,
      what: "value",
      message: `${JSON.stringify(given)} ${NOT_AVAILABLE}; expected ${listed(options)}`,
    };
  return {
    path,
    what: "value",
    message: withGiven(context, path, `expected ${listed(options)}`, given),
    suggestion: typeof given === "string" ? suggest(given, options) : null,
  };
}

function isStandard(issue: Issue): boolean {
  return /^(?:Invalid|Too|Unrecognized)/.test(issue.message);
}

function expectedWords(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return KINDS[issue.expected] ?? issue.expected;
    case "invalid_value":
      return listed(issue.values.map(String));
    case "too_small":
      return `at least ${amount(Number(issue.minimum), issue.origin)}`;
    case "too_big":
      return `at most ${amount(Number(issue.maximum), issue.origin)}`;
    case "not_multiple_of":
      return `a multiple of ${issue.divisor}`;
    default:
      return issue.message;
  }
}

function amount(count: number, origin: string): string {
  if (origin === "array" || origin === "object" || origin === "record")
    return `${count} ${count === 1 ? "entry" : "entries"}`;
  return origin === "string" ? `${count} ${count === 1 ? "character" : "characters"}` : String(count);
}

const KINDS: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  object: "a map",
  record: "a map",
  array: "a list",
};

/** Adds what was given: its kind, and for plain values that can be no secrets the value. */
function withGiven({ schema, value }: Context, path: Path, message: string, given: unknown): string {
  const plain = typeof given === "number" || typeof given === "boolean" || typeof given === "string";
  const isShown = plain && String(given).length <= 64 && !mayHoldSecret(schema, path, value);
  const shown = isShown ? JSON.stringify(given) : kindOf(given);
  return `${message}, got ${shown}`;
}

/** `one of a, b, c`; long lists are cut. */
export function listed(words: readonly string[]): string {
  if (words.length === 0) return "nothing here";
  if (words.length === 1) return words[0]!;
  const shown = words.slice(0, MAX_LISTED);
  return `one of ${shown.join(", ")}${words.length > MAX_LISTED ? ", …" : ""}`;
}

function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const step of path) {
    if (Array.isArray(value)) value = value[Number(step)] as unknown;
    else if (isMap(value) && Object.hasOwn(value, step)) value = value[step];
    else return undefined;
  }
  return value;
}
