/** Addresses and networks of a list, and whether an address or a whole network lies within one of them. */
import { parseIp, parseNetwork } from "../schema/ip.ts";

/** A network as the first and the last of its addresses, each as four unsigned 32-bit numbers; IPv4 in the last one. */
export interface AddressRange {
  readonly is_ipv6: boolean;
  readonly prefix: number;
  readonly first: readonly [number, number, number, number];
}

/** Bits of `::ffff:0:0/96`, in which IPv4 addresses stand as IPv6 ones (RFC 4291 2.5.5.2). */
const MAPPED_BITS = 96;

/**
 * Accepts an address or a network, IPv4-mapped ones as the IPv4 ones that they are. A zone is left out. Returns null for the
 * rest, also for a mapped network that is wider than IPv4.
 */
export function parseAddressRange(text: string): AddressRange | null {
  const trimmed = text.trim();
  const zone = trimmed.indexOf("%");
  const network = parseNetwork(zone < 0 ? trimmed : trimmed.slice(0, zone));
  if (network === null || (zone >= 0 && network.bytes.length === 4)) return null;
  const { bytes, prefix } = network;
  if (bytes.length === 4) return { is_ipv6: false, prefix, first: [0, 0, 0, wordAt(bytes, 0)] };
  const first = [wordAt(bytes, 0), wordAt(bytes, 4), wordAt(bytes, 8), wordAt(bytes, 12)] as const;
  if (!isMapped(trimmed)) return { is_ipv6: true, prefix, first };
  return prefix < MAPPED_BITS
    ? null
    : { is_ipv6: false, prefix: prefix - MAPPED_BITS, first: [0, 0, 0, first[3]] };
}

const IPV4_RANGE =
  /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\/(?:3[0-2]|[12]\d|\d))?$/;

/** Most IPv6 texts: no mapped ones, which begin with zeros. The compressed form may still have too many groups. */
const FULL_IPV6_RANGE = /^[1-9a-f][0-9a-f]{0,3}(?::[0-9a-f]{1,4}){7}(?:\/(?:12[0-8]|1[01]\d|[1-9]?\d))?$/i;
const SHORT_IPV6_RANGE =
  /^[1-9a-f][0-9a-f]{0,3}(?::[0-9a-f]{1,4}){0,6}::(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,5})?(?:\/(?:12[0-8]|1[01]\d|[1-9]?\d))?$/i;

/** Whether `parseAddressRange` accepts `text`, several times as fast: for lists with a million lines. */
export function isAddressRange(text: string): boolean {
  if (!text.includes(":")) return IPV4_RANGE.test(text.trim());
  if (SHORT_IPV6_RANGE.test(text) ? hasFewGroups(text) : FULL_IPV6_RANGE.test(text)) return true;
  return parseAddressRange(text) !== null;
}

/** Seven groups around `::` have seven colons, or eight where it ends the text: that is left to the parser. */
function hasFewGroups(text: string): boolean {
  let colons = 0;
  for (let at = text.indexOf(":"); at >= 0; at = text.indexOf(":", at + 1)) colons++;
  return colons <= 7;
}

/** True when the address before the slash is an IPv4-mapped one, whatever its prefix leaves of it. */
function isMapped(text: string): boolean {
  const bytes = parseIp(text.split(/[/%]/, 1)[0]!);
  return (
    bytes?.length === 16 && wordAt(bytes, 0) === 0 && wordAt(bytes, 4) === 0 && wordAt(bytes, 8) === 0xffff
  );
}

function wordAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** True when all of `inner` lies within `outer`: the specification of `AddressSet`. */
export function isWithinRange(inner: AddressRange, outer: AddressRange): boolean {
  if (inner.is_ipv6 !== outer.is_ipv6 || inner.prefix < outer.prefix) return false;
  const spare = outer.is_ipv6 ? 0 : 96;
  for (let word = 0; word < 4; word++) {
    const kept = Math.min(32, Math.max(0, outer.prefix + spare - word * 32));
    const mask = kept === 0 ? 0 : (-1 << (32 - kept)) >>> 0;
    if (((inner.first[word]! ^ outer.first[word]!) & mask) !== 0) return false;
  }
  return true;
}

/**
 * Networks in the order of their addresses, those within others left out: what is left does not overlap, so that the last one that
 * begins at or before an address is the only one that may hold it. Four numbers of 32 bits an entry, found in log n steps.
 */
export class AddressSet {
  readonly #ipv4: Sorted;
  readonly #ipv6: Sorted;

  constructor(ranges: readonly AddressRange[]) {
    this.#ipv4 = new Sorted(ranges.filter(({ is_ipv6 }) => !is_ipv6));
    this.#ipv6 = new Sorted(ranges.filter(({ is_ipv6 }) => is_ipv6));
  }

  /** True when all of `range` lies within one entry. */
  holds(range: AddressRange): boolean {
    return (range.is_ipv6 ? this.#ipv6 : this.#ipv4).holds(range);
  }
}

class Sorted {
  readonly #words: Uint32Array;
  readonly #prefixes: Uint8Array;
  readonly #spare: number;

  constructor(ranges: readonly AddressRange[]) {
    const wide: AddressRange[] = [];
    for (const range of ranges.toSorted(byStart)) {
      const last = wide.at(-1);
      if (last === undefined || !isWithinRange(range, last)) wide.push(range);
    }
    this.#spare = ranges[0]?.is_ipv6 === true ? 0 : 96;
    this.#words = Uint32Array.from(wide.flatMap(({ first }) => [...first]));
    this.#prefixes = Uint8Array.from(wide, ({ prefix }) => prefix);
  }

  holds({ prefix, first }: AddressRange): boolean {
    const [w0, w1, w2, w3] = first;
    let low = 0;
    let high = this.#prefixes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#beginsAfter(middle * 4, w0, w1, w2, w3)) high = middle;
      else low = middle + 1;
    }
    const entry = low - 1;
    if (entry < 0 || prefix < this.#prefixes[entry]!) return false;
    return this.#sharesPrefix(entry, first);
  }

  #beginsAfter(at: number, w0: number, w1: number, w2: number, w3: number): boolean {
    const words = this.#words;
    if (words[at] !== w0) return words[at]! > w0;
    if (words[at + 1] !== w1) return words[at + 1]! > w1;
    if (words[at + 2] !== w2) return words[at + 2]! > w2;
    return words[at + 3]! > w3;
  }

  #sharesPrefix(entry: number, first: AddressRange["first"]): boolean {
    let bits = this.#prefixes[entry]! + this.#spare;
    for (let word = 0; word < 4 && bits > 0; word++, bits -= 32) {
      const difference = this.#words[entry * 4 + word]! ^ first[word]!;
      if (bits >= 32 ? difference !== 0 : difference >>> (32 - bits) !== 0) return false;
    }
    return true;
  }
}

/** By first address, wider ones before those that they hold. */
function byStart(one: AddressRange, other: AddressRange): number {
  for (let word = 0; word < 4; word++)
    if (one.first[word] !== other.first[word]) return one.first[word]! - other.first[word]!;
  return one.prefix - other.prefix;
}
