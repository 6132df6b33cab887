/** What stands in our block of the hosts file. */

/** One line: an address and the names that lead to it. */
export interface HostsLine {
  /** An IPv4 or IPv6 literal. */
  readonly address: string;
  /** In lower case. */
  readonly names: readonly string[];
}

/** What is wanted of one name. */
export interface WantedName {
  /** The name and its aliases; the first one tells whose lines are whose. */
  readonly names: readonly string[];
  /** Its addresses, best first; `keep` = those that stand in the block, whatever they are. */
  readonly addresses: readonly string[] | "keep";
}

/** The addresses that lines give to each name, in their order. */
export function addressesByName(lines: readonly HostsLine[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { address, names } of lines)
    for (const name of names) found.set(name, [...(found.get(name) ?? []), address]);
  return found;
}
