/**
 * Finds regexes that say no more than "is", "starts with", "ends with" or "contains" one of some texts: most that users
 * write. They are then decided by string operations, and the router can index them. Whatever is not surely of this
 * kind is left to the regex engine; the result is tested against it.
 */

export interface LiteralForm {
  readonly kind: "exact" | "prefix" | "suffix" | "contains";
  readonly text: string;
  /** At least one more character stands before a suffix or after a prefix (`.+`). */
  readonly longer: boolean;
}

export interface LiteralRegex {
  /** The regex matches when one of these does. */
  readonly forms: readonly LiteralForm[];
  /** Letters match in both cases: `text` is lower case, and only ASCII input may be decided. */
  readonly fold: boolean;
  /** A `.*` or `.+` was read as "anything": input with a line feed must be decided by the engine. */
  readonly singleLine: boolean;
}

/** Alternatives that are expanded at most; a regex with more is left to the engine. */
const FORM_LIMIT = 64;

/** Stand for `^`, `$`, `.*` and `.+` in an expanded alternative: private characters that no accepted literal holds. */
const START = "\ue000";
const END = "\ue001";
const ANY = "\ue002";
const SOME = "\ue003";

const FOLD_FLAG = "(?i)";
const GROUP = /\((?:\?:|\?P?<\w+>)?/y;
const ESCAPED_SIGN = /\\([!-/:-@[-`{-~])/y;
const SINGLE_CLASS = /\[([^\\^[\]-])\]/y;
const PLAIN = /[^\\.+*?()|[\]{}^$\x80-\uffff]/y;
const REPEAT = /[*+?{]/y;
const GAP = /\.([*+])\??/y;

/** The literal form of `pattern`, or null. `pattern` must be one that the engine has accepted. */
export function literalRegex(pattern: string): LiteralRegex | null {
  const fold = pattern.startsWith(FOLD_FLAG);
  const reader = new Reader(fold ? pattern.slice(FOLD_FLAG.length) : pattern);
  const sequences = reader.readAlternation();
  if (sequences === null || reader.at !== reader.pattern.length) return null;
  const forms: LiteralForm[] = [];
  let singleLine = false;
  for (const sequence of sequences) {
    const form = formOf(sequence);
    if (form === null) return null;
    forms.push(fold ? { ...form, text: form.text.toLowerCase() } : form);
    singleLine ||= sequence.includes(ANY) || sequence.includes(SOME);
  }
  return { forms, fold, singleLine };
}

class Reader {
  readonly pattern: string;
  at = 0;

  constructor(pattern: string) {
    this.pattern = pattern;
  }

  /** All sequences of an alternation, or null for anything that is not surely literal. */
  readAlternation(): string[] | null {
    const sequences: string[] = [];
    do {
      const branch = this.readBranch();
      if (branch === null || sequences.length + branch.length > FORM_LIMIT) return null;
      sequences.push(...branch);
    } while (this.take("|"));
    return sequences;
  }

  private readBranch(): string[] | null {
    let sequences = [""];
    while (this.at < this.pattern.length && !"|)".includes(this.pattern[this.at]!)) {
      const item = this.readItem();
      if (item === null || sequences.length * item.length > FORM_LIMIT) return null;
      sequences = sequences.flatMap((before) => item.map((each) => before + each));
    }
    return sequences;
  }

  private readItem(): string[] | null {
    const gap = this.match(GAP);
    if (gap !== null) return this.isRepeated() ? null : [gap[1] === "*" ? ANY : SOME];
    if (this.take("^") || this.take("\\A")) return this.isRepeated() ? null : [START];
    if (this.take("$") || this.take("\\z")) return this.isRepeated() ? null : [END];
    const sequences = this.match(GROUP) === null ? this.readLiteral() : this.readGroup();
    return this.isRepeated() ? null : sequences;
  }

  private readGroup(): string[] | null {
    const sequences = this.readAlternation();
    return this.take(")") ? sequences : null;
  }

  private readLiteral(): string[] | null {
    const character =
      this.match(ESCAPED_SIGN)?.[1] ?? this.match(SINGLE_CLASS)?.[1] ?? this.match(PLAIN)?.[0];
    return character === undefined || character > "\x7f" ? null : [character];
  }

  private isRepeated(): boolean {
    REPEAT.lastIndex = this.at;
    return REPEAT.test(this.pattern);
  }

  private take(text: string): boolean {
    if (!this.pattern.startsWith(text, this.at)) return false;
    this.at += text.length;
    return true;
  }

  private match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.pattern);
    if (found !== null) this.at = pattern.lastIndex;
    return found;
  }
}

const SEQUENCE = new RegExp(
  `^(${START}*)([${ANY}${SOME}]?)([^${START}-${SOME}]*)([${ANY}${SOME}]?)(${END}*)$`,
);

function formOf(sequence: string): LiteralForm | null {
  const parts = SEQUENCE.exec(sequence);
  if (parts === null) return null;
  const [, start, before, text, after, end] = parts as unknown as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const fromStart = start !== "" && before === "";
  const toEnd = end !== "" && after === "";
  if (before !== SOME && after !== SOME)
    return {
      kind: fromStart ? (toEnd ? "exact" : "prefix") : toEnd ? "suffix" : "contains",
      text,
      longer: false,
    };
  // `.+` asks for one more character, which a length says only next to an anchored text or next to nothing.
  if (text === "" && before !== "" && after !== "") return null;
  if (after === SOME && (fromStart || (text === "" && before === "")))
    return { kind: "prefix", text, longer: true };
  if (before === SOME && (toEnd || (text === "" && after === "")))
    return { kind: "suffix", text, longer: true };
  return null;
}

/** Whether `text` has the form. `text` is already lower case where the regex folds case. */
export function hasForm(form: LiteralForm, text: string): boolean {
  if (form.kind === "exact") return text === form.text;
  if (form.longer && text.length <= form.text.length) return false;
  if (form.kind === "prefix") return text.startsWith(form.text);
  return form.kind === "suffix" ? text.endsWith(form.text) : text.includes(form.text);
}

const ANCHORED_TEXT = /^\^((?:[A-Za-z0-9/_-]|\\[./-])+)/;

/**
 * A text that every match of `pattern` must start the input with, or "" when none is found: what the router can index
 * of a regex that is not literal.
 */
export function requiredPrefix(pattern: string): string {
  const found = ANCHORED_TEXT.exec(pattern);
  if (found === null || hasTopLevelAlternation(pattern)) return "";
  const text = found[1]!.replaceAll("\\", "");
  return "*?{".includes(pattern[found[0].length] ?? " ") ? text.slice(0, -1) : text;
}

/** True unless every `|` surely stands inside parentheses. */
function hasTopLevelAlternation(pattern: string): boolean {
  if (!pattern.includes("|")) return false;
  if (/[[\\]/.test(pattern.replace(/\\[./-]/g, ""))) return true;
  let depth = 0;
  for (const character of pattern) {
    if (character === "(") depth++;
    else if (character === ")") depth--;
    else if (character === "|" && depth === 0) return true;
  }
  return false;
}
