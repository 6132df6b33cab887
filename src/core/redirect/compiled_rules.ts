/**
 * Rules as functions, with an index: a rule that demands one of a few values of a parameter is looked at only when the parameter
 * has one of them, so ten thousand such rules cost about as much as ten.
 */
import type { AddressSet } from "./address_set.ts";
import type { Branch, Condition, Rule } from "./model.ts";
import { operatorOf } from "./operators/all.ts";
import type { CompiledCondition, Compiler, Key, Test } from "./operators/contract.ts";
import { narrowest } from "./operators/logical.ts";
import type { Parameters } from "./parameters.ts";
import { rulesInOrder } from "./rule_order.ts";
import { ruleProblems, type RuleProblem } from "./rule_problems.ts";
import { TextIndex } from "./text_index.ts";
import { ruleSalt } from "./interpreter.ts";

/** Positions of rules by what a parameter must have; a single one as a number. */
interface SlotIndex {
  readonly slot: number;
  /** Twice a position, or twice a place in `text_positions` and 1 more; null = no rule asks for a text. */
  readonly texts: TextIndex | null;
  readonly text_positions: readonly Int32Array[];
  readonly numbers: ReadonlyMap<number, Positions>;
  readonly lists: ReadonlyMap<number, Positions>;
}

type Positions = number | Int32Array;

/** Rules that are compiled, and keys that are packed, between two steps: some 0.2 ms of work. */
const STEP_RULES = 50;
const STEP_KEYS = 2_000;

/** What a branch gives for the decision under way, or null where it does not hold. */
type Evaluate<Result> = (parameters: Parameters) => Result | null;

interface CompiledBranch<Result> {
  /** All must hold; without those that a key has shown already. */
  readonly tests: readonly Test[];
  readonly inner: readonly Evaluate<Result>[];
  readonly result: Result | null;
}

/** A rule that holds. */
export interface MatchedRule {
  readonly id: string;
  /** Whatever whoever asks keeps beside the rule. */
  note: unknown;
}

class Entry<Result> implements MatchedRule {
  readonly id: string;
  note: unknown = null;
  /** Null for a rule with none. */
  readonly #test: Test | null;
  readonly #result: Result | null;
  /** Of a rule with more than one test, or with inner branches. */
  readonly #branch: Evaluate<Result> | null;

  constructor(id: string, branch: CompiledBranch<Result>) {
    this.id = id;
    this.#test = branch.tests[0] ?? null;
    this.#result = branch.result;
    this.#branch = isPlain(branch) ? null : evaluateOf(branch);
  }

  evaluate(parameters: Parameters): Result | null {
    if (this.#branch !== null) return this.#branch(parameters);
    return this.#test === null || this.#test(parameters) ? this.#result : null;
  }
}

interface Compiled<Result> {
  readonly problems: RuleProblem[];
  /** By position, in the order in which rules are tried. */
  readonly entries: Entry<Result>[];
  /** Positions of rules without keys. */
  readonly always: number[];
}

/** Measured by `bun run bench redirect`: with many rules each step into another object is one that no cache has. */
export class CompiledRules<Result> {
  readonly problems: readonly RuleProblem[];
  /** By position. */
  readonly #entries: readonly Entry<Result>[];
  readonly #slots: readonly SlotIndex[];
  /** Positions of rules without keys. */
  readonly #always: Int32Array;
  /** Positions of the rules that may hold: single ones, and lists with how far each was read. */
  readonly #few: number[] = [];
  #fewRead = 0;
  readonly #lists: Int32Array[] = [];
  #read = new Int32Array(16);
  /** Which rule holds: set with each result of `first`. */
  matchedRule: MatchedRule = { id: "", note: null };

  private constructor({ problems, entries, always }: Compiled<Result>, slots: readonly SlotIndex[]) {
    this.problems = problems;
    this.#entries = entries;
    this.#always = Int32Array.from(always);
    this.#slots = slots;
  }

