/**
 * Reader for the plain part of YAML 1.2 that nearly every configuration stays in: block and flow collections, plain,
 * quoted and literal scalars, comments, and JSON. It is some fifty times faster than the positional parser. What it is
 * not sure of (anchors, tags, several documents, folded text, tabs, unusual numbers, every error, a repeated key) it
 * leaves to that parser by returning null; a fuzz test holds the two against each other.
 */

import {
  BAR,
  CLOSE_LIST,
  CLOSE_MAP,
  COLON,
  COMMA,
  DASH,
  NEWLINE,
  OPEN_LIST,
  OPEN_MAP,
  SPACE,
  isUnsureKey,
  NOT_PLAIN,
  PlainScanner,
} from "./plain_scanner.ts";

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

class PlainYamlReader extends PlainScanner {
  readonly marks = new Map<object, Marks>();
  private readonly positions: boolean;
  private depth = 0;
  /** Where the last key of a block map starts. */
  private keyAt = 0;

  constructor(text: string, positions: boolean) {
    super(text);
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
      marks?.keyAt.set(key, this.keyAt);
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
    this.keyAt = start;
    this.at++;
    return key;
  }

  private checkKey(raw: string, length: number): string {
    if (length > MAX_KEY_LENGTH || raw === "__proto__") throw NOT_PLAIN;
    if (!this.quoted && isUnsureKey(raw)) throw NOT_PLAIN;
    return raw;
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
}
