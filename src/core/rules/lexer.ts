/** Splits a rule into tokens. Strings are Go's: raw between backticks, with escapes between double quotes. */
import { RuleError } from "./rule_error.ts";

export type TokenKind = "name" | "string" | "(" | ")" | "," | "&&" | "||" | "!" | "end";

export interface Token {
  readonly kind: TokenKind;
  /** The name, the value of the string, or the sign itself. */
  readonly text: string;
  /** Where the token starts and where the next one may start. */
  readonly offset: number;
  readonly end: number;
}

const SIGNS: readonly TokenKind[] = ["&&", "||", "(", ")", ",", "!"];
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const BLANK = /[ \t\r\n]*/y;

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  '"': '"',
};
/** Escapes that are followed by digits: `\x41`, `\u00e9`, `\U0001f9ad`. */
const CODE_ESCAPES: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

/** The token that starts at or after `from`. Throws RuleError where none can start. */
export function nextToken(text: string, from: number): Token {
  const offset = from + matchLength(BLANK, text, from);
  if (offset === text.length) return { kind: "end", text: "", offset, end: offset };
  const name = matchLength(NAME, text, offset);
  if (name > 0) return { kind: "name", text: text.slice(offset, offset + name), offset, end: offset + name };
  const first = text[offset]!;
  if (first === "`") return rawString(text, offset);
  if (first === '"') return quotedString(text, offset);
  for (const kind of SIGNS)
    if (text.startsWith(kind, offset)) return { kind, text: kind, offset, end: offset + kind.length };
  throw unknownSign(text, offset);
}

function matchLength(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  return pattern.exec(text)?.[0].length ?? 0;
}

function unknownSign(text: string, offset: number): RuleError {
  const sign = String.fromCodePoint(text.codePointAt(offset)!);
  if (sign === "'")
    return new RuleError(text, offset, "a single quote", "backticks or double quotes around a value");
  if (sign === "&" || sign === "|")
    return new RuleError(text, offset, `a single \`${sign}\``, `\`${sign}${sign}\``);
  return new RuleError(
    text,
    offset,
    `unexpected ${JSON.stringify(sign)}`,
    "a matcher such as Host(`example.com`)",
  );
}

function rawString(text: string, offset: number): Token {
  const end = text.indexOf("`", offset + 1);
  if (end < 0) throw new RuleError(text, offset, "a value that does not end", "a closing backtick");
  return { kind: "string", text: text.slice(offset + 1, end), offset, end: end + 1 };
}

function quotedString(text: string, offset: number): Token {
  let value = "";
  let at = offset + 1;
  for (;;) {
    const character = text[at];
    if (character === undefined || character === "\n")
      throw new RuleError(text, offset, "a value that does not end", "a closing double quote");
    if (character === '"') return { kind: "string", text: value, offset, end: at + 1 };
    if (character === "\\") {
      const escape = readEscape(text, at);
      value += escape.value;
      at = escape.end;
    } else {
      value += character;
      at++;
    }
  }
}

function readEscape(text: string, at: number): { value: string; end: number } {
  const letter = text[at + 1] ?? "";
  const simple = Object.hasOwn(SIMPLE_ESCAPES, letter) ? SIMPLE_ESCAPES[letter] : undefined;
  if (simple !== undefined) return { value: simple, end: at + 2 };
  const digits = Object.hasOwn(CODE_ESCAPES, letter) ? CODE_ESCAPES[letter]! : 0;
  const code = text.slice(at + 2, at + 2 + digits);
  if (digits > 0 && code.length === digits && /^[0-9A-Fa-f]+$/.test(code)) {
    const point = Number.parseInt(code, 16);
    if (point <= 0x10ffff && (point < 0xd800 || point > 0xdfff))
      return { value: String.fromCodePoint(point), end: at + 2 + digits };
  }
  throw new RuleError(
    text,
    at,
    "an unknown escape",
    '`\\\\`, `\\"`, `\\n`, `\\t`, `\\x41` or `\\u00e9`, or a value in backticks',
  );
}
