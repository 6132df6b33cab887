/** The two files of the system that say how names are resolved: hosts(5) and resolv.conf(5). */
import { parseIp } from "../core/schema/ip.ts";
import { ALL_MARKERS } from "../core/text/hosts_markers.ts";

/**
 * Addresses by name, names in lower case. Lines of a managed block are passed over: what is written there says where backends
 * were, and a backend's own name must not be found by it. So are lines with something else than an address.
 */
export function parseHosts(text: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const line of withoutManagedBlocks(text.split("\n"))) {
    const [address = "", ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    if (names.length === 0 || parseIp(address) === null) continue;
    for (const name of new Set(names.map(plainName))) {
      const addresses = found.get(name);
      if (addresses === undefined) found.set(name, [address.toLowerCase()]);
      else if (!addresses.includes(address.toLowerCase())) addresses.push(address.toLowerCase());
    }
  }
  return found;
}

/** A block without an end is none. */
function withoutManagedBlocks(lines: readonly string[]): readonly string[] {
  let rest = lines;
  for (const { begin, end } of ALL_MARKERS) {
    const from = rest.findIndex((line) => line.trimEnd() === begin);
    const to = from < 0 ? -1 : rest.findIndex((line, index) => index > from && line.trimEnd() === end);
    if (to >= 0) rest = [...rest.slice(0, from), ...rest.slice(to + 1)];
  }
  return rest;
}

/** A name as it is compared: lower case, without the dot that makes it absolute. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}

export interface ResolverFile {
  /** Addresses of name servers; the local machine's where the file names none. */
  readonly servers: readonly string[];
  /** Domains to try behind names with few dots. */
  readonly search: readonly string[];
  /** Names with at least so many dots are tried as they stand first. */
  readonly ndots: number;
}

/** Limits of resolv.conf(5): glibc reads no more of them. */
const MAX_SERVERS = 3;
const MAX_SEARCH = 6;
const MAX_NDOTS = 15;

/** What is not known is passed over, as the C library does. Of several `search` and `domain` lines the last one holds. */
export function parseResolverFile(text: string): ResolverFile {
  const servers: string[] = [];
  let search: string[] = [];
  let ndots = 1;
  for (const line of text.split("\n")) {
    const [keyword, ...values] = line
      .replace(/[#;].*/, "")
      .trim()
      .split(/\s+/);
    if (keyword === "nameserver" && values[0] !== undefined && parseIp(values[0]) !== null)
      servers.push(values[0]);
    else if (keyword === "search") search = values;
    else if (keyword === "domain") search = values.slice(0, 1);
    else if (keyword === "options") {
      const given = values
        .map((value) => /^ndots:(\d+)$/.exec(value)?.[1])
        .findLast((value) => value !== undefined);
      if (given !== undefined) ndots = Math.min(Number(given), MAX_NDOTS);
    }
  }
  return {
    servers: servers.length === 0 ? ["127.0.0.1"] : servers.slice(0, MAX_SERVERS),
    search: search
      .map(plainName)
      .filter((domain) => domain !== "")
      .slice(0, MAX_SEARCH),
    ndots,
  };
}

/** The absolute names to ask for, in order, when `name` stands in a configuration. */
export function searchNames(name: string, { search, ndots }: ResolverFile): string[] {
  const plain = plainName(name);
  if (name.endsWith(".")) return [plain];
  const dots = plain.split(".").length - 1;
  const longer = search.map((domain) => `${plain}.${domain}`);
  return dots >= ndots ? [plain, ...longer] : [...longer, plain];
}
