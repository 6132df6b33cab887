/**
 * A text that a regex matches: for generated tests. Knows what patterns mostly are made of; the caller tries the text, and has none
 * where it does not match.
 */

/** The shortest such text that is easy to find, or null. */
export function regexExample(pattern: string): string | null {
  const reader = new Reader(pattern);
  const text = reader.alternatives();
  return reader.failed || reader.at < pattern.length ? null : text;
}

/** A longer text shows nothing more. */
const MOST_CHARACTERS = 10_000;

const CLASSES: Readonly<Record<string, string>> = { d: "0", w: "a", s: " ", D: "a", W: "-", S: "a" };
const CONTROLS: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", f: "\f", v: "\v" };

class Reader {
  readonly #pattern: string;
  at = 0;
  failed = false;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  /** The first of several alternatives; the others are read all the same. */
  alternatives(): string {
    let first: string | null = null;
    do first = this.#either(first, this.#sequence());
    while (this.#takes("|"));
    return first;
  }

  #either(first: string | null, next: string): string {
    return first ?? next;
  }

  #sequence(): string {
    let text = "";
    while (this.at < this.#pattern.length && !this.failed) {
      const next = this.#pattern[this.at]!;
      if (next === "|" || next === ")") break;
      text += this.#repeated(this.#atom());
    }
    return text;
  }

  #atom(): string {
    const next = this.#pattern[this.at++]!;
    if (next === "^" || next === "$") return "";
    if (next === ".") return "a";
    if (next === "[") return this.#set();
    if (next === "(") return this.#group();
    if (next === "\\") return this.#escape();
    if ("*+?{".includes(next)) this.failed = true;
    return next;
  }

  #group(): string {
    if (this.#takes("?") && !this.#takes(":") && !/^P?<\w+>/.test(this.#rest)) this.failed = true;
    const name = /^P?<\w+>/.exec(this.#rest);
    if (name !== null) this.at += name[0].length;
    const text = this.alternatives();
    if (!this.#takes(")")) this.failed = true;
    return text;
  }

  #escape(): string {
    const next = this.#pattern[this.at++] ?? "";
    if (next === "b" || next === "B" || next === "A" || next === "z") return "";
    if (/[pPQxu0-9]/.test(next) || next === "") this.failed = true;
    return CLASSES[next] ?? CONTROLS[next] ?? next;
  }

  /** A character of a set; of one that excludes, the first usual one that does not stand in it. */
  #set(): string {
    const end = /^\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]/.exec(this.#rest);
    if (end === null) {
      this.failed = true;
      return "";
    }
    this.at += end[0].length;
    try {
      // A bracket that comes first stands for itself, which JavaScript wants to be told.
      const set = new RegExp(`^[${end[0].replace(/^(\^?)\]/, "$1\\]")}`);
      return ["a", "0", "A", "-", "_", ".", " ", ":", "/", ...end[0]].find((one) => set.test(one)) ?? "";
    } catch {
      this.failed = true;
      return "";
    }
  }

  #repeated(text: string): string {
    const quantifier = /^(?:[*+?]|\{(\d+)(?:,\d*)?\})[?]?/.exec(this.#rest);
    if (quantifier === null) return text;
    this.at += quantifier[0].length;
    const sign = quantifier[0][0]!;
    if (sign === "*" || sign === "?") return "";
    const count = sign === "+" ? 1 : Number(quantifier[1]);
    if (text.length * count > MOST_CHARACTERS) this.failed = true;
    return this.failed ? "" : text.repeat(count);
  }

  #takes(text: string): boolean {
    const has = this.#pattern.startsWith(text, this.at);
    if (has) this.at += text.length;
    return has;
  }

  get #rest(): string {
    return this.#pattern.slice(this.at);
  }
}
