import type { Candidate, Picker, Strategy } from "./contract.ts";
import { mix } from "./hash.ts";
import type { HashOnOption } from "./hash_on.ts";
import { checkTableSize } from "./maglev.ts";
import { RendezvousRanking } from "./rendezvous_ranking.ts";

class RendezvousPicker implements Picker {
  readonly #candidates: readonly Candidate[];
  readonly #ranking: RendezvousRanking;

  constructor(candidates: readonly Candidate[]) {
    this.#candidates = candidates;
    this.#ranking = new RendezvousRanking(candidates);
  }

  pick(hash: number, tried: readonly Candidate[]): Candidate | null {
    return this.#ranking.best(hash, tried, Infinity);
  }

  /** Asks every candidate for every slot: some 20 ms for 100 candidates and 65521 slots. */
  table(size: number): Int32Array {
    checkTableSize(size);
    const table = new Int32Array(size).fill(-1);
    const indexes = new Map<Candidate, number>();
    for (const [index, { key, weight, available }] of this.#candidates.entries())
      if (available) indexes.set({ key, weight, available, in_flight: 0, latency_ms: 0, limit: 0 }, index);
    const ranking = new RendezvousRanking([...indexes.keys()]);
    for (let slot = 0; slot < size; slot++) {
      const best = ranking.best(mix(slot), [], Infinity);
      if (best !== null) table[slot] = indexes.get(best)!;
    }
    return table;
  }

  order(hash: number): Candidate[] {
    return this.#ranking.order(hash);
  }
}

/** Weighted rendezvous hashing: no table, and no key moves that need not, at a cost that grows with the pool. */
export const rendezvous: Strategy<HashOnOption> = {
  name: "rendezvous",
  summary:
    "Sends requests with the same key (`hash_on`) to the same backend; when one comes or goes, no other key moves.",
  can: ["pick", "table", "order"],
  keyed: true,
  spreads_by: null,
  create: (candidates) => new RendezvousPicker(candidates),
};
