/** What a check finds. */
import { CATALOGUE, type ProblemCode, type Severity } from "./catalogue.ts";

export interface Problem {
  readonly code: ProblemCode;
  readonly severity: Severity;
  /** Where it is, from the model on: `rules.beta.when[0]`, `distribution[2].server`, `lists.staff.values[17]`. */
  readonly path: string;
  /** The rule or template that it is about, or null. */
  readonly rule: string | null;
  /** One sentence: what, where, what was expected. */
  readonly message: string;
}

/** What a check looks at. */
export interface Place {
  readonly path: string;
  readonly rule: string | null;
  /** How messages call it: "rule beta". */
  readonly words: string;
}

/** `message` goes on where the words of the place end: "has no conditions". */
export function problemAt(code: ProblemCode, { path, rule, words }: Place, message: string): Problem {
  return { code, severity: CATALOGUE[code].severity, path, rule, message: `${words} ${message}` };
}

/** A part of `place`. `words` are for messages about it; without them it is called as the whole. */
export function partOf(place: Place, path: string, words = place.words): Place {
  return { path: `${place.path}${path}`, rule: place.rule, words };
}

/** A text from a model in a message: shortened, and on one line. */
export function shown(text: string): string {
  return JSON.stringify(text.length <= LONGEST_SHOWN ? text : `${text.slice(0, LONGEST_SHOWN)}…`);
}

const LONGEST_SHOWN = 80;

/** `texts` in a message: the first few, and how many others there are. */
export function listed(texts: readonly string[], most = 10): string {
  const rest = texts.length - most;
  return texts.slice(0, most).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}
