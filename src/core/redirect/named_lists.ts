/** Named lists as rules use them: by name, and with what clients send. */
import { AddressSet, parseAddressRange } from "./address_set.ts";
import { ListTable } from "./list_table.ts";
import type { ListType, NamedList } from "./model.ts";

/** A list without its values, which stand in the table. */
export interface ListName {
  readonly name: string;
  readonly type: ListType;
  /** Number of what clients send in the table. */
  readonly number: number;
  /** Number of the plain values of an ENCODED list, else null. */
  readonly plain: number | null;
}

const NO_NUMBERS: readonly number[] = [];

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

  /** `allocate` as for `ListTable.build`. */
  static of(lists: readonly NamedList[], allocate?: (bytes: number) => ArrayBufferLike): NamedLists {
    const names: ListName[] = [];
    const texts: { name: string; texts: readonly string[] }[] = [];
    for (const { name, type, values } of lists) {
      const number = texts.push({ name, texts: values.map(({ value, encoded }) => encoded ?? value) }) - 1;
      const isEncoded = type === "ENCODED";
      const plain = isEncoded ? texts.push({ name, texts: values.map(({ value }) => value) }) - 1 : null;
      names.push({ name, type, number, plain });
    }
    return new NamedLists(names, ListTable.build(texts, allocate));
  }

  static readonly none = new NamedLists([], ListTable.empty);

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

  /** What clients may send, one by one; null for an unknown list. Slow: for the interpreter. */
  texts(name: string, compat: boolean): string[] | null {
    if (!this.has(name)) return null;
    return this.numbers(name, compat).flatMap((number) => [...this.table.textsOf(number)]);
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
