import { routerCounter } from "./counter.ts";
import { extendHash, HASH_START, slotOf, STRIDE, TextTable } from "./text_table.ts";

/** What texts lead to. Never changes after it has been made. */
export class TextMap<Value> extends TextTable {
  private readonly values: readonly Value[];

  private constructor(texts: readonly string[], values: readonly Value[]) {
    super(texts);
    this.values = values;
  }

  /** A map with the entries of `from`, whose keys have characters below U+0100. Pauses every few of them. */
  static *of<Value>(from: ReadonlyMap<string, Value>): Generator<void, TextMap<Value>> {
    const texts = [...from.keys()];
    const map = new TextMap(texts, [...from.values()]);
    yield* map.enter(texts);
    return map;
  }

  get size(): number {
    return this.values.length;
  }

  /** The value of the text that stands in `text` from `from` to the end, or undefined. */
  get(text: string, from = 0): Value | undefined {
    const { table } = this;
    const mask = table.length - 1;
    const end = text.length;
    let hash = HASH_START;
    for (let at = from; at < end; at++) hash = extendHash(hash, text.charCodeAt(at));
    for (let slot = slotOf(hash, mask); table[slot + 3] !== 0; slot = (slot + STRIDE) & mask) {
      routerCounter.comparisons++;
      if (table[slot] === hash && table[slot + 1] === end - from && this.isAt(slot, text, from))
        return this.values[this.numberAt(slot)];
    }
    routerCounter.comparisons++;
    return undefined;
  }
}
