/**
 * What an operator of rules is: how its conditions are written in documents, when one holds, and how that is compiled. One
 * file each; `holds` is the specification, and what `compile` gives must agree with it on every input.
 */
import type { ProblemCode } from "../checks/catalogue.ts";
import type { Context } from "../context.ts";
import type { Condition } from "../model.ts";
import type { Parameters } from "../parameters.ts";
import type { AddressSet } from "../address_set.ts";

/** How a field of a condition is written in the original's documents. */
export interface Field {
  /** Its name in our model. */
  readonly name: string;
  /** Its name in JSON and XML. */
  readonly key: string;
  /**
   * `attribute`: an attribute in XML, a property in JSON. `element`: an element with text. `values`: an element that wraps one
   * `value` element for each text. `children`: conditions of any kind.
   */
  readonly form: "attribute" | "element" | "values" | "children";
  readonly type: "text" | "boolean" | "number" | "texts" | "conditions";
  /** What it is where it is not written; undefined = it must be written. */
  readonly absent?: unknown;
}

/** What decides beside the parameters. */
export interface Facts {
  readonly parameters: Context;
  /** The original's semantics act (`compat: redirector-1`). */
  readonly compat: boolean;
  /** Members of the named list as clients send them; null for an unknown list. */
  readonly list: (name: string) => readonly string[] | null;
  readonly random: () => number;
  /** Parameters of which the first one that is not blank makes a client stick to its percentage. */
  readonly sticky_parameters: readonly string[];
  /** Sets percentages of different purposes apart; "" = none, as in the original. */
  readonly salt: string;
  /** Whether another condition holds: for operators that join conditions. */
  readonly holds: (condition: Condition) => boolean;
}

/** A compiled condition: whether it holds for the parameters of the decision under way. */
export type Test = (parameters: Parameters) => boolean;

/**
 * A text, number or list of which a parameter must have one for the condition to hold. A rule is looked at only when a parameter
 * has one of its keys.
 */
export type Key =
  | { readonly slot: number; readonly kind: "text"; readonly folded: string }
  | { readonly slot: number; readonly kind: "number"; readonly number: number }
  | { readonly slot: number; readonly kind: "list"; readonly list: number };

export interface CompiledCondition {
  readonly test: Test;
  /** Null where it may hold without any of a few keys. */
  readonly keys: readonly Key[] | null;
  /** It holds wherever one of its keys is there: then it need not be tested. */
  readonly keys_suffice?: boolean;
}

/** What compilation offers to operators. */
export interface Compiler extends Pick<Facts, "compat" | "random" | "sticky_parameters" | "salt"> {
  /** Number of the parameter with this name. */
  slot(name: string): number;
  /** Numbers of what clients may send of the list with this name; none for an unknown one. */
  listNumbers(name: string): readonly number[];
  /** Addresses and networks of the list with this number. */
  listAddresses(list: number): AddressSet;
  compile(condition: Condition): CompiledCondition;
}

/** Values by the name of the parameter. */
export type Examples = Readonly<Record<string, readonly string[]>>;

/** What examples of conditions are made of. */
export interface ExampleNeeds extends Pick<Facts, "compat" | "list" | "sticky_parameters" | "salt"> {
  examples(condition: Condition): Examples;
}

/** What is wrong with a condition: whoever reads it names the rule. */
export interface ConditionProblem {
  /** Name in the catalogue of checks, such as `MissedParamName`. */
  readonly code: ProblemCode;
  readonly message: string;
}

export interface Operator<Kind extends Condition = Condition> {
  /** As documents write it: `equals`. */
  readonly name: string;
  /** One sentence for the reference page. */
  readonly summary: string;
  readonly fields: readonly Field[];
  /** What keeps a rule with it from being compiled; empty = nothing. */
  problems(condition: Kind, compat: boolean): ConditionProblem[];
  /** What the original's order of rules takes it to cost, as a child of another condition. */
  readonly cost: number;
  /** Conditions that it joins. */
  children?(condition: Kind): readonly Condition[];
  /** Names of the lists that it looks at. */
  lists?(condition: Kind): readonly string[];
  holds(condition: Kind, facts: Facts): boolean;
  compile(condition: Kind, compiler: Compiler): CompiledCondition;
  /** Values with which it holds, and some with which it does not, as far as they are easy to find: generated tests try them. */
  examples(condition: Kind, needs: ExampleNeeds): Examples;
}

/** What is like no value that a rule would name. */
export const UNLIKELY = "example-value";

export const MISSING: Field = {
  name: "missing",
  key: "missing",
  form: "attribute",
  type: "boolean",
  absent: null,
};

export const PARAM: Field = { name: "param", key: "param", form: "element", type: "text" };
export const NEGATED: Field = {
  name: "negated",
  key: "negation",
  form: "attribute",
  type: "boolean",
  absent: false,
};
export const CASE_SENSITIVE: Field = {
  name: "case_sensitive",
  key: "caseSensitive",
  form: "attribute",
  type: "boolean",
  absent: false,
};

/** A condition on one parameter. */
export interface ParameterCondition extends Condition {
  readonly param: string;
  /** The verdict where the parameter was not sent; null = that of a value which is like no other. */
  readonly missing: boolean | null;
  readonly negated: boolean;
}

export function parameterProblems({ param }: ParameterCondition): ConditionProblem[] {
  return param.trim() === ""
    ? [{ code: "MissedParamName", message: "has no param; expected the name of a parameter" }]
    : [];
}
