/** Every kind of store. */
import type { StorePart } from "./contract.ts";
import { sqlite } from "./sqlite/part.ts";
import { zookeeper } from "./zookeeper/part.ts";

export const stores: readonly StorePart[] = [sqlite, zookeeper];

/** The kind of store with this name, or undefined. */
export function storeByName(name: string): StorePart | undefined {
  return stores.find((store) => store.name === name);
}
