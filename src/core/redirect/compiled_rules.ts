/**
 * Rules as functions, with an index: a rule that demands one of a few values of a parameter is looked at only when the parameter
 * has one of them, so ten thousand such rules cost about as much as ten.
 */
import type { Branch, Rule } from "./model.ts";
import { operatorOf } from "./operators/all.ts";
import type { CompiledCondition, Compiler, Key, Test } from "./operators/contract.ts";
import { narrowest } from "./operators/logical.ts";
import type { Parameters } from "./parameters.ts";
import { rulesInOrder } from "./rule_order.ts";
import { ruleProblems, type RuleProblem } from "./rule_problems.ts";
import { ruleSalt } from "./interpreter.ts";

/** What a rule gives for the decision under way, or null where it does not hold. */
type Evaluate<Result> = (parameters: Parameters) => Result | null;

interface CompiledRule<Result> {
  readonly id: string;
  readonly evaluate: Evaluate<Result>;
}

/** Positions of rules by what a parameter must have. */
interface SlotIndex {
  readonly slot: number;
  readonly texts: ReadonlyMap<string, Int32Array>;
  readonly numbers: ReadonlyMap<number, Int32Array>;
  readonly lists: ReadonlyMap<number, Int32Array>;
}

export class CompiledRules<Result> {
  readonly problems: readonly RuleProblem[];
  readonly #rules: readonly CompiledRule<Result>[];
  readonly #slots: readonly SlotIndex[];
  /** Positions of rules without keys. */
  readonly #always: Int32Array;
  /** Positions of the rules that may hold, one list for each key that a parameter has; and how far each was read. */
  readonly #lists: Int32Array[] = [];
  #read = new Int32Array(16);
  /** Which rule holds: set with each result. */
  matched = "";

  /** `compiler` has the salt of the application. */
  constructor(rules: readonly Rule<Result>[], compiler: Compiler) {
    const problems: RuleProblem[] = [];
    const compiled: (CompiledRule<Result> & { readonly keys: readonly Key[] | null })[] = [];
    for (const rule of rulesInOrder(rules, compiler.compat)) {
      const found = ruleProblems(rule, compiler.compat);
      problems.push(...found);
      if (found.length > 0) continue;
      const own = withSalt(compiler, ruleSalt(compiler.salt, rule.id));
      compiled.push({ id: rule.id, ...compileBranch(rule, own) });
    }
    this.problems = problems;
    this.#rules = compiled;
    this.#always = Int32Array.from(
      [...compiled.entries()].filter(([, { keys }]) => keys === null).map(([position]) => position),
    );
    this.#slots = indexOf(compiled.map(({ keys }) => keys));
  }

  get size(): number {
    return this.#rules.length;
  }

  /** Result of the first rule that holds, or null. */
  first(parameters: Parameters): Result | null {
    this.#gather(parameters);
    for (let position = this.#next(); position >= 0; position = this.#next()) {
      const rule = this.#rules[position]!;
      const result = rule.evaluate(parameters);
      if (result === null) continue;
      this.matched = rule.id;
      return result;
    }
    return null;
  }

  /** Shows the results of all rules that hold, in order, until `take` returns true. */
  each(parameters: Parameters, take: (result: Result, rule: string) => boolean): void {
    this.#gather(parameters);
    for (let position = this.#next(); position >= 0; position = this.#next()) {
      const rule = this.#rules[position]!;
      const result = rule.evaluate(parameters);
      if (result !== null && take(result, rule.id)) return;
    }
  }

  #gather(parameters: Parameters): void {
    const lists = this.#lists;
    lists.length = 0;
    if (this.#always.length > 0) lists.push(this.#always);
    for (const { slot, texts, numbers, lists: byList } of this.#slots) {
      if (parameters.value(slot) === undefined) continue;
      if (texts.size > 0) addTo(lists, texts.get(parameters.folded(slot)));
      if (numbers.size > 0) {
        const number = parameters.number(slot);
        if (number !== null) addTo(lists, numbers.get(number));
      }
      if (byList.size > 0) for (const list of parameters.lists(slot)) addTo(lists, byList.get(list));
    }
    if (this.#read.length < lists.length) this.#read = new Int32Array(lists.length * 2);
    this.#read.fill(0, 0, lists.length);
  }

  /** The next position of all lists in order, each once; -1 behind the last one. */
  #next(): number {
    const lists = this.#lists;
    let best = -1;
    for (let at = 0; at < lists.length; at++) {
      const position = lists[at]![this.#read[at]!];
      if (position !== undefined && (best < 0 || position < best)) best = position;
    }
    if (best < 0) return -1;
    for (let at = 0; at < lists.length; at++) if (lists[at]![this.#read[at]!] === best) this.#read[at]!++;
    return best;
  }
}

function addTo(lists: Int32Array[], positions: Int32Array | undefined): void {
  if (positions !== undefined) lists.push(positions);
}

function withSalt(compiler: Compiler, salt: string): Compiler {
  const own: Compiler = {
    compat: compiler.compat,
    random: compiler.random,
    sticky_parameters: compiler.sticky_parameters,
    salt,
    slot: (name) => compiler.slot(name),
    listNumbers: (name) => compiler.listNumbers(name),
    listAddresses: (list) => compiler.listAddresses(list),
    compile: (condition) => operatorOf(condition).compile(condition, own),
  };
  return own;
}

function compileBranch<Result>(
  { when, inner, result }: Branch<Result>,
  compiler: Compiler,
): { readonly evaluate: Evaluate<Result>; readonly keys: readonly Key[] | null } {
  const conditions: CompiledCondition[] = when.map((condition) => compiler.compile(condition));
  const tests: Test[] = conditions.map(({ test }) => test);
  const branches = inner.map((branch) => compileBranch(branch, compiler).evaluate);
  const [only] = tests;
  const keys = narrowest(conditions);
  if (tests.length === 1 && branches.length === 0)
    return { keys, evaluate: (parameters) => (only!(parameters) ? result : null) };
  return {
    keys,
    evaluate(parameters) {
      for (const test of tests) if (!test(parameters)) return null;
      for (const branch of branches) {
        const deeper = branch(parameters);
        if (deeper !== null) return deeper;
      }
      return result;
    },
  };
}

/** The positions of the rules by their keys. */
function indexOf(keysOfRules: readonly (readonly Key[] | null)[]): SlotIndex[] {
  interface Growing {
    readonly texts: Map<string, number[]>;
    readonly numbers: Map<number, number[]>;
    readonly lists: Map<number, number[]>;
  }
  const slots = new Map<number, Growing>();
  const add = <Name>(map: Map<Name, number[]>, name: Name, position: number): void => {
    const positions = map.get(name);
    if (positions === undefined) map.set(name, [position]);
    else if (positions.at(-1) !== position) positions.push(position);
  };
  for (const [position, keys] of keysOfRules.entries())
    for (const key of keys ?? []) {
      const growing: Growing = slots.get(key.slot) ?? {
        texts: new Map(),
        numbers: new Map(),
        lists: new Map(),
      };
      slots.set(key.slot, growing);
      if (key.kind === "text") add(growing.texts, key.folded, position);
      else if (key.kind === "number") add(growing.numbers, key.number, position);
      else add(growing.lists, key.list, position);
    }
  return [...slots].map(([slot, { texts, numbers, lists }]) => ({
    slot,
    texts: packed(texts),
    numbers: packed(numbers),
    lists: packed(lists),
  }));
}

function packed<Name>(map: ReadonlyMap<Name, number[]>): Map<Name, Int32Array> {
  return new Map([...map].map(([name, positions]) => [name, Int32Array.from(positions)]));
}
