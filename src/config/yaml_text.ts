/** One YAML text: its value by the fast reader where that is sure, by the thorough one otherwise, and positions on demand. */
import { readPlainYaml, type Marks } from "./plain_yaml.ts";
import type { PositionalYaml } from "./positional_yaml.ts";
import type { Path } from "./problem.ts";

export interface Position {
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
}

export interface YamlText {
  /** Null for an empty text; meaningful only without problems. */
  readonly value: unknown;
  readonly problems: readonly (Position & { readonly message: string })[];
  /** True when the fast reader was sure. */
  readonly fast: boolean;
  /**
   * Position of the key (for a list item: of the item) or of the value at `path`; where it does not exist, that of the
   * nearest key above.
   */
  locate(path: Path, what: "key" | "value"): Position;
  /** Position of the character `column` (from 1) of the text that stands at `path`. */
  locateInText(path: Path, column: number): Position;
}

/** More problems of one text than that are not told. */
const MAX_PROBLEMS = 100;

/** Loaded at its first use: most starts never need it, and it takes 30 ms. */
function readThoroughly(text: string): PositionalYaml {
  const { readPositionalYaml } = require("./positional_yaml.ts") as typeof import("./positional_yaml.ts");
  return readPositionalYaml(text);
}

/** Reads `text`; never throws. */
export function readYaml(text: string): YamlText {
  const lines = lineIndex(text);
  const plain = readPlainYaml(text, false);
  if (plain !== null) return located(text, lines, plain.value, true, () => plainOffsets(text));
  const positional = readThoroughly(text);
  const problems = positional.problems
    .slice(0, MAX_PROBLEMS)
    .map((problem) => ({ ...lines(problem.offset), message: problem.message }));
  const reader = located(text, lines, positional.value, false, () => positional.offsetOf);
  return { ...reader, problems };
}

type OffsetOf = PositionalYaml["offsetOf"];

function located(
  text: string,
  lines: (offset: number) => Position,
  value: unknown,
  fast: boolean,
  makeOffsets: () => OffsetOf,
): YamlText {
  let offsets: OffsetOf | null = null;
  const offsetOf: OffsetOf = (path, what) => (offsets ??= makeOffsets())(path, what);
  const locate = (path: Path, what: "key" | "value"): Position => {
    const exact = offsetOf(path, what);
    if (exact >= 0) return lines(exact);
    return path.length > 0 ? locate(path.slice(0, -1), "key") : lines(0);
  };
  const locateInText = (path: Path, column: number): Position => {
    const offset = offsetOf(path, "value");
    if (offset < 0) return locate(path, "value");
    const start = lines(offset);
    const first = text[offset];
    if (first === "|" || first === ">" || first === "&" || first === "!") return start;
    return { line: start.line, column: start.column + column - 1 + (first === '"' || first === "'" ? 1 : 0) };
  };
  return { value, problems: [], fast, locate, locateInText };
}

/** Offsets by a second run of the fast reader, which then keeps them. */
function plainOffsets(text: string): OffsetOf {
  const read = readPlainYaml(text, true);
  return (path, what) => {
    let container = read?.value;
    let offset = path.length === 0 ? 0 : -1;
    for (const [depth, step] of path.entries()) {
      const marks: Marks | undefined =
        typeof container === "object" && container !== null ? read?.marks.get(container) : undefined;
      const key = Array.isArray(container) ? Number(step) : String(step);
      const wantsKey = what === "key" && depth === path.length - 1 && typeof key === "string";
      offset = (wantsKey ? marks?.keyAt.get(key) : marks?.valueAt.get(key)) ?? -1;
      if (offset === -1) return -1;
      container = (container as Record<string | number, unknown>)[key];
    }
    return offset;
  };
}

/** Line and column of offsets, with the table of lines made at the first question. */
function lineIndex(text: string): (offset: number) => Position {
  let starts: number[] | null = null;
  return (offset) => {
    starts ??= lineStarts(text);
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - starts[low]! + 1 };
  };
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}
