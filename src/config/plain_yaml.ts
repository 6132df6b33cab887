/**
 * Reader for the plain part of YAML 1.2 that nearly every configuration stays in: block and flow collections, plain,
 * quoted and literal scalars, comments, and JSON. It is some thirty times faster than the positional parser. What it is
 * not sure of (anchors, tags, several documents, folded text, tabs, unusual numbers, every error, a repeated key) it
 * leaves to that parser by returning null; a fuzz test holds the two against each other.
 */

/** Where the parts of one map or list start, as offsets into the text. */
export interface Marks {
  /** Offset of the key, by key. Empty for lists. */
  readonly keyAt: Map<string, number>;
  /** Offset of the value, by key or index. */
  readonly valueAt: Map<string | number, number>;
}

export interface PlainYaml {
  readonly value: unknown;
  /** Filled only when positions are asked for; by map or list. */
  readonly marks: ReadonlyMap<object, Marks>;
}

/** Nesting that is left to the other parser. */
const MAX_DEPTH = 100;
/** YAML allows 1,024 characters for a key without `?`. */
const MAX_KEY_LENGTH = 1_000;

// Tabs, carriage returns, other control characters, line separators and unpaired surrogates.
// oxlint-disable-next-line no-control-regex
const UNUSUAL = /[\0-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]|\p{Surrogate}/u;
const SAFE_NUMBER = /^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?$/;
const MAYBE_NUMBER = /^(?:[-+]?\.?[0-9][-+0-9a-fA-FxXoOeE._]*|[-+]?\.[iInN].*|[-+.]+)$/;
const DOTTED = /^\d+\.\d+\.\d+(?:\.\d+)?$/;
const NEVER_KEY = /^(?:~|null|Null|NULL|true|True|TRUE|false|False|FALSE|<<|=|__proto__)$/;

const NEWLINE = 10;
const SPACE = 32;
const QUOTE = 34;
const HASH = 35;
const APOSTROPHE = 39;
const COMMA = 44;
const DASH = 45;
const COLON = 58;
const OPEN_LIST = 91;
const BACKSLASH = 92;
const CLOSE_LIST = 93;
const OPEN_MAP = 123;
const BAR = 124;
const CLOSE_MAP = 125;
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

/** Thrown inside the reader where the text leaves the plain part. */
const NOT_PLAIN = new Error("not plain");

/**
 * Reads `text`. Returns null when it is not sure; never throws. With `positions` the offsets of keys and values are
 * kept as well.
 */
export function readPlainYaml(text: string, positions: boolean): PlainYaml | null {
  if (UNUSUAL.test(text)) return null;
  const reader = new PlainYamlReader(text, positions);
  try {
    return { value: reader.readDocument(), marks: reader.marks };
  } catch (error) {
    if (error === NOT_PLAIN) return null;
    throw error;
  }
}

class PlainYamlReader {
  readonly marks = new Map<object, Marks>();
  private readonly text: string;
  private readonly positions: boolean;
  private at = 0;
  private lineStart = 0;
  private depth = 0;
  /** Length of the last plain or quoted scalar in the source, and whether it was quoted. */
  private quoted = false;
  private scalarAt = 0;

  constructor(text: string, positions: boolean) {
    this.text = text;
    this.positions = positions;
  }

  readDocument(): unknown {
    if (this.text.startsWith("---\n")) {
      this.at = 4;
      this.lineStart = 4;
    }
    if (!this.toContent()) return null;
    const first = this.code();
    if (first !== OPEN_MAP && first !== OPEN_LIST) {
      const value = this.readBlock();
      if (this.at < this.text.length) throw NOT_PLAIN;
      return value;
    }
    const value = this.readFlow(-1);
    this.endLine();
    if (this.toContent()) throw NOT_PLAIN;
    return value;
  }

  private code(): number {
    return this.text.charCodeAt(this.at);
  }

  private column(): number {
    return this.at - this.lineStart;
  }

