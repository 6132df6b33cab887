/** The members of a node by name, and what their texts stand for. */
import type { ProblemCode } from "../checks/catalogue.ts";
import { parseDouble } from "../java_double.ts";
import type { DocumentNode } from "./node.ts";
import { quoted, type Reading } from "./reading.ts";

/** Java's `trim`, which the original applies to the text of elements. */
const AROUND = /^[\0-\x20]+|[\0-\x20]+$/g;
const NO_XML = /[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;
/** What XML writers of the original add to elements: names of schemas and types. */
const SCHEMA_KEY = /^(?:xmlns$|xmlns:|xsi:)/;

export function trimmed(text: string): string {
  const { length } = text;
  if (length === 0 || (text.charCodeAt(0) > 0x20 && text.charCodeAt(length - 1) > 0x20)) return text;
  return text.replace(AROUND, "");
}

/** True where each character may stand in an XML document, in which others read what is written here. */
export function isWritable(text: string): boolean {
  return !NO_XML.test(text);
}

export class Fields {
  readonly node: DocumentNode;
  readonly #reading: Reading;
  readonly #members: readonly DocumentNode[];
  readonly #known = new Set<string>();

  constructor(node: DocumentNode, reading: Reading) {
    this.node = node;
    this.#reading = reading;
    this.#members = [...node.members()];
  }

  /** Takes all members for which `isMeant` holds, in the document's order. */
  takeIf(isMeant: (key: string) => boolean): DocumentNode[] {
    const taken = this.#members.filter(({ key }) => isMeant(key));
    for (const { key } of taken) this.#known.add(key);
    return taken;
  }

  all(key: string): DocumentNode[] {
    this.#known.add(key);
    return this.#members.filter((member) => member.key === key);
  }

  /** Keys that mean nothing here, but which the original writes. */
  ignore(...keys: readonly string[]): void {
    for (const key of keys) this.#known.add(key);
  }

  /** The member with this key or null; a problem where there are several. */
  one(key: string): DocumentNode | null {
    const [first, second] = this.all(key);
    if (second !== undefined) this.#reading.problem(second, "stands here for the second time; expected one");
    return first ?? null;
  }

  /** The text just as it stands, or null. */
  rawText(key: string): string | null {
    const node = this.one(key);
    return node === null ? null : textOf(node, this.#reading);
  }

  /** The text without white space around it, or null. */
  text(key: string): string | null {
    const text = this.rawText(key);
    return text === null ? null : trimmed(text);
  }

  /** As `text`; null for a blank one too. */
  filled(key: string): string | null {
    return this.text(key) || null;
  }

  /** As `text`; a problem where there is none. `what` completes "expected …". */
  required(key: string, what: string, code: ProblemCode | null = null): string {
    const text = this.text(key);
    if (text === null) this.#reading.problem(this.node, `has no ${key}; expected ${what}`, code);
    return text ?? "";
  }

  /** `absent` where nothing or a blank text stands. */
  boolean<Absent>(key: string, absent: Absent, code: ProblemCode | null = null): boolean | Absent {
    const text = this.filled(key);
    if (text === null) return absent;
    const word = text.toLowerCase();
    if (word !== "true" && word !== "false") this.#wrong(key, text, "true or false", code);
    return word === "true";
  }

  /** Any number that is written as in Java; `absent` where nothing or a blank text stands. */
  number<Absent>(key: string, absent: Absent, code: ProblemCode | null = null): number | Absent {
    const text = this.filled(key);
    if (text === null) return absent;
    const number = parseDouble(text);
    if (number !== null && Number.isFinite(number)) return number;
    this.#wrong(key, text, "a number such as 12.5", code);
    return 0;
  }

  /** A whole number from `least` to `most`. */
  whole<Absent>(
    key: string,
    absent: Absent,
    least = 0,
    most = Number.MAX_SAFE_INTEGER,
    code: ProblemCode | null = null,
  ): number | Absent {
    const text = this.filled(key);
    if (text === null) return absent;
    const number = Number(text);
    if (/^[+-]?\d+$/.test(text) && number >= least && number <= most) return number;
    const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
    this.#wrong(key, text, `a whole number ${range}`, code);
    return 0;
  }

  /** Members that nobody has taken yet. */
  rest(): DocumentNode[] {
    return this.#members.filter(({ key }) => !this.#known.has(key) && !SCHEMA_KEY.test(key));
  }

  /** Ends the reading of this node: what was not taken is unknown. */
  done(): void {
    for (const member of this.rest()) this.#reading.warning(member, "is unknown and was passed over");
  }

  #wrong(key: string, text: string, expected: string, code: ProblemCode | null): void {
    const [node = this.node] = this.all(key);
    this.#reading.problem(node, `${quoted(text)}: expected ${expected}`, code);
  }
}

/**
 * Shows the members of a node to the readers of their keys one after the other, so that a long document need not be held as a whole.
 * Others are unknown.
 */
export function readMembers(
  node: DocumentNode,
  reading: Reading,
  readers: Readonly<Record<string, (member: DocumentNode) => void>>,
): void {
  for (const member of node.members())
    if (Object.hasOwn(readers, member.key)) readers[member.key]!(member);
    else if (!SCHEMA_KEY.test(member.key)) reading.warning(member, "is unknown and was passed over");
}

/** The text of a node; a problem, and "", where it has none or where XML could not hold it. */
export function textOf(node: DocumentNode, reading: Reading): string {
  const { text } = node;
  if (text === null) {
    reading.problem(node, "has members; expected a text");
    return "";
  }
  if (isWritable(text)) return text;
  reading.problem(node, `${quoted(text)}: holds characters that XML cannot hold`);
  return "";
}

/** The text of a node, or that of its only member `value`: the original writes both. */
export function valueOf(node: DocumentNode, reading: Reading): string {
  if (node.text !== null) return textOf(node, reading);
  const fields = new Fields(node, reading);
  const value = fields.rawText("value");
  if (value === null) reading.problem(node, "has no value; expected a text");
  fields.done();
  return value ?? "";
}
