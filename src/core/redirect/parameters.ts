/** The parameters of the decision under way, by number: each is fetched, folded and parsed once, and only when it is asked for. */
import { type Context, isBlank } from "./context.ts";
import { parseDouble } from "./java_double.ts";
import type { ListTable } from "./list_table.ts";
import { parseAddressRange, type AddressRange } from "./address_set.ts";

const NO_LISTS: readonly number[] = [];
const NO_PARAMETERS: Context = () => undefined;

export class Parameters {
  readonly #names: readonly string[];
  readonly #lists: ListTable;
  #context: Context = NO_PARAMETERS;
  /** Number of the decision; what was found in an earlier one is not looked at. */
  #decision = 0;
  readonly #values: (string | undefined)[];
  readonly #valueOf: Float64Array;
  readonly #folded: string[];
  readonly #foldedOf: Float64Array;
  readonly #numbers: (number | null)[];
  readonly #numberOf: Float64Array;
  readonly #ranges: (AddressRange | null)[];
  readonly #rangeOf: Float64Array;
  readonly #memberships: (readonly number[])[];
  readonly #membershipOf: Float64Array;

  constructor(names: readonly string[], lists: ListTable) {
    this.#names = names;
    this.#lists = lists;
    const count = names.length;
    this.#values = Array<undefined>(count).fill(undefined);
    this.#folded = Array<string>(count).fill("");
    this.#numbers = Array<null>(count).fill(null);
    this.#ranges = Array<null>(count).fill(null);
    this.#memberships = names.map(() => NO_LISTS);
    this.#valueOf = new Float64Array(count);
    this.#foldedOf = new Float64Array(count);
    this.#numberOf = new Float64Array(count);
    this.#rangeOf = new Float64Array(count);
    this.#membershipOf = new Float64Array(count);
  }

  get names(): readonly string[] {
    return this.#names;
  }

  /** The parameters of the next decision. */
  begin(context: Context): void {
    this.#context = context;
    this.#decision++;
  }

  /** Lets go of what the last decision was about. */
  end(): void {
    this.#context = NO_PARAMETERS;
  }

  value(slot: number): string | undefined {
    if (this.#valueOf[slot] !== this.#decision) {
      this.#valueOf[slot] = this.#decision;
      this.#values[slot] = this.#context(this.#names[slot]!);
    }
    return this.#values[slot];
  }

  /** In lower case; "" where it was not sent. */
  folded(slot: number): string {
    if (this.#foldedOf[slot] !== this.#decision) {
      this.#foldedOf[slot] = this.#decision;
      this.#folded[slot] = (this.value(slot) ?? "").toLowerCase();
    }
    return this.#folded[slot]!;
  }

  /** As a number; null where it is none. */
  number(slot: number): number | null {
    if (this.#numberOf[slot] !== this.#decision) {
      this.#numberOf[slot] = this.#decision;
      this.#numbers[slot] = parseDouble(this.value(slot) ?? "");
    }
    return this.#numbers[slot]!;
  }

  /** As an address or a network; null where it is neither. */
  range(slot: number): AddressRange | null {
    if (this.#rangeOf[slot] !== this.#decision) {
      this.#rangeOf[slot] = this.#decision;
      this.#ranges[slot] = parseAddressRange(this.value(slot) ?? "");
    }
    return this.#ranges[slot]!;
  }

  /** Numbers of the lists that hold it, without regard to case. */
  lists(slot: number): readonly number[] {
    if (this.#membershipOf[slot] !== this.#decision) {
      this.#membershipOf[slot] = this.#decision;
      this.#memberships[slot] =
        this.value(slot) === undefined ? NO_LISTS : this.#lists.listsOf(this.folded(slot));
    }
    return this.#memberships[slot]!;
  }

  /** The first that is not blank, or null. */
  firstWithText(slots: readonly number[]): string | null {
    for (const slot of slots) {
      const value = this.value(slot);
      if (value !== undefined && !isBlank(value)) return value;
    }
    return null;
  }

  /** True when the list holds it as it is. */
  isExactlyIn(slot: number, list: number): boolean {
    const value = this.value(slot);
    return value !== undefined && this.#lists.holdsExactly(value, list);
  }
}
