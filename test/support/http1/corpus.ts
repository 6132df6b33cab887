/** Reads the raw requests of `test/corpus/http1` (its README describes the format). */
import { readdirSync, readFileSync } from "node:fs";
import type { FieldLine } from "./message.ts";

/** What one request of a case must lead to. */
export type Want =
  /** It reaches the backend: with this method and target, this body and these trailers. */
  | {
      readonly kind: "forward";
      readonly method: string;
      readonly target: string;
      readonly body: string;
      /** Fields that must be there, in this order. */
      readonly fields: readonly FieldLine[];
      readonly trailers: readonly FieldLine[];
      /** Names, lower case, that must not be there. */
      readonly absent: readonly string[];
      /** Names, lower case, that must be there this often. */
      readonly counts: readonly (readonly [name: string, count: number])[];
    }
  /** It is refused with this status, the connection ends, and no backend gets it as a whole. */
  | { readonly kind: "refuse"; readonly status: number }
  /** It is answered without a backend and the connection goes on. */
  | { readonly kind: "answer"; readonly status: number }
  /** It is not complete: nobody gets anything. */
  | { readonly kind: "wait" };

export interface CorpusCase {
  /** Row and name, unique. */
  readonly id: string;
  readonly why: string;
  readonly bytes: Uint8Array;
  readonly wants: readonly Want[];
  /** True when what is wanted takes more than the codec: rules about identity, Max-Forwards. */
  readonly needsPlane: boolean;
}

const FOLDER = `${import.meta.dir}/../../corpus/http1`;

/** All cases in the order of the files' names. Throws with file and line where a file breaks the format. */
export function readCorpus(folder = FOLDER): CorpusCase[] {
  const cases: CorpusCase[] = [];
  const seen = new Set<string>();
  for (const file of readdirSync(folder).toSorted()) {
    if (!file.endsWith(".cases")) continue;
    for (const found of readCases(readFileSync(`${folder}/${file}`, "utf8"), file)) {
      if (seen.has(found.id)) throw new Error(`${file}: ${found.id} is there twice`);
      seen.add(found.id);
      cases.push(found);
    }
  }
  return cases;
}

/** The cases of one file's text. */
export function readCases(text: string, file: string): CorpusCase[] {
  const cases: CorpusCase[] = [];
  let reader: CaseReader | null = null;
  for (const [index, line] of text.split("\n").entries()) {
    try {
      if (line.startsWith("=== ")) {
        if (reader !== null) cases.push(reader.done());
        reader = new CaseReader(line.slice(4));
      } else if (line.trim() !== "" && !line.startsWith("#")) {
        if (reader === null) throw new Error("a line before the first case");
        reader.line(line);
      }
    } catch (error) {
      throw new Error(`${file}:${index + 1}: ${String(error)}`, { cause: error });
    }
  }
  if (reader !== null) cases.push(reader.done());
  return cases;
}

interface OpenForward {
  kind: "forward";
  method: string;
  target: string;
  body: string;
  fields: FieldLine[];
  trailers: FieldLine[];
  absent: string[];
  counts: [string, number][];
}

class CaseReader {
  readonly #id: string;
  readonly #why: string;
  readonly #wants: (OpenForward | Exclude<Want, { kind: "forward" }>)[] = [];
  #text = "";
  #needsPlane = false;

  constructor(title: string) {
    const [id = "", why = ""] = title.split(" | ");
    if (id === "" || why === "") throw new Error("a case needs `=== id | why`");
    this.#id = id;
    this.#why = why;
  }

  line(line: string): void {
    if (line.startsWith("> ")) {
      this.#text += decodeEscapes(line.slice(2));
      return;
    }
    const [word = "", ...rest] = line.split(" ");
    const value = decodeEscapes(rest.join(" "));
    switch (word) {
      case "want":
        this.#wants.push(readWant(value));
        break;
      case "needs":
        if (value !== "plane") throw new Error("`needs plane` is all that a case may need");
        this.#needsPlane = true;
        break;
      default:
        this.#refine(word, value);
        break;
    }
  }

  #refine(word: string, value: string): void {
    const want = this.#wants.at(-1);
    if (want?.kind !== "forward") throw new Error(`\`${word}\` belongs behind \`want forward\``);
    if (word === "body") want.body = value;
    else if (word === "field") want.fields.push(fieldOf(value));
    else if (word === "trailer") want.trailers.push(fieldOf(value));
    else if (word === "no") want.absent.push(value.toLowerCase());
    else if (word === "count") {
      const [name = "", count = ""] = value.split(" ");
      want.counts.push([name.toLowerCase(), Number(count)]);
    } else throw new Error(`unknown word \`${word}\``);
  }

  done(): CorpusCase {
    if (this.#wants.length === 0) throw new Error(`${this.#id} wants nothing`);
    const bytes = new Uint8Array(Buffer.from(this.#text, "latin1"));
    return { id: this.#id, why: this.#why, bytes, wants: this.#wants, needsPlane: this.#needsPlane };
  }
}

function readWant(text: string): OpenForward | Exclude<Want, { kind: "forward" }> {
  const [kind, first = "", second = ""] = text.split(" ");
  if (kind === "wait") return { kind };
  if (kind === "refuse" || kind === "answer") {
    const status = Number(first);
    if (!(status >= 200 && status < 600)) throw new Error(`\`${first}\` is no status`);
    return { kind, status };
  }
  if (kind !== "forward" || second === "") throw new Error(`\`${text}\` is nothing to want`);
  return {
    kind,
    method: first,
    target: second,
    body: "",
    fields: [],
    trailers: [],
    absent: [],
    counts: [],
  };
}

function fieldOf(text: string): FieldLine {
  const colon = text.indexOf(": ");
  if (colon < 0) throw new Error("a field is `Name: value`");
  return [text.slice(0, colon), text.slice(colon + 2)];
}

const NAMED: Readonly<Record<string, string>> = { r: "\r", n: "\n", t: "\t", 0: "\0", "\\": "\\" };

/**
 * Decodes `\r \n \t \0 \\ \xNN`, and `\{N:text}` as N times `text`, in which `\#` is the number of the repetition from 0
 * on. Repetitions may hold others. Throws for anything else behind a backslash.
 */
export function decodeEscapes(text: string): string {
  const { value, end } = decode(text, 0, 0, false);
  if (end !== text.length) throw new Error("a `}` too many");
  return value;
}

function decode(text: string, from: number, round: number, inside: boolean): { value: string; end: number } {
  let value = "";
  let at = from;
  while (at < text.length) {
    const character = text[at]!;
    if (inside && character === "}") return { value, end: at + 1 };
    if (character !== "\\") {
      value += character;
      at++;
      continue;
    }
    const repeat = /^\\\{([0-9]+):/.exec(text.slice(at, at + 12));
    const hexadecimal = /^\\x([0-9a-f]{2})/i.exec(text.slice(at, at + 4));
    if (repeat !== null) {
      const start = at + repeat[0].length;
      for (let index = 0; index < Number(repeat[1]); index++) {
        const part = decode(text, start, index, true);
        value += part.value;
        at = part.end;
      }
    } else if (hexadecimal !== null) {
      value += String.fromCharCode(Number.parseInt(hexadecimal[1]!, 16));
      at += 4;
    } else if (text[at + 1] === "#") {
      value += String(round);
      at += 2;
    } else {
      const named = NAMED[text[at + 1] ?? ""];
      if (named === undefined) throw new Error(`unknown escape \`${text.slice(at, at + 2)}\``);
      value += named;
      at += 2;
    }
  }
  if (inside) throw new Error("`\\{` without `}`");
  return { value, end: at };
}
