/** Rules: conditions, inner branches and a result, of flavor rules and of URL rules alike. */
import type { Branch, Condition, Rule } from "../model.ts";
import { operatorByName } from "../operators/all.ts";
import { DEEPEST_CONDITION, readCondition, refuseUnknownConditions, writeCondition } from "./conditions.ts";
import { Fields } from "./fields.ts";
import type { DocumentNode } from "./node.ts";
import type { Reading } from "./reading.ts";
import { attribute, group, listed, type Written } from "./written.ts";

/**
 * In the original what stands second behind a condition is an else. Here inner rules and the result are tried in order, and
 * documents say so with this attribute, so that neither takes the other's documents for its own.
 */
const IN_ORDER = "inOrder";

/** How what a rule gives stands in its `return`. */
export interface ResultForm<Result> {
  /** Null where a problem was found. */
  read(node: DocumentNode, reading: Reading): Result | null;
  write(result: Result): Written[];
}

/** Null where the rule has a problem: it is left out. `id` is used where the document has none. */
export function readRule<Result>(
  node: DocumentNode,
  form: ResultForm<Result>,
  reading: Reading,
  id: string | null = null,
): Rule<Result> | null {
  const fields = new Fields(node, reading);
  const [written] = fields.all("id");
  const name = written?.text?.trim() || id;
  return reading.part(name === null ? null : `rule ${name}`, () => {
    const ownId = fields.filled("id") ?? id;
    if (ownId === null) reading.problem(node, "has no id; expected the name of the rule");
    const template = fields.filled("templateName");
    const priority = fields.number("priority", 0);
    return { id: ownId ?? "", template, priority, ...readBranch(fields, form, reading, 1) };
  });
}

/** The rules of a set, in order; those with problems, and a second one of an id, are left out. */
export class RuleSet<Result> {
  readonly #form: ResultForm<Result>;
  readonly #reading: Reading;
  readonly #places = new Map<string, string>();
  readonly rules: Rule<Result>[] = [];

  constructor(form: ResultForm<Result>, reading: Reading) {
    this.#form = form;
    this.#reading = reading;
  }

  add(node: DocumentNode): void {
    const rule = readRule(node, this.#form, this.#reading);
    if (rule === null) return;
    const taken = this.#places.get(rule.id);
    if (taken === undefined) {
      this.#places.set(rule.id, node.place());
      this.rules.push(rule);
    } else
      this.#reading.part(`rule ${rule.id}`, () =>
        this.#reading.problem(node, `has the id of ${taken}; expected one of its own`),
      );
  }
}

function readBranch<Result>(
  fields: Fields,
  form: ResultForm<Result>,
  reading: Reading,
  depth: number,
): Branch<Result> {
  const when: Condition[] = fields
    .takeIf((key) => operatorByName(key) !== undefined)
    .map((node) => readCondition(node, reading, depth)!);
  const inner = fields.all("if").map((node) => readInner(node, form, reading, depth + 1));
  const returned = fields.one("return");
  const isInOrder = fields.boolean(IN_ORDER, false);
  if (inner.length + (returned === null ? 0 : 1) > 1 && !isInOrder)
    reading.problem(
      fields.node,
      `has a second inner rule or result, which the original takes for an else; expected one, or ${IN_ORDER} true`,
    );
  const result = returned === null ? null : form.read(returned, reading);
  refuseUnknownConditions(fields, reading);
  fields.done();
  return { when, inner, result };
}

function readInner<Result>(
  node: DocumentNode,
  form: ResultForm<Result>,
  reading: Reading,
  depth: number,
): Branch<Result> {
  if (depth <= DEEPEST_CONDITION) return readBranch(new Fields(node, reading), form, reading, depth);
  reading.problem(node, `is nested more than ${DEEPEST_CONDITION} deep`);
  return { when: [], inner: [], result: null };
}

export function writeRule<Result>(rule: Rule<Result>, form: ResultForm<Result>): Written[] {
  return [
    attribute("id", rule.id),
    ...(rule.template === null ? [] : [attribute("templateName", rule.template)]),
    ...(rule.priority === 0 ? [] : [attribute("priority", rule.priority)]),
    ...writeBranch(rule, form),
  ];
}

function writeBranch<Result>({ when, inner, result }: Branch<Result>, form: ResultForm<Result>): Written[] {
  const results = inner.length + (result === null ? 0 : 1);
  return [
    ...(results > 1 ? [attribute(IN_ORDER, true)] : []),
    ...when.map((condition) => writeCondition(condition)),
    ...inner.map((branch) => listed("if", writeBranch(branch, form))),
    ...(result === null ? [] : [group("return", form.write(result))]),
  ];
}
