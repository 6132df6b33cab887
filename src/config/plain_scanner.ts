/**
 * The words of the plain part of YAML: lines and their ends, spaces, and scalars. `PlainYamlReader` builds collections
 * of them. Where the text leaves the plain part, `NOT_PLAIN` is thrown.
 */

/** Thrown inside the reader where the text leaves the plain part. */
export const NOT_PLAIN = new Error("not plain");

const SAFE_NUMBER = /^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?$/;
const MAYBE_NUMBER = /^(?:[-+]?\.?[0-9][-+0-9a-fA-FxXoOeE._]*|[-+]?\.[iInN].*|[-+.]+)$/;
const DOTTED = /^\d+\.\d+\.\d+(?:\.\d+)?$/;
/** Keys and values that the schema gives a meaning, or that JavaScript gives one. */
const NEVER_KEY = /^(?:~|null|Null|NULL|true|True|TRUE|false|False|FALSE|<<|=|__proto__)$/;

export const NEWLINE = 10;
export const SPACE = 32;
const QUOTE = 34;
const HASH = 35;
const APOSTROPHE = 39;
export const COMMA = 44;
export const DASH = 45;
export const COLON = 58;
export const OPEN_LIST = 91;
const BACKSLASH = 92;
export const CLOSE_LIST = 93;
export const OPEN_MAP = 123;
export const BAR = 124;
export const CLOSE_MAP = 125;
/** Characters that no plain scalar starts with, and `?`, which may start a long key. */
const NEVER_FIRST = new Set([..."&*!|>'\"%@`#?,[]{}"].map((character) => character.charCodeAt(0)));

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  n: "\n",
  t: "\t",
  r: "\r",
};

export class PlainScanner {
  protected readonly text: string;
  protected at = 0;
  protected lineStart = 0;
  /** Whether the last scalar was quoted. */
  protected quoted = false;

  constructor(text: string) {
    this.text = text;
  }

  protected code(): number {
    return this.text.charCodeAt(this.at);
  }

  protected column(): number {
    return this.at - this.lineStart;
  }

  /** Goes to the first character of the next line with content; false at the end of the text. `at` is at a line's start. */
  protected toContent(): boolean {
    const { text } = this;
    for (;;) {
      let at = this.lineStart;
      while (text.charCodeAt(at) === SPACE) at++;
      const code = text.charCodeAt(at);
      if (Number.isNaN(code)) {
        this.at = text.length;
        return false;
      }
      if (code === HASH) at = this.endOf(at);
      if (text.charCodeAt(at) !== NEWLINE && at < text.length) {
        this.at = at;
        if (at === this.lineStart && (text.startsWith("---", at) || text.startsWith("...", at)))
          throw NOT_PLAIN;
        return true;
      }
      if (at >= text.length) {
        this.at = text.length;
        return false;
      }
      this.lineStart = at + 1;
    }
  }

  protected endOf(at: number): number {
    const end = this.text.indexOf("\n", at);
    return end === -1 ? this.text.length : end;
  }

  /** After a value: only spaces and a comment may follow on this line. Goes to the next line's start. */
  protected endLine(): void {
    const { text } = this;
    let at = this.at;
    while (text.charCodeAt(at) === SPACE) at++;
    if (text.charCodeAt(at) === HASH) {
      if (at === this.at) throw NOT_PLAIN;
      at = this.endOf(at);
    }
    if (at < text.length && text.charCodeAt(at) !== NEWLINE) throw NOT_PLAIN;
    this.lineStart = Math.min(at + 1, text.length);
    this.at = this.lineStart;
  }

  protected skipSpaces(): void {
    while (this.code() === SPACE) this.at++;
  }

  /** True where the rest of the line holds nothing but spaces and a comment. */
  protected atLineEnd(): boolean {
    const code = this.code();
    if (code === NEWLINE || Number.isNaN(code)) return true;
    return code === HASH && this.text.charCodeAt(this.at - 1) === SPACE;
  }

  protected isDash(): boolean {
    if (this.code() !== DASH) return false;
    const next = this.text.charCodeAt(this.at + 1);
    return next === SPACE || next === NEWLINE || Number.isNaN(next);
  }

  protected readScalar(inFlow: boolean): unknown {
    const raw = this.readScalarText(inFlow);
    return this.quoted ? raw : resolvePlain(raw);
  }