  /** Goes to the first character of the next line with content; false at the end of the text. `at` is at a line's start. */
  private toContent(): boolean {
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

  private endOf(at: number): number {
    const end = this.text.indexOf("\n", at);
    return end === -1 ? this.text.length : end;
  }

  /** After a value: only spaces and a comment may follow on this line. Goes to the next line's start. */
  private endLine(): void {
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

  private skipSpaces(): void {
    while (this.code() === SPACE) this.at++;
  }

  /** True where the rest of the line holds nothing but spaces and a comment. */
  private atLineEnd(): boolean {
    const code = this.code();
    if (code === NEWLINE || Number.isNaN(code)) return true;
    return code === HASH && this.text.charCodeAt(this.at - 1) === SPACE;
  }

  private isDash(): boolean {
    if (this.code() !== DASH) return false;
    const next = this.text.charCodeAt(this.at + 1);
    return next === SPACE || next === NEWLINE || Number.isNaN(next);
  }

  private enter(): void {
    if (++this.depth > MAX_DEPTH) throw NOT_PLAIN;
  }

  private newMarks(container: object): Marks | null {
    if (!this.positions) return null;
    const marks = { keyAt: new Map<string, number>(), valueAt: new Map<string | number, number>() };
    this.marks.set(container, marks);
    return marks;
  }

  /** At the first character of a block collection. Ends at the first character of what follows it. */
  private readBlock(): unknown {
    return this.isDash() ? this.readBlockList() : this.readBlockMap(null, 0);
  }

  /** A block map; `firstKey` has been read already when the map starts behind a dash. */
  private readBlockMap(firstKey: string | null, firstColumn: number): unknown {
    this.enter();
    const column = firstKey === null ? this.column() : firstColumn;
    const map: Record<string, unknown> = {};
    const marks = this.newMarks(map);
    let key = firstKey;
    for (;;) {
      if (key === null) {
        key = this.readBlockKey();
        if (key === null) throw NOT_PLAIN;
      }
      if (Object.hasOwn(map, key)) throw NOT_PLAIN;
      marks?.keyAt.set(key, this.scalarAt);
      const line = this.lineStart;
      map[key] = this.readBlockValue(column, true, marks, key, line);
      key = null;
      if (this.at >= this.text.length || this.column() < column) break;
      if (this.column() > column || this.isDash()) throw NOT_PLAIN;
    }
    this.depth--;
    return map;
  }

  private readBlockList(): unknown {
    this.enter();
    const column = this.column();
    const list: unknown[] = [];
    const marks = this.newMarks(list);
    for (;;) {
      this.at++;
      list.push(this.readBlockValue(column, false, marks, list.length, this.lineStart));
      if (this.at >= this.text.length || this.column() < column) break;
      if (this.column() > column) throw NOT_PLAIN;
      if (!this.isDash()) break;
    }
    this.depth--;
    return list;
  }

  /**
   * What stands behind `key:` or a dash, on the same line or on the lines below. `column` is that of the collection.
   * Ends at the first character of the next content, or at the end of the text.
   */
  private readBlockValue(
    column: number,
    behindKey: boolean,
    marks: Marks | null,
    key: string | number,
    line: number,
  ): unknown {
    this.skipSpaces();
    if (this.atLineEnd()) {
      const end = this.at;
      this.lineStart = Math.min(this.endOf(this.at) + 1, this.text.length);
      const below =
        this.toContent() &&
        (this.column() > column || (behindKey && this.column() === column && this.isDash()));
      marks?.valueAt.set(key, below ? this.at : end);
      return below ? this.readBlock() : null;
    }
    marks?.valueAt.set(key, this.at);
    if (!behindKey) {
      if (this.isDash()) return this.readBlockList();
      const innerColumn = this.at - line;
      const start = this.at;
      const innerKey = this.readBlockKey();
      if (innerKey !== null) return this.readBlockMap(innerKey, innerColumn);
      this.at = start;
    }
    return this.readInlineValue(column);
  }

  /** A scalar or a flow collection on this line; then goes to the next content. */
  private readInlineValue(column: number): unknown {
    const code = this.code();
    let value: unknown;
    if (code === OPEN_MAP || code === OPEN_LIST) value = this.readFlow(column);
    else if (code === BAR) return this.readLiteral(column);
    else value = this.readScalar(false);
    this.endLine();
    // A deeper line that follows would go on with a plain scalar: the callers refuse every deeper line.
    this.toContent();
    return value;
  }

  /** A key and its colon, or null where the line holds no key. */
  private readBlockKey(): string | null {
    const start = this.at;
    if (this.code() === OPEN_MAP || this.code() === OPEN_LIST || this.code() === BAR) return null;
    const raw = this.readScalarText(false);
    if (this.quoted) this.skipSpaces();
    if (this.code() !== COLON) return null;
    const next = this.text.charCodeAt(this.at + 1);
    if (next !== SPACE && next !== NEWLINE && !Number.isNaN(next)) return null;
    const key = this.checkKey(raw, this.at - start);
    this.scalarAt = start;
    this.at++;
    return key;
  }

  private checkKey(raw: string, length: number): string {
    if (length > MAX_KEY_LENGTH || raw === "__proto__") throw NOT_PLAIN;
    if (!this.quoted && (NEVER_KEY.test(raw) || MAYBE_NUMBER.test(raw))) throw NOT_PLAIN;
    return raw;
  }

  private readScalar(inFlow: boolean): unknown {
    const raw = this.readScalarText(inFlow);
    return this.quoted ? raw : resolvePlain(raw);
  }

  /** A quoted or plain scalar as text; `quoted` says which. */
  private readScalarText(inFlow: boolean): string {
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

  /** `|` or `|-` and the deeper lines below. */
  private readLiteral(column: number): string {
    const { text } = this;
    this.at++;
    const strip = this.code() === DASH;
    if (strip) this.at++;
    this.endLine();
    const lines: string[] = [];
    let indent = -1;
    let start = this.lineStart;
    for (; start < text.length;) {
      const end = this.endOf(start);
      let at = start;
      while (at < end && text.charCodeAt(at) === SPACE) at++;
      if (at === end) {
        if (end > start && (indent === -1 || end - start > indent)) throw NOT_PLAIN;
        lines.push("");
      } else {
        if (at - start <= column) break;
        if (indent === -1) indent = at - start;
        if (at - start < indent) throw NOT_PLAIN;
        lines.push(text.slice(start + indent, end));
      }
      start = end + 1;
    }
    if (indent === -1) throw NOT_PLAIN;
    this.lineStart = Math.min(start, text.length);
    while (lines.at(-1) === "") lines.pop();
    this.toContent();
    return lines.join("\n") + (strip ? "" : "\n");
  }

  /** At `{` or `[`; `column` is that of the block collection around it, -1 for none. Ends behind the closing bracket. */
  private readFlow(column: number): unknown {
    this.enter();
    const value = this.code() === OPEN_MAP ? this.readFlowMap(column) : this.readFlowList(column);
    this.depth--;
    return value;
  }

  private readFlowMap(column: number): unknown {
    const map: Record<string, unknown> = {};
    const marks = this.newMarks(map);
    this.at++;
    for (;;) {
      this.skipFlowSpace(column);
      if (this.code() === CLOSE_MAP) break;
      const start = this.at;
      const raw = this.readScalarText(true);
      const key = this.checkKey(raw, this.at - start);
      const { quoted } = this;
      this.skipSpaces();
      if (this.code() !== COLON || Object.hasOwn(map, key)) throw NOT_PLAIN;
      this.at++;
      const next = this.code();
      if (!quoted && next !== SPACE && next !== NEWLINE) throw NOT_PLAIN;
      this.skipFlowSpace(column);
      marks?.keyAt.set(key, start);
      marks?.valueAt.set(key, this.at);
      map[key] = this.readFlowValue(column);
      if (!this.nextEntry(column, CLOSE_MAP)) break;
    }
    this.at++;
    return map;
  }

  private readFlowList(column: number): unknown {
    const list: unknown[] = [];
    const marks = this.newMarks(list);
    this.at++;
    for (;;) {
      this.skipFlowSpace(column);
      if (this.code() === CLOSE_LIST) break;
      marks?.valueAt.set(list.length, this.at);
      list.push(this.readFlowValue(column));
      if (!this.nextEntry(column, CLOSE_LIST)) break;
    }
    this.at++;
    return list;
  }

  private readFlowValue(column: number): unknown {
    const code = this.code();
    return code === OPEN_MAP || code === OPEN_LIST ? this.readFlow(column) : this.readScalar(true);
  }

  /** Behind an entry: true after a comma, false at the closing bracket. A colon here would be a one-pair map. */
  private nextEntry(column: number, close: number): boolean {
    this.skipFlowSpace(column);
    const code = this.code();
    if (code === close) return false;
    if (code !== COMMA) throw NOT_PLAIN;
    this.at++;
    return true;
  }

  /** Spaces, comments and line ends inside brackets. Lines must stand deeper than the block around them. */
  private skipFlowSpace(column: number): void {
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
