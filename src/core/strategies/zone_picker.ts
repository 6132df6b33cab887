import type { Candidate, Picker } from "./contract.ts";
import { mix } from "./hash.ts";

const SEED = 0x7a6f6e65;

/** Candidates of one zone, or of several that are as far away, with who chooses among them. */
export interface Zone {
  readonly name: string;
  readonly candidates: readonly Candidate[];
  /** Where each of them stands among all candidates of the pool. */
  readonly places: readonly number[];
  picker: Picker;
}

/**
 * Chooses the zone by the zones' shares, then lets the zone's own picker choose. Requests without a key are spread evenly
 * and exactly; those with one are divided by it, so that a key changes its zone only when the shares say so. A zone where
 * nobody can take the request (full, tried already) passes it on to the others, nearest first: that comes before waiting.
 */
export class ZonePicker implements Picker {
  readonly table?: (size: number) => Int32Array;
  readonly order?: (hash: number) => Candidate[];
  readonly #zones: readonly Zone[];
  readonly #keyed: boolean;
  /** Share of each zone, and what each is owed in requests. */
  readonly #shares: Float64Array;
  readonly #owed: Float64Array;
  /** The only zone that has a share, or -1. */
  #only = 0;

  /** `zones` stand nearest first; the first one has all of the traffic until `setShares`. */
  constructor(zones: readonly Zone[], keyed: boolean) {
    this.#zones = zones;
    this.#keyed = keyed;
    this.#shares = new Float64Array(zones.length);
    this.#shares[0] = 1;
    this.#owed = new Float64Array(zones.length);
    if (zones.every(({ picker }) => picker.table !== undefined)) this.table = (size) => this.#table(size);
    if (zones.every(({ picker }) => picker.order !== undefined)) this.order = (hash) => this.#order(hash);
  }

  /** A picker of `zones`, which are copies of its own, that stands where this one stands. */
  copy(zones: readonly Zone[]): ZonePicker {
    const copy = new ZonePicker(zones, this.#keyed);
    copy.#shares.set(this.#shares);
    copy.#owed.set(this.#owed);
    copy.#only = this.#only;
    return copy;
  }

  get shares(): readonly number[] {
    return [...this.#shares];
  }

  setShares(shares: readonly number[]): void {
    const only = shares.findIndex((share) => share >= 1);
    this.#shares.set(shares);
    this.#only = only;
    // What a zone was owed under other shares is not made up for.
    if (only >= 0) this.#owed.fill(0);
  }

  pick(hash: number, tried: readonly Candidate[]): Candidate | null {
    const zones = this.#zones;
    const chosen = this.#zoneOf(hash);
    const candidate = zones[chosen]!.picker.pick!(hash, tried);
    if (candidate !== null) return candidate;
    for (let zone = 0; zone < zones.length; zone++) {
      if (zone === chosen) continue;
      const other = zones[zone]!.picker.pick!(hash, tried);
      if (other !== null) return other;
    }
    return null;
  }

  #zoneOf(hash: number): number {
    if (this.#only >= 0) return this.#only;
    return this.#keyed ? this.#zoneOfKey(hash) : this.#nextZone();
  }

  #zoneOfKey(hash: number): number {
    const shares = this.#shares;
    let rest = mix(hash ^ SEED) / 4_294_967_296;
    let last = 0;
    for (let zone = 0; zone < shares.length; zone++) {
      if (shares[zone] === 0) continue;
      last = zone;
      rest -= shares[zone]!;
      if (rest < 0) break;
    }
    return last;
  }

  /** The zone that is owed the most. */
  #nextZone(): number {
    const shares = this.#shares;
    const owed = this.#owed;
    let next = 0;
    for (let zone = 0; zone < shares.length; zone++) {
      owed[zone]! += shares[zone]!;
      if (owed[zone]! > owed[next]!) next = zone;
    }
    owed[next]!--;
    return next;
  }

  /** Slots are divided among the zones like keys, so that a slot changes its zone only when the shares say so. */
  #table(size: number): Int32Array {
    const zones = this.#zones;
    const tables = zones.map(({ picker }) => picker.table!(size));
    return Int32Array.from({ length: size }, (_, slot) => {
      const chosen = this.#only >= 0 ? this.#only : this.#zoneOfKey(mix(slot));
      const zone = tables[chosen]![slot]! >= 0 ? chosen : tables.findIndex((table) => table[slot]! >= 0);
      return zone < 0 ? -1 : zones[zone]!.places[tables[zone]![slot]!]!;
    });
  }

  #order(hash: number): Candidate[] {
    const chosen = this.#zones[this.#zoneOf(hash)]!;
    return [chosen, ...this.#zones.filter((zone) => zone !== chosen)].flatMap(({ picker }) =>
      picker.order!(hash),
    );
  }
}
