/**
 * Models of many rules cross to the workers in parts, each a document of its own under a name that never means anything else:
 * whoever gets one parses it without a stall, and whoever has it needs not look at it again.
 */
import type { Destination, RedirectModel, Rule, UrlParams } from "../../../core/redirect/model.ts";
import { PART_PREFIX, type PublishedParts } from "./published.ts";

/** A model, and where its rules are. */
export interface SplitModel {
  /** Without rules and templates where the rules are in parts. */
  readonly model: RedirectModel;
  /** Null = the model is whole. */
  readonly parts: PublishedParts | null;
}

/** Models with fewer rules cross as a whole. */
const SPLIT_FROM_RULES = 200;
/** Characters of JSON of a part, unless one rule has more. */
const PART_CHARACTERS = 32 * 1_024;

export function isLarge({ rules, url_rules }: RedirectModel): boolean {
  return rules.length + url_rules.length >= SPLIT_FROM_RULES;
}

/** Gives names to parts: one object for as long as workers may know any of them. */
export class PartNames {
  #last = 0;

  next(): string {
    return `${PART_PREFIX}${++this.#last}`;
  }
}

/** In steps: each yields a part with its name. */
export function* splitModel(
  model: RedirectModel,
  names: PartNames,
): Generator<readonly [string, readonly unknown[]], SplitModel> {
  if (!isLarge(model)) return { model, parts: null };
  const rules = yield* partsOf(model.rules, names);
  const url_rules = yield* partsOf(model.url_rules, names);
  // Nobody decides by templates.
  const without = { rules: [], url_rules: [], rule_templates: [], url_rule_templates: [] };
  return { model: { ...model, ...without }, parts: { rules, url_rules } };
}

function* partsOf(
  rules: readonly Rule<unknown>[],
  names: PartNames,
): Generator<readonly [string, readonly unknown[]], string[]> {
  const made: string[] = [];
  const name = (): string => made[made.push(names.next()) - 1]!;
  let from = 0;
  let characters = 0;
  for (const [index, rule] of rules.entries()) {
    characters += JSON.stringify(rule).length;
    if (characters < PART_CHARACTERS) continue;
    yield [name(), rules.slice(from, index + 1)];
    from = index + 1;
    characters = 0;
  }
  if (from < rules.length) yield [name(), rules.slice(from)];
  return made;
}

/** The whole model, with parts as `partOf` knows them. Throws Error for a part that nobody has sent. */
export function joinedModel(
  model: RedirectModel,
  parts: PublishedParts,
  partOf: (name: string) => unknown,
): RedirectModel {
  const joined = (names: readonly string[]): unknown[] =>
    names.flatMap((name) => {
      const part = partOf(name);
      if (part === undefined) throw new Error(`part ${name} of a model is missing`);
      return part as unknown[];
    });
  return {
    ...model,
    rules: joined(parts.rules) as Rule<Destination>[],
    url_rules: joined(parts.url_rules) as Rule<UrlParams>[],
  };
}
