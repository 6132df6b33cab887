/**
 * Which of a pool's addresses a name leads to, for one family of addresses. Pure: it is told what probes found and what
 * time it is, and says what is to be written.
 */
import type { Health } from "../../core/model.ts";
import type { HostsNamePlan } from "../../core/plan.ts";

/** One address that a name may lead to, with what the probes of this run have found. */
export interface Candidate {
  /** `backend id` or `backend id@address`. */
  readonly key: string;
  readonly address: string;
  /** It is for times when nobody else is healthy. */
  readonly last_resort: boolean;
  /** Unknown before the first result of this run, whatever an earlier one has found. */
  readonly health: Health;
  /** It has failed so often in a row that there is nothing more to wait for. */
  readonly failed: boolean;
  /** Monotonic time since when it has its health. */
  readonly since_ms: number;
}

export type ChoiceRules = Pick<HostsNamePlan, "failover" | "failback_ms" | "max_entries">;

export type Decision =
  | {
      readonly kind: "serving";
      /** The one in use first, then others that are healthy. */
      readonly addresses: readonly string[];
      /** When to decide again even if nothing is found until then; null = no need. */
      readonly again_ms: number | null;
    }
  /** Nobody is known to be healthy, or the one in use is not judged, and somebody's verdict is awaited. */
  | { readonly kind: "waiting"; readonly again_ms: number | null }
  /** Every candidate has failed. */
  | { readonly kind: "down" };

const WAITING: Decision = { kind: "waiting", again_ms: null };
const DOWN: Decision = { kind: "down" };

export class Choice {
  readonly #rules: ChoiceRules;
  /** Key of the candidate in use, and where it stood among the others. */
  #current: string | null;
  #place = -1;
  /** The address that it was taken with: a reload may give the backend another one, or the address another key. */
  #address: string | null = null;
  /** A choice has been made in this run: nobody is waited for any more. */
  #chosen = false;

  /** `current` is the key of the candidate that was in use before this run, if that is known. */
  constructor(rules: ChoiceRules, current: string | null = null) {
    this.#rules = rules;
    this.#current = current;
  }

  get current(): string | null {
    return this.#current;
  }

  /** The same choice under other rules. */
  withRules(rules: ChoiceRules): Choice {
    const copy = new Choice(rules, this.#current);
    copy.#place = this.#place;
    copy.#address = this.#address;
    copy.#chosen = this.#chosen;
    return copy;
  }

  /** Decides anew. `ranking` holds all candidates, best first. */
  decide(ranking: readonly Candidate[], now: number): Decision {
    const place = this.#placeIn(ranking);
    const current = ranking[place];
    if (current !== undefined) {
      this.#current = current.key;
      this.#place = place;
    }
    if (current?.health === "healthy") return this.#stayOrReturn(ranking, place, now);
    // It has served under another key or port, and its first result under this one is near.
    if (current?.health === "unknown" && current.address === this.#address) return WAITING;
    if (!this.#chosen && this.#mustWait(ranking, current)) return WAITING;
    const next = this.#successor(ranking);
    if (next === null) return ranking.every(({ failed }) => failed) ? DOWN : WAITING;
    return this.#take(ranking, next, now);
  }

  /** Place of the one in use, or -1. */
  #placeIn(ranking: readonly Candidate[]): number {
    const [byKey, byAddress] = [
      ranking.findIndex(({ key }) => key === this.#current),
      ranking.findIndex(({ address }) => address === this.#address),
    ];
    const hasSameAddress = this.#address === null || ranking[byKey]?.address === this.#address;
    return hasSameAddress || byAddress < 0 ? byKey : byAddress;
  }

  /** At the start the best one is to serve, not the quickest: those before the first healthy one must have been judged. */
  #mustWait(ranking: readonly Candidate[], current: Candidate | undefined): boolean {
    if (current?.health === "unknown") return true;
    return ranking.find(({ health }) => health !== "unhealthy")?.health === "unknown";
  }

  #stayOrReturn(ranking: readonly Candidate[], place: number, now: number): Decision {
    const { failback_ms: delay } = this.#rules;
    if (delay === null) return this.#take(ranking, place, now);
    const better = ranking.slice(0, place).filter(({ health }) => health === "healthy");
    const ready = better.find(({ since_ms }) => since_ms + delay <= now);
    return this.#take(ranking, ready === undefined ? place : ranking.indexOf(ready), now);
  }

  /** Place of the healthy candidate that follows the one in use, or null. */
  #successor(ranking: readonly Candidate[]): number | null {
    const start = this.#rules.failover === "next" ? this.#place + 1 : 0;
    for (let step = 0; step < ranking.length; step++) {
      const place = (start + step) % ranking.length;
      if (ranking[place]!.health === "healthy") return place;
    }
    return null;
  }

  #take(ranking: readonly Candidate[], place: number, now: number): Decision {
    const taken = ranking[place]!;
    this.#current = taken.key;
    this.#address = taken.address;
    this.#place = place;
    this.#chosen = true;
    // Clients try what stands behind the first one too, in an order of their own.
    const others = ranking.filter(
      ({ health, key, last_resort }) =>
        health === "healthy" && key !== taken.key && (taken.last_resort || !last_resort),
    );
    const addresses = new Set([taken, ...others].map(({ address }) => address));
    return {
      kind: "serving",
      addresses: [...addresses].slice(0, this.#rules.max_entries),
      again_ms: this.#nextReturn(ranking.slice(0, place), now),
    };
  }

  /** When the first better candidate will have been healthy for long enough. */
  #nextReturn(better: readonly Candidate[], now: number): number | null {
    const { failback_ms: delay } = this.#rules;
    if (delay === null) return null;
    const times = better
      .filter(({ health, since_ms }) => health === "healthy" && since_ms + delay > now)
      .map(({ since_ms }) => since_ms + delay);
    return times.length === 0 ? null : Math.min(...times);
  }
}
