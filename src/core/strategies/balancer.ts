/**
 * What stands between the requests of a pool and its strategy: zones and slow start. A pool without them asks the
 * strategy's picker itself.
 */
import type { Candidate, Picker, Random, Strategy } from "./contract.ts";
import { SlowStartPicker, type SlowStarter } from "./slow_start.ts";
import { type Zone, ZonePicker } from "./zone_picker.ts";

interface BalancedZone extends Zone {
  /** The strategy's own. */
  readonly chooser: Picker;
  /** Null = nobody of the zone is in slow start. */
  slowStart: SlowStartPicker | null;
}

/** No zone has this name. */
const ELSEWHERE = "";

/** The candidates of a zone, or of several that are as far away. */
export type ZoneCandidates = Pick<Zone, "name" | "candidates" | "places">;

export class Balancer {
  /** What requests ask from now on. */
  picker: Picker;
  readonly #strategy: Strategy;
  readonly #options: unknown;
  readonly #random: Random;
  readonly #zones: readonly BalancedZone[];
  readonly #zonePicker: ZonePicker | null;

  /** `zones` stand nearest first; one alone = the pool has none. `before`: of the same pool and strategy before a reload. */
  constructor(
    strategy: Strategy,
    options: unknown,
    zones: readonly ZoneCandidates[],
    random: Random,
    before: Balancer | null,
  ) {
    this.#strategy = strategy;
    this.#options = options;
    this.#random = random;
    this.#zones = zones.map(({ name, candidates, places }) => {
      const known = before?.strategyName === strategy.name ? before.#chooserOf(name) : null;
      const chooser = strategy.create(candidates, options, random, known);
      return { name, candidates, places, chooser, picker: chooser, slowStart: null };
    });
    this.#zonePicker = zones.length > 1 ? new ZonePicker(this.#zones, strategy.keyed) : null;
    this.picker = this.#zonePicker ?? this.#zones[0]!.chooser;
  }

  get strategyName(): string {
    return this.#strategy.name;
  }

  get zoneCount(): number {
    return this.#zones.length;
  }

  /** Share of the traffic of each zone. */
  get shares(): readonly number[] {
    return this.#zonePicker?.shares ?? [1];
  }

  /**
   * A picker that stands where `picker` stands and leaves it there: what it picks comes next if nothing moves meanwhile.
   * Strategies that draw ask `random`.
   */
  lookAhead(random: Random): Picker {
    const zones = this.#zones.map((zone) => {
      const chooser = this.#strategy.create(zone.candidates, this.#options, random, zone.chooser);
      return { ...zone, chooser, picker: zone.slowStart?.copy(chooser) ?? chooser };
    });
    return this.#zonePicker?.copy(zones) ?? zones[0]!.picker;
  }

  #chooserOf(name: string): Picker | null {
    return this.#zones.find((zone) => zone.name === name)?.chooser ?? null;
  }

  /** Who is in slow start, by zone. */
  slowStart(starters: readonly (readonly SlowStarter[])[]): void {
    for (const [index, zone] of this.#zones.entries()) {
      const own = starters[index]!;
      if (own.length === 0) {
        zone.slowStart = null;
        zone.picker = zone.chooser;
      } else {
        const { candidates, chooser } = zone;
        zone.slowStart ??= new SlowStartPicker(chooser, this.#strategy, candidates, this.#random);
        zone.slowStart.update(own);
        zone.picker = zone.slowStart;
      }
    }
    this.picker = this.#zonePicker ?? this.#zones[0]!.picker;
  }

  /** What each zone gets of the traffic: see `zoneShares`. */
  setShares(shares: readonly number[]): void {
    this.#zonePicker?.setShares(shares);
  }
}

/**
 * The zones of a pool for who stands in `local`: that one, those of `order`, then all others together. `zoneOf` tells
 * where a candidate stands; zones without candidates are left out.
 */
export function zonesOf<One extends Candidate>(
  candidates: readonly One[],
  zoneOf: (candidate: One) => string | null,
  { local, order }: { readonly local: string; readonly order: readonly string[] },
): (ZoneCandidates & { readonly candidates: readonly One[] })[] {
  const named = [local, ...order];
  const rankOf = (candidate: One): number => {
    const rank = named.indexOf(zoneOf(candidate) ?? "");
    return rank < 0 ? named.length : rank;
  };
  const zones = [...named, ELSEWHERE].map((name) => ({
    name,
    candidates: [] as One[],
    places: [] as number[],
  }));
  for (const [place, candidate] of candidates.entries()) {
    const zone = zones[rankOf(candidate)]!;
    zone.candidates.push(candidate);
    zone.places.push(place);
  }
  const found = zones.filter((zone) => zone.candidates.length > 0);
  return found.length > 0 ? found : zones.slice(-1);
}

/** The candidates of a pool that does not look at zones. */
export function oneZone(candidates: readonly Candidate[]): ZoneCandidates[] {
  return [{ name: ELSEWHERE, candidates, places: [...candidates.keys()] }];
}
