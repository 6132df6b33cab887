/** What is found while a document is read: collected, so that one look shows all of it. */
import type { ProblemCode } from "../checks/catalogue.ts";
import type { DocumentNode, Position } from "./node.ts";

export interface DocumentProblem {
  /** The rule, list or other part that was left out because of it; null where that is not known. */
  readonly part: string | null;
  /** The way to the value, such as `if[3].equals[0].caseSensitive`; "" = the document. */
  readonly place: string;
  /** Null in JSON. */
  readonly position: Position | null;
  /** Completes the sentence that begins with the place. */
  readonly message: string;
  /** Of the catalogue of checks, where it has one for this. A warning that has one refuses what somebody saves. */
  readonly code?: ProblemCode;
}

export interface Read<Value> {
  /** What could be read; null where the document as a whole is no such document. */
  readonly value: Value | null;
  /** What is wrong: the part that it stands in was left out. */
  readonly problems: readonly DocumentProblem[];
  /** What was passed over without harm, such as keys that nobody knows. */
  readonly warnings: readonly DocumentProblem[];
}

/** One sentence: `rule beta: 12:5: if[3].equals[0].caseSensitive "maybe": expected true or false`. */
export function documentProblemText({ part, place, position, message }: DocumentProblem): string {
  const where = position === null ? "" : `${position.line}:${position.column}: `;
  return `${part === null ? "" : `${shortPart(part)}: `}${where}${place === "" ? "the document" : place} ${message}`;
}

/** Names of rules and lists come from the document: they may be of any length. */
function shortPart(part: string): string {
  return (part.length <= LONGEST_PART ? part : `${part.slice(0, LONGEST_PART)}...`).replace(
    /[\0-\x1f]/g,
    " ",
  );
}

const LONGEST_PART = 120;

/** More of a kind are counted, not kept. */
const MOST_FINDINGS = 1_000;

/** Collects what readers find. */
export class Reading {
  readonly #problems = new Findings();
  readonly #warnings = new Findings();
  #part: string | null = null;

  /** How many problems there are: a part in which it grew is left out. */
  get problemCount(): number {
    return this.#problems.count;
  }

  problem(node: DocumentNode, message: string, code: ProblemCode | null = null): void {
    this.#problems.add(this.#finding(node, message, code));
  }

  warning(node: DocumentNode, message: string, code: ProblemCode | null = null): void {
    this.#warnings.add(this.#finding(node, message, code));
  }

  /** Names what is being read in the problems that `read` finds. Returns null where it found any, else what it returns. */
  part<Value>(name: string | null, read: () => Value): Value | null {
    const [before, outer] = [this.problemCount, this.#part];
    this.#part = name ?? outer;
    try {
      const value = read();
      return this.problemCount > before ? null : value;
    } finally {
      this.#part = outer;
    }
  }

  result<Value>(value: Value | null): Read<Value> {
    return { value, problems: this.#problems.all(), warnings: this.#warnings.all() };
  }

  #finding(node: DocumentNode, message: string, code: ProblemCode | null): DocumentProblem {
    const finding = { part: this.#part, place: node.place(), position: node.position(), message };
    return code === null ? finding : { ...finding, code };
  }
}

/** A document that cannot be read at all. */
export function unreadable<Value>(message: string, position: Position | null = null): Read<Value> {
  return { value: null, problems: [{ part: null, place: "", position, message }], warnings: [] };
}

class Findings {
  readonly #kept: DocumentProblem[] = [];
  count = 0;

  add(finding: DocumentProblem): void {
    if (this.count++ < MOST_FINDINGS) this.#kept.push(finding);
  }

  all(): DocumentProblem[] {
    const more = this.count - this.#kept.length;
    if (more === 0) return this.#kept;
    return [...this.#kept, { part: null, place: "", position: null, message: `has ${more} more of these` }];
  }
}

/** A text as it stands in messages: in quotes, long ones shortened. */
export function quoted(text: string): string {
  return JSON.stringify(text.length <= 80 ? text : `${text.slice(0, 80)}...`);
}