  /** In steps. `compiler` has the salt of the application. */
  static *slices<Result>(
    rules: readonly Rule<Result>[],
    compiler: Compiler,
  ): Generator<void, CompiledRules<Result>> {
    const compiled: Compiled<Result> = { problems: [], entries: [], always: [] };
    const index = new GrowingIndex();
    let count = 0;
    for (const rule of rulesInOrder(rules, compiler.compat)) {
      if (++count % STEP_RULES === 0) yield;
      const found = ruleProblems(rule, compiler.compat);
      compiled.problems.push(...found);
      if (found.length > 0) continue;
      const salted = new SaltedCompiler(compiler, ruleSalt(compiler.salt, rule.id));
      const { branch, keys } = compileRule(rule, salted);
      const position = compiled.entries.push(new Entry(rule.id, branch)) - 1;
      if (keys === null) compiled.always.push(position);
      else for (const key of keys) index.add(key, position);
    }
    return new CompiledRules(compiled, yield* index.slices());
  }

  get size(): number {
    return this.#entries.length;
  }

  /** Result of the first rule that holds, or null. */
  first(parameters: Parameters): Result | null {
    this.#gather(parameters);
    for (let position = this.#next(); position >= 0; position = this.#next()) {
      const entry = this.#entries[position]!;
      const result = entry.evaluate(parameters);
      if (result === null) continue;
      this.matchedRule = entry;
      return result;
    }
    return null;
  }

  /** Shows the results of all rules that hold, in order, until `take` returns true. */
  each(parameters: Parameters, take: (result: Result, rule: string) => boolean): void {
    this.#gather(parameters);
    for (let position = this.#next(); position >= 0; position = this.#next()) {
      const entry = this.#entries[position]!;
      const result = entry.evaluate(parameters);
      if (result !== null && take(result, entry.id)) return;
    }
  }

  #gather(parameters: Parameters): void {
    const lists = this.#lists;
    const few = this.#few;
    lists.length = 0;
    few.length = 0;
    this.#fewRead = 0;
    if (this.#always.length > 0) lists.push(this.#always);
    for (const { slot, texts, text_positions, numbers, lists: byList } of this.#slots) {
      if (parameters.value(slot) === undefined) continue;
      const text = texts === null ? -1 : texts.find(parameters.folded(slot));
      if (text >= 0) this.#add((text & 1) === 0 ? text >>> 1 : text_positions[text >>> 1]);
      if (numbers.size > 0) {
        const number = parameters.number(slot);
        if (number !== null) this.#add(numbers.get(number));
      }
      if (byList.size > 0) for (const list of parameters.lists(slot)) this.#add(byList.get(list));
    }
    if (few.length > 1) few.sort((one, other) => one - other);
    if (this.#read.length < lists.length) this.#read = new Int32Array(lists.length * 2);
    this.#read.fill(0, 0, lists.length);
  }

  #add(positions: Positions | undefined): void {
    if (typeof positions === "number") this.#few.push(positions);
    else if (positions !== undefined) this.#lists.push(positions);
  }

