import type { HashKey } from "../schema/hash_key.ts";
import type { Strategy } from "./contract.ts";

/** What every keyed strategy may find among its options: the configuration puts the pool's `hash_on` there. */
export interface HashOnOption {
  readonly hash_on?: HashKey;
}

const ADDRESS: HashKey = { kind: "address" };

/**
 * What a plane hashes of a request before it asks for a candidate: the strategy's fixed key, else the option `hash_on`,
 * else the client's address. Null for a strategy that needs no key.
 */
export function requestKey(
  strategy: Pick<Strategy, "keyed" | "fixed_key">,
  options: HashOnOption,
): HashKey | null {
  if (!strategy.keyed) return null;
  return strategy.fixed_key ?? options.hash_on ?? ADDRESS;
}
