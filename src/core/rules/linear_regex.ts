/**
 * Users' regexes: Go's syntax, time linear in the input (RE2), never a backtracking engine. What is only text in
 * disguise runs as string operations.
 */
import { RE2JS } from "re2js";
import { hasForm, literalRegex, requiredPrefix, type LiteralRegex } from "./literal_regex.ts";

/** Input longer than this does not match. Characters. */
export const REGEX_INPUT_LIMIT = 8_192;
/** Longest pattern in characters. */
export const REGEX_PATTERN_LIMIT = 1_024;
/** More regexes than this, counted once per pattern, deserve a warning: each costs about a microsecond a request. */
export const REGEX_WARNING_COUNT = 100;

const BEYOND_ASCII = /[^\0-\x7f]/;

/** A compiled regex. Like Go's `MatchString` it is found anywhere in the input unless it is anchored. */
export class LinearRegex {
  readonly pattern: string;
  /** Null where the engine decides. */
  readonly literal: LiteralRegex | null;
  /** Texts of which every matching input has one, as a whole or as its start; null when none are known. */
  readonly anchors: readonly { readonly kind: "exact" | "prefix"; readonly text: string }[] | null;
  /** True when an input without line feeds that has one of the anchors surely matches. */
  readonly anchorsSuffice: boolean;
  private readonly engine: RE2JS;

  /** Throws SyntaxProblem when `pattern` is no regex. */
  constructor(pattern: string) {
    if (pattern.length > REGEX_PATTERN_LIMIT)
      throw new SyntaxProblem(`regex of ${pattern.length} characters`, `at most ${REGEX_PATTERN_LIMIT}`);
    this.pattern = pattern;
    this.engine = compile(pattern);
    this.literal = literalRegex(pattern);
    this.anchors = anchorsOf(pattern, this.literal);
    this.anchorsSuffice = this.literal !== null && this.literal.forms.every((form) => !form.longer);
  }

  /** `text` is Unicode. */
  test(text: string): boolean {
    if (text.length > REGEX_INPUT_LIMIT) return false;
    const { literal } = this;
    if (
      literal === null ||
      (literal.singleLine && text.includes("\n")) ||
      (literal.fold && BEYOND_ASCII.test(text))
    )
      return this.engine.test(text);
    const compared = literal.fold ? text.toLowerCase() : text;
    for (const form of literal.forms) if (hasForm(form, compared)) return true;
    return false;
  }
}

/** What is wrong with a pattern, and what was expected. */
export class SyntaxProblem extends Error {
  readonly what: string;
  readonly expected: string;

  constructor(what: string, expected: string) {
    super(`${what}, expected ${expected}`);
    this.what = what;
    this.expected = expected;
  }
}

function compile(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    const reason =
      error instanceof Error ? error.message.replace(/^error parsing regexp: /, "") : String(error);
    throw new SyntaxProblem(
      `malformed regex (${reason})`,
      "Go's regex syntax, without look-around and back-references",
    );
  }
}

function anchorsOf(pattern: string, literal: LiteralRegex | null): LinearRegex["anchors"] {
  if (literal === null) {
    const text = requiredPrefix(pattern);
    return text === "" ? null : [{ kind: "prefix", text }];
  }
  if (literal.fold) return null;
  const anchors: { kind: "exact" | "prefix"; text: string }[] = [];
  for (const { kind, text } of literal.forms) {
    if ((kind !== "exact" && kind !== "prefix") || (kind === "prefix" && text === "")) return null;
    anchors.push({ kind, text });
  }
  return anchors;
}

/** Compiles each pattern once, however many rules use it. */
export class RegexCache {
  private readonly compiled = new Map<string, LinearRegex>();
  /** Distinct patterns that need the engine. */
  count = 0;

  /** Throws SyntaxProblem. */
  get(pattern: string): LinearRegex {
    let regex = this.compiled.get(pattern);
    if (regex === undefined) {
      regex = new LinearRegex(pattern);
      this.compiled.set(pattern, regex);
      if (regex.literal === null) this.count++;
    }
    return regex;
  }
}
