/** Reads files of java.util.Properties (`Properties.load`): one key and value on each logical line. */

export interface Property {
  readonly key: string;
  readonly value: string;
  /** Of its first character in the file, from 1. */
  readonly line: number;
}

export interface PropertyProblem {
  readonly line: number;
  /** Completes the sentence that begins with the line. */
  readonly message: string;
}

export interface ReadProperties {
  /** In the file's order; of a key that comes again the last one counts. */
  readonly properties: readonly Property[];
  readonly problems: readonly PropertyProblem[];
}

const BLANK = " \t\f";
const LEADING = /^[ \t\f]*/;
const ESCAPES: Readonly<Record<string, string>> = { t: "\t", n: "\n", r: "\r", f: "\f" };

/** `bytes` are ISO 8859-1, as Java takes them; other characters are written as `\uXXXX`. Never throws. */
export function readProperties(bytes: Uint8Array): ReadProperties {
  const properties: Property[] = [];
  const problems: PropertyProblem[] = [];
  for (const { text, line } of logicalLines(latin1(bytes))) {
    const end = keyEnd(text);
    const key = unescaped(text.slice(0, end));
    const value = unescaped(text.slice(valueStart(text, end)));
    if (key === null || value === null)
      problems.push({ line, message: "has a malformed \\u; expected four hexadecimal digits behind it" });
    else properties.push({ key, value, line });
  }
  return { properties, problems };
}

/** WHATWG decoders take this name for another encoding. */
function latin1(bytes: Uint8Array): string {
  const pieces: string[] = [];
  for (let from = 0; from < bytes.length; from += 8_192)
    pieces.push(String.fromCharCode(...bytes.subarray(from, from + 8_192)));
  return pieces.join("");
}

/**
 * Lines that say something, each with what continues it. As in Java, a line that is a backslash alone begins nothing: what follows may
 * be a comment.
 */
function logicalLines(text: string): LogicalLine[] {
  const found: LogicalLine[] = [];
  const lines = text.split(/\r\n|\r|\n/);
  let whole = "";
  let line = 1;
  for (const [index, natural] of lines.entries()) {
    const rest = natural.replace(LEADING, "");
    if (whole === "" && (rest === "" || rest.startsWith("#") || rest.startsWith("!"))) continue;
    if (whole === "") line = index + 1;
    whole += rest;
    const isToGoOn = isContinued(rest);
    if (isToGoOn) whole = whole.slice(0, -1);
    // Behind the last line there is nothing to go on with.
    const isEnd = index + 1 >= lines.length || (index + 2 === lines.length && lines[index + 1] === "");
    if (isToGoOn && !isEnd) continue;
    found.push({ text: whole, line });
    whole = "";
    if (isToGoOn) break;
  }
  return found;
}

interface LogicalLine {
  readonly text: string;
  readonly line: number;
}

/** True where an odd number of backslashes is at the end. */
function isContinued(text: string): boolean {
  return (/\\*$/.exec(text)?.[0].length ?? 0) % 2 === 1;
}

/** Where the key ends: before the first separator or blank that is not escaped. */
function keyEnd(text: string): number {
  for (let index = 0; index < text.length; index++) {
    const character = text[index]!;
    if (character === "\\") index++;
    else if (character === "=" || character === ":" || BLANK.includes(character)) return index;
  }
  return text.length;
}

/** Blanks, one separator, and blanks again are between key and value. */
function valueStart(text: string, end: number): number {
  let start = end;
  const skip = (): void => {
    while (start < text.length && BLANK.includes(text[start]!)) start++;
  };
  skip();
  if (text[start] === "=" || text[start] === ":") start++;
  skip();
  return start;
}

/** Null for a malformed `\u`. */
function unescaped(text: string): string | null {
  if (!text.includes("\\")) return text;
  let isMalformed = false;
  const plain = text.replace(/\\(u[0-9a-fA-F]{4}|[^]|$)/g, (_, escape: string) => {
    if (escape === "u") isMalformed = true;
    if (escape.length > 1) return String.fromCharCode(Number.parseInt(escape.slice(1), 16));
    return ESCAPES[escape] ?? escape;
  });
  return isMalformed ? null : plain;
}
