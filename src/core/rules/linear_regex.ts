/**
 * Users' regexes: Go's syntax, time linear in the input (RE2), never a backtracking engine. What is only text in
 * disguise runs as string operations.
 */
import type { Matcher, RE2JS } from "re2js";
import { hasForm, literalRegex, requiredPrefix, type LiteralRegex } from "./literal_regex.ts";

/** So much of a text that may be of any length is worth looking at. Characters. */
export const REGEX_INPUT_LIMIT = 8_192;
/** Longest pattern in characters. */
export const REGEX_PATTERN_LIMIT = 1_024;
/**
 * In a longer text the place of a match is not looked for: that costs a microsecond a character, a hundred times of what
 * it costs to say whether there is one (Bun 1.4.5). Characters; as many as a path may have after it was rewritten.
 */
export const REGEX_PLACE_LIMIT = 16_384;
/** Each match of a text is found in linear time, so all of them are not: more than this in one text are not looked for. */
export const REGEX_MATCH_LIMIT = 64;

/** Says that a text matches, but beyond the limits of looking for places: it must not pass as one that does not match. */
export const BEYOND_LIMITS = -1;
export type BeyondLimits = typeof BEYOND_LIMITS;

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

  /** `text` is Unicode, of any length: what a request holds is bounded by the limits of heads. */
  test(text: string): boolean {
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

  /** Number of groups, without the whole match. */
  get groupCount(): number {
    return this.engine.groupCount();
  }

  /** The number of the group with this name, or null. */
  groupNumber(name: string): number | null {
    return this.engine.namedGroups()[name] ?? null;
  }

  /** Start and end of the first match in `text` (Unicode), then of each group, -1 for a group that took no part; or null. */
  firstMatch(text: string): readonly number[] | null | BeyondLimits {
    if (!this.test(text)) return null;
    if (text.length > REGEX_PLACE_LIMIT) return BEYOND_LIMITS;
    const matcher = this.engine.matcher(text);
    return matcher.find() ? positionsOf(matcher, this.groupCount) : null;
  }

  /**
   * All matches from left to right, each as `firstMatch` gives it. As in Go, an empty match right behind another match
   * does not count.
   */
  allMatches(text: string): readonly (readonly number[])[] | BeyondLimits {
    if (!this.test(text)) return [];
    if (text.length > REGEX_PLACE_LIMIT) return BEYOND_LIMITS;
    const matcher = this.engine.matcher(text);
    const found: (readonly number[])[] = [];
    let end = -1;
    while (matcher.find()) {
      if (matcher.end() === end) continue;
      if (found.length === REGEX_MATCH_LIMIT) return BEYOND_LIMITS;
      end = matcher.end();
      found.push(positionsOf(matcher, this.groupCount));
    }
    return found;
  }
}

function positionsOf(matcher: Matcher, groupCount: number): readonly number[] {
  const positions: number[] = [];
  for (let group = 0; group <= groupCount; group++) positions.push(matcher.start(group), matcher.end(group));
  return positions;
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
  // Loaded with the first regex: most configurations have none, and it costs each start 13 ms and 2 MB.
  const engine = require("re2js") as typeof import("re2js");
  try {
    return engine.RE2JS.compile(pattern);
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
  /** How often a regex was asked for. */
  asked = 0;

  /** Throws SyntaxProblem. */
  get(pattern: string): LinearRegex {
    this.asked++;
    let regex = this.compiled.get(pattern);
    if (regex === undefined) {
      regex = new LinearRegex(pattern);
      this.compiled.set(pattern, regex);
      if (regex.literal === null) this.count++;
    }
    return regex;
  }
}
