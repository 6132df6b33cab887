/** A rule that cannot be read. The message is one sentence: what, where, and what was expected. */
export class RuleError extends Error {
  readonly what: string;
  readonly expected: string;
  /** Characters before the error, 0 to the length of the rule. */
  readonly offset: number;
  /** Both count from 1; a rule that spans lines is written as a YAML block. */
  readonly line: number;
  readonly column: number;

  constructor(text: string, offset: number, what: string, expected: string) {
    const before = text.slice(0, offset).split("\n");
    const line = before.length;
    const column = before[line - 1]!.length + 1;
    const place = line === 1 ? `column ${column}` : `line ${line}, column ${column}`;
    super(`${what} at ${place}, expected ${expected}`);
    this.name = "RuleError";
    this.what = what;
    this.expected = expected;
    this.offset = offset;
    this.line = line;
    this.column = column;
  }
}