  /** A quoted or plain scalar as text; `quoted` says which. */
  protected readScalarText(inFlow: boolean): string {
    const code = this.code();
    this.quoted = code === QUOTE || code === APOSTROPHE;
    if (code === QUOTE) return this.readDoubleQuoted();
    if (code === APOSTROPHE) return this.readSingleQuoted();
    return this.readPlain(inFlow);
  }

  private readPlain(inFlow: boolean): string {
    const { text } = this;
    const start = this.at;
    const first = text.charCodeAt(start);
    if (NEVER_FIRST.has(first)) throw NOT_PLAIN;
    let at = start;
    let end = start;
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === NEWLINE) break;
      if (code === SPACE) continue;
      if (code === HASH && at > start && text.charCodeAt(at - 1) === SPACE) break;
      if (inFlow && isFlowIndicator(code)) break;
      if (code === COLON || (code === DASH && at === start)) {
        const next = text.charCodeAt(at + 1);
        const ends =
          next === SPACE || next === NEWLINE || Number.isNaN(next) || (inFlow && isFlowIndicator(next));
        if (ends && code === COLON && at > start) break;
        if (ends) throw NOT_PLAIN;
      }
      end = at + 1;
    }
    if (end === start) throw NOT_PLAIN;
    this.at = end;
    // White space before the colon of a key.
    if (text.charCodeAt(at) === COLON) this.at = at;
    return text.slice(start, end);
  }

  private readSingleQuoted(): string {
    const { text } = this;
    let at = this.at + 1;
    let value = "";
    for (;;) {
      const end = text.indexOf("'", at);
      if (end === -1) throw NOT_PLAIN;
      value += text.slice(at, end);
      at = end + 1;
      if (text.charCodeAt(at) !== APOSTROPHE) break;
      value += "'";
      at++;
    }
    if (value.includes("\n")) throw NOT_PLAIN;
    this.at = at;
    return value;
  }

  private readDoubleQuoted(): string {
    const { text } = this;
    let at = this.at + 1;
    let from = at;
    let value = "";
    for (; ; at++) {
      const code = text.charCodeAt(at);
      if (code === NEWLINE || Number.isNaN(code)) throw NOT_PLAIN;
      if (code === QUOTE) break;
      if (code !== BACKSLASH) continue;
      const escaped = ESCAPES[text[at + 1] ?? ""];
      if (escaped === undefined) throw NOT_PLAIN;
      value += text.slice(from, at) + escaped;
      at++;
      from = at + 1;
    }
    this.at = at + 1;
    return value + text.slice(from, at);
  }

  /** Spaces, comments and line ends inside brackets. Lines must stand deeper than the block around them. */
  protected skipFlowSpace(column: number): void {
    const { text } = this;
    for (;;) {
      this.skipSpaces();
      const code = this.code();
      if (Number.isNaN(code)) throw NOT_PLAIN;
      if (code === HASH) {
        if (text.charCodeAt(this.at - 1) !== SPACE) throw NOT_PLAIN;
        this.at = this.endOf(this.at);
        continue;
      }
      if (code !== NEWLINE) return;
      this.lineStart = ++this.at;
      this.skipSpaces();
      if (this.code() === NEWLINE) continue;
      if (this.column() <= column) throw NOT_PLAIN;
      if (this.column() === 0 && (text.startsWith("---", this.at) || text.startsWith("...", this.at)))
        throw NOT_PLAIN;
    }
  }
}

/** True for a plain scalar that may not be a key: it is no text, or not surely text. */
export function isUnsureKey(text: string): boolean {
  return NEVER_KEY.test(text) || MAYBE_NUMBER.test(text);
}

function isFlowIndicator(code: number): boolean {
  return (
    code === COMMA || code === OPEN_LIST || code === CLOSE_LIST || code === OPEN_MAP || code === CLOSE_MAP
  );
}

/** The value of a plain scalar by the core schema (YAML 1.2.2, 10.3.2). */
function resolvePlain(text: string): unknown {
  switch (text) {
    case "null":
    case "~":
      return null;
    case "true":
      return true;
    case "false":
      return false;
  }
  const first = text.charCodeAt(0);
  if (first === DASH || first === 43 || first === 46 || (first >= 48 && first <= 57)) {
    if (SAFE_NUMBER.test(text) && text !== "-0") return Number(text);
    if (MAYBE_NUMBER.test(text) && !DOTTED.test(text)) throw NOT_PLAIN;
    return text;
  }
  if (NEVER_KEY.test(text)) throw NOT_PLAIN;
  return text;
}
