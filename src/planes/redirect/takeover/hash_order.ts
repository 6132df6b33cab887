/**
 * The order in which the original sees rules: its service reads the nodes of a folder, sorted by name, into a java.util.HashMap, and gives
 * them to gateways as that map is walked. Among rules of the same cost this order decides.
 */

const SMALLEST_TABLE = 16;
/** A table is doubled when more than this share of it is used. */
const LOAD = 0.75;

/** The names as a HashMap that they are put into in sorted order gives them back. Pure. */
export function hashOrder(names: readonly string[]): string[] {
  let size = SMALLEST_TABLE;
  while (names.length > size * LOAD) size *= 2;
  const places = new Map(names.map((name) => [name, spreadHash(name) & (size - 1)]));
  // Both sorts are stable: what shares a place stays in the order in which it came.
  return names.toSorted(byCodeUnits).toSorted((one, other) => places.get(one)! - places.get(other)!);
}

/** String.hashCode, with its upper half folded into the lower one as HashMap does. */
function spreadHash(text: string): number {
  let hash = 0;
  for (let index = 0; index < text.length; index++) hash = (Math.imul(31, hash) + text.charCodeAt(index)) | 0;
  return hash ^ (hash >>> 16);
}

function byCodeUnits(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