  /** The next position of all in order, each once; -1 behind the last one. */
  #next(): number {
    const lists = this.#lists;
    const few = this.#few;
    let best = this.#fewRead < few.length ? few[this.#fewRead]! : -1;
    for (let at = 0; at < lists.length; at++) {
      const position = lists[at]![this.#read[at]!];
      if (position !== undefined && (best < 0 || position < best)) best = position;
    }
    if (best < 0) return -1;
    while (this.#fewRead < few.length && few[this.#fewRead] === best) this.#fewRead++;
    for (let at = 0; at < lists.length; at++) if (lists[at]![this.#read[at]!] === best) this.#read[at]!++;
    return best;
  }
}

/** The compiler with the salt of one rule. */
class SaltedCompiler implements Compiler {
  readonly compat: boolean;
  readonly random: () => number;
  readonly sticky_parameters: readonly string[];
  readonly salt: string;
  readonly #compiler: Compiler;

  constructor(compiler: Compiler, salt: string) {
    this.compat = compiler.compat;
    this.random = compiler.random;
    this.sticky_parameters = compiler.sticky_parameters;
    this.salt = salt;
    this.#compiler = compiler;
  }

  slot(name: string): number {
    return this.#compiler.slot(name);
  }

  listNumbers(name: string): readonly number[] {
    return this.#compiler.listNumbers(name);
  }

  listAddresses(list: number): AddressSet {
    return this.#compiler.listAddresses(list);
  }

  compile(condition: Condition): CompiledCondition {
    return operatorOf(condition).compile(condition, this);
  }
}

/** A rule is reached by the keys of its narrowest condition alone, which then may need no test of its own. */
function compileRule<Result>(
  { when, inner, result }: Branch<Result>,
  compiler: Compiler,
): { readonly branch: CompiledBranch<Result>; readonly keys: readonly Key[] | null } {
  const conditions = when.map((condition) => compiler.compile(condition));
  const found = narrowest(conditions);
  const tests: Test[] = [];
  for (const condition of conditions)
    if (condition !== found || condition.keys_suffice !== true) tests.push(condition.test);
  const branch = { tests, inner: innerOf(inner, compiler), result };
  return { branch, keys: found?.keys ?? null };
}

function innerOf<Result>(inner: readonly Branch<Result>[], compiler: Compiler): Evaluate<Result>[] {
  return inner.map(({ when, inner: deeper, result }) =>
    evaluateOf({
      tests: when.map((condition) => compiler.compile(condition).test),
      inner: innerOf(deeper, compiler),
      result,
    }),
  );
}

function isPlain<Result>({ tests, inner }: CompiledBranch<Result>): boolean {
  return tests.length <= 1 && inner.length === 0;
}

function evaluateOf<Result>({ tests, inner, result }: CompiledBranch<Result>): Evaluate<Result> {
  return (parameters) => {
    for (const test of tests) if (!test(parameters)) return null;
    for (const branch of inner) {
      const deeper = branch(parameters);
      if (deeper !== null) return deeper;
    }
    return result;
  };
}

interface GrowingSlot {
  readonly texts: Map<string, Positions | number[]>;
  readonly numbers: Map<number, Positions | number[]>;
  readonly lists: Map<number, Positions | number[]>;
}

/** Positions of rules by their keys, while these are found. */
class GrowingIndex {
  readonly #slots = new Map<number, GrowingSlot>();

  add(key: Key, position: number): void {
    let slot = this.#slots.get(key.slot);
    if (slot === undefined) {
      slot = { texts: new Map(), numbers: new Map(), lists: new Map() };
      this.#slots.set(key.slot, slot);
    }
    if (key.kind === "text") addPosition(slot.texts, key.folded, position);
    else if (key.kind === "number") addPosition(slot.numbers, key.number, position);
    else addPosition(slot.lists, key.list, position);
  }

  *slices(): Generator<void, SlotIndex[]> {
    const indexes: SlotIndex[] = [];
    for (const [slot, growing] of this.#slots) {
      const texts = yield* pack(growing.texts);
      const numbers = yield* pack(growing.numbers);
      const lists = yield* pack(growing.lists);
      const text_positions: Int32Array[] = [];
      const found = new Map<string, number>();
      for (const [text, positions] of texts)
        found.set(
          text,
          typeof positions === "number" ? positions * 2 : text_positions.push(positions) * 2 - 1,
        );
      const index = found.size === 0 ? null : yield* TextIndex.slices(found);
      indexes.push({ slot, texts: index, text_positions, numbers, lists });
    }
    return indexes;
  }
}

function addPosition<Name>(map: Map<Name, Positions | number[]>, name: Name, position: number): void {
  const found = map.get(name);
  if (found === undefined) map.set(name, position);
  else if (typeof found === "number") {
    if (found !== position) map.set(name, [found, position]);
  } else if (found.at(-1) !== position) (found as number[]).push(position);
}

/** Lists of positions in their last form. */
function* pack<Name>(map: Map<Name, Positions | number[]>): Generator<void, ReadonlyMap<Name, Positions>> {
  let count = 0;
  for (const [name, positions] of map) {
    if (++count % STEP_KEYS === 0) yield;
    if (typeof positions !== "number") map.set(name, Int32Array.from(positions));
  }
  return map as Map<Name, Positions>;
}
