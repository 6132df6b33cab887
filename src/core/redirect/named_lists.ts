/** Named lists as rules use them: by name, and with what clients send. */
import { allSteps } from "../steps.ts";
import { AddressSet, parseAddressRange } from "./address_set.ts";
import { ListTable, ListTableBuilder } from "./list_table.ts";
import type { ListValue, NamedList } from "./model.ts";

/** A list without its values, which stand in the table. */
export interface ListName extends Omit<NamedList, "values"> {
  /** Number of what clients send in the table. */
  readonly number: number;
  /** Number of the plain values of an ENCODED list, else null. */
  readonly plain: number | null;
}

/** A list whose values are told one by one. */
export interface ListSource extends Omit<NamedList, "values"> {
  readonly values: Iterable<ListValue>;
}

const NO_NUMBERS: readonly number[] = [];

/** Numbers of the list at `index` in the table: what clients send, and what stands for it in the eyes of operators. */
const sentNumber = (index: number): number => index * 2;
const plainNumber = (index: number): number => index * 2 + 1;

function listName({ name, description, type, version }: Omit<NamedList, "values">, index: number): ListName {
  const plain = type === "ENCODED" ? plainNumber(index) : null;
  return { name, description, type, version, number: sentNumber(index), plain };
}

export class NamedLists {
  readonly names: readonly ListName[];
  readonly table: ListTable;
  readonly #byName: ReadonlyMap<string, ListName>;
  readonly #addresses = new Map<number, AddressSet>();

  constructor(names: readonly ListName[], table: ListTable) {
    this.names = names;
    this.table = table;
    this.#byName = new Map(names.map((list) => [list.name, list]));
  }

  static of(lists: readonly NamedList[]): NamedLists {
    const texts = lists.flatMap(({ values }) => values.flatMap(textsOfValue));
    const builder = new NamedListsBuilder(new ArrayBuffer(ListTableBuilder.room(texts)));
    for (const [index, { values }] of lists.entries()) builder.add(index, values);
    return allSteps(builder.slices(lists));
  }

  static readonly none = new NamedLists([], ListTable.build([]));

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /**
   * Numbers in the table of what clients may send: in the original an ENCODED list knows only the MD5 of its values, else the
   * values themselves are known too. None for an unknown list.
   */
  numbers(name: string, compat: boolean): readonly number[] {
    const list = this.#byName.get(name);
    if (list === undefined) return NO_NUMBERS;
    return list.plain === null || compat ? [list.number] : [list.number, list.plain];
  }

  /** The lists again, as they were given, one after the other: the values of one are there until the next one is asked for. */
  *lists(): Generator<ListSource> {
    const entries = this.table.entries();
    let next = entries.next();
    const values = function* (sent: number): Generator<ListValue> {
      while (next.done !== true && next.value.list === sent) {
        const { text } = next.value;
        next = entries.next();
        const isPlain = next.done !== true && next.value.list === sent + 1;
        yield isPlain ? { value: next.value!.text, encoded: text } : { value: text, encoded: null };
        if (isPlain) next = entries.next();
      }
    };
    for (const { number, plain: _, ...head } of this.names) {
      const own = values(number);
      yield { ...head, values: own };
      // Those that nobody has asked for.
      for (const _value of own);
    }
  }

  /** All of them with their values, as they were given. */
  whole(): NamedList[] {
    const whole: NamedList[] = [];
    for (const list of this.lists()) whole.push({ ...list, values: [...list.values] });
    return whole;
  }

  /** What clients may send, one by one; null for an unknown list. Slow: for the interpreter. */
  texts(name: string, compat: boolean): string[] | null {
    if (!this.has(name)) return null;
    return this.numbers(name, compat).flatMap((number) => [...this.table.textsOf(number)]);
  }

  /** The first of `texts`; none for a list that is unknown or empty. */
  firstText(name: string, compat: boolean): readonly string[] {
    for (const number of this.numbers(name, compat))
      for (const text of this.table.textsOf(number)) return [text];
    return [];
  }

  /** The addresses and networks among the values with this number. */
  addresses(number: number): AddressSet {
    let set = this.#addresses.get(number);
    if (set === undefined) {
      set = new AddressSet([...this.table.textsOf(number)].flatMap((text) => parseAddressRange(text) ?? []));
      this.#addresses.set(number, set);
    }
    return set;
  }
}

/** In the table what clients send comes first, then what stands for it. */
const textsOfValue = ({ value, encoded }: ListValue): string[] =>
  encoded === null ? [value] : [encoded, value];

/** Lists whose values come in parts, one list after the other; what else is known of them may come last. */
export class NamedListsBuilder {
  readonly #table: ListTableBuilder;

  /** `buffer` as for `ListTableBuilder`. */
  constructor(buffer: ArrayBufferLike) {
    this.#table = new ListTableBuilder(buffer);
  }

  /** More values of the list at `index`. Throws RangeError where they have no room. */
  add(index: number, values: readonly ListValue[]): void {
    for (const { value, encoded } of values) {
      this.#table.add(sentNumber(index), encoded ?? value);
      if (encoded !== null) this.#table.add(plainNumber(index), value);
    }
  }

  /** In steps: the lists with the values that were added. */
  *slices(heads: readonly Omit<NamedList, "values">[]): Generator<void, NamedLists> {
    return new NamedLists(heads.map(listName), yield* this.#table.slices());
  }
}
