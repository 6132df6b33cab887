/**
 * The replacement of a regex in Go's syntax: `$1`, `${1}`, `${name}` and `$$`; `$1x` is the group named `1x`. What a
 * group gives is copied as it stands, so nothing is decoded twice and a `$` in a request means nothing.
 */
import { BEYOND_LIMITS, type BeyondLimits, type LinearRegex, SyntaxProblem } from "./linear_regex.ts";

/** A piece of a result: text of the replacement, or the part of the input from `from` to `to`. */
export interface Piece {
  readonly text: string;
  /** Position in the input, -1 for text of the replacement. */
  readonly from: number;
  readonly to: number;
}

/** A part of the replacement: text, or a group's number. */
type Part = string | number;

const REFERENCE = /\$(?:(\$)|\{(\w+)\}|(\w+))/y;

export class Replacement {
  readonly regex: LinearRegex;
  readonly #parts: readonly Part[];

  /**
   * `literal` turns text of the replacement into what the result needs, and may throw. Throws SyntaxProblem for a
   * lone `$` and for a group that the regex does not have.
   */
  constructor(regex: LinearRegex, replacement: string, literal: (text: string) => string = (text) => text) {
    this.regex = regex;
    this.#parts = partsOf(regex, replacement).map((part) =>
      typeof part === "string" ? literal(part) : part,
    );
  }

  /** `text` with every match replaced, or null when nothing matches. */
  apply(text: string): string | null | BeyondLimits {
    const pieces = this.pieces(text);
    return pieces === null || pieces === BEYOND_LIMITS ? pieces : textOf(pieces);
  }

  /** The same with the origin of each part; none is empty. */
  pieces(text: string): readonly Piece[] | null | BeyondLimits {
    const matches = this.regex.allMatches(text);
    if (matches === BEYOND_LIMITS) return matches;
    if (matches.length === 0) return null;
    const pieces: Piece[] = [];
    let at = 0;
    for (const match of matches) {
      addInput(pieces, text, at, match[0]!);
      for (const part of this.#parts) {
        if (typeof part === "number") addInput(pieces, text, match[2 * part]!, match[2 * part + 1]!);
        else if (part !== "") pieces.push({ text: part, from: -1, to: -1 });
      }
      at = match[1]!;
    }
    addInput(pieces, text, at, text.length);
    return pieces;
  }
}

/** The text that pieces make. */
export function textOf(pieces: readonly Piece[]): string {
  return pieces.map((piece) => piece.text).join("");
}

function addInput(pieces: Piece[], text: string, from: number, to: number): void {
  if (from >= 0 && to > from) pieces.push({ text: text.slice(from, to), from, to });
}

function partsOf(regex: LinearRegex, replacement: string): Part[] {
  const parts: Part[] = [];
  let text = "";
  for (let at = 0; at < replacement.length;) {
    if (replacement[at] !== "$") {
      text += replacement[at++];
      continue;
    }
    REFERENCE.lastIndex = at;
    const reference = REFERENCE.exec(replacement);
    if (reference === null)
      throw new SyntaxProblem("a lone `$`", "$1, ${1}, ${name}, or $$ for the character itself");
    at = REFERENCE.lastIndex;
    if (reference[1] !== undefined) {
      text += "$";
      continue;
    }
    parts.push(text, groupOf(regex, reference[2] ?? reference[3]!));
    text = "";
  }
  parts.push(text);
  return parts;
}

function groupOf(regex: LinearRegex, name: string): number {
  const count = regex.groupCount;
  const group = /^\d{1,6}$/.test(name) ? Number(name) : regex.groupNumber(name);
  if (group !== null && group <= count) return group;
  const has =
    count === 0 ? "has no groups" : count === 1 ? "has the group 1" : `has the groups 1 to ${count}`;
  const hint = /^\d+[A-Za-z_]/.test(name) ? `; \${1}x is group 1 and an x` : "";
  throw new SyntaxProblem(`the group \`${name}\``, `a group of the regex, which ${has}${hint}`);
}
