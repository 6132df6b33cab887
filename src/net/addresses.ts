/**
 * Addresses of peers as text, and sets of networks that they are looked up in. IPv4-mapped IPv6 addresses
 * (`::ffff:192.0.2.1`, RFC 4291 2.5.5.2) are IPv4 addresses everywhere: a dual-stack socket reports them so.
 */
import { parseIp, parseNetwork } from "../core/schema/ip.ts";

const MAPPED_PREFIX = "::ffff:";
const DOT = 46;
const ZERO = 48;
const PERCENT = 37;

/** The address without the IPv4-mapped form and without a zone (`%eth0`). Other text comes back as it is. */
export function plainAddress(address: string): string {
  if (address.startsWith(MAPPED_PREFIX) && address.includes(".")) return address.slice(MAPPED_PREFIX.length);
  const zone = address.indexOf("%");
  return zone < 0 ? address : address.slice(0, zone);
}

/** An address or a mask as four 32-bit words; IPv4 uses the first one alone. */
type Words = readonly [number, number, number, number];

/**
 * Networks of one family, none inside another, in the order of their first address. So the only one that can hold an
 * address is the last one that starts at or before it.
 */
class NetworkTable {
  readonly #starts: Uint32Array;
  readonly #masks: Uint32Array;
  readonly #wordsEach: number;
  readonly #count: number;

  constructor(wordsEach: 1 | 4, networks: readonly { bytes: Uint8Array; prefix: number }[]) {
    const sorted = networks
      .map(({ bytes, prefix }) => ({ start: wordsOf(bytes), mask: maskOf(prefix) }))
      .sort((a, b) => compare(a.start, b.start) || compare(a.mask, b.mask));
    const kept: typeof sorted = [];
    for (const network of sorted) {
      const before = kept.at(-1);
      if (before === undefined || !covers(before, network.start)) kept.push(network);
    }
    this.#wordsEach = wordsEach;
    this.#count = kept.length;
    this.#starts = Uint32Array.from(kept.flatMap(({ start }) => start.slice(0, wordsEach)));
    this.#masks = Uint32Array.from(kept.flatMap(({ mask }) => mask.slice(0, wordsEach)));
  }

  /** `address` holds as many words as the networks of this table. */
  has(address: Uint32Array): boolean {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#startsAfter(middle, address)) high = middle;
      else low = middle + 1;
    }
    return low > 0 && this.#contains(low - 1, address);
  }

  #startsAfter(index: number, address: Uint32Array): boolean {
    const at = index * this.#wordsEach;
    for (let word = 0; word < this.#wordsEach; word++) {
      const start = this.#starts[at + word]!;
      const wanted = address[word]!;
      if (start !== wanted) return start > wanted;
    }
    return false;
  }

  #contains(index: number, address: Uint32Array): boolean {
    const at = index * this.#wordsEach;
    for (let word = 0; word < this.#wordsEach; word++)
      if (((this.#starts[at + word]! ^ address[word]!) & this.#masks[at + word]!) !== 0) return false;
    return true;
  }
}

/** Address that is being looked up; IPv4 in the first word. */
const wanted = new Uint32Array(4);

/**
 * A set of addresses given as networks (`10.0.0.0/8`, `fd00::/8`, single addresses). A network inside
 * `::ffff:0:0/96` is the IPv4 network; `::/0` holds IPv6 addresses alone. Throws RangeError for text that is no network.
 */
export class CidrSet {
  readonly #ipv4: NetworkTable;
  readonly #ipv6: NetworkTable;
  /** A connection's address is asked for again and again. */
  #lastAddress = "";
  #lastResult = false;

  constructor(cidrs: readonly string[]) {
    const networks = cidrs.map(networkOf);
    this.#ipv4 = new NetworkTable(
      1,
      networks.filter(({ bytes }) => bytes.length === 4),
    );
    this.#ipv6 = new NetworkTable(
      4,
      networks.filter(({ bytes }) => bytes.length === 16),
    );
  }

  /** False for text that is no address (a peer on a unix socket has none). A zone (`%eth0`) is left out of account. */
  has(address: string): boolean {
    if (address === this.#lastAddress) return this.#lastResult;
    this.#lastAddress = address;
    this.#lastResult = this.#lookUp(address);
    return this.#lastResult;
  }

  #lookUp(address: string): boolean {
    if (readIpv4(address, address.startsWith(MAPPED_PREFIX) ? MAPPED_PREFIX.length : 0))
      return this.#ipv4.has(wanted);
    const bytes = parseIp(plainAddress(address));
    if (bytes === null) return false;
    if (isMapped(bytes)) {
      wanted[0] = wordAt(bytes, 12);
      return this.#ipv4.has(wanted);
    }
    for (let word = 0; word < 4; word++) wanted[word] = wordAt(bytes, word * 4);
    return bytes.length === 16 && this.#ipv6.has(wanted);
  }
}

/** Reads the dotted address that fills `text` from `at` on into `wanted[0]`; false when there is none. */
function readIpv4(text: string, at: number): boolean {
  let address = 0;
  let part = -1;
  let dots = 0;
  for (let index = at; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === DOT) {
      if (part < 0 || ++dots > 3) return false;
      address = address * 256 + part;
      part = -1;
    } else if (code >= ZERO && code <= ZERO + 9) {
      // A leading zero could stand for an octal number.
      if (part === 0) return false;
      part = part < 0 ? code - ZERO : part * 10 + code - ZERO;
      if (part > 255) return false;
    } else if (code === PERCENT && dots === 3 && part >= 0) break;
    else return false;
  }
  if (dots !== 3 || part < 0) return false;
  wanted[0] = address * 256 + part;
  return true;
}

function networkOf(text: string): { bytes: Uint8Array; prefix: number } {
  const network = parseNetwork(text);
  if (network === null) throw new RangeError(`${text} is no network such as 10.0.0.0/8 or fd00::/8`);
  if (network.prefix < 96 || !isMapped(network.bytes)) return network;
  return { bytes: network.bytes.subarray(12), prefix: network.prefix - 96 };
}

/** ::ffff:0:0/96 */
function isMapped(bytes: Uint8Array): boolean {
  if (bytes.length !== 16 || bytes[10] !== 255 || bytes[11] !== 255) return false;
  for (let index = 0; index < 10; index++) if (bytes[index] !== 0) return false;
  return true;
}

function wordAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

function wordsOf(bytes: Uint8Array): Words {
  return bytes.length === 4
    ? [wordAt(bytes, 0), 0, 0, 0]
    : [wordAt(bytes, 0), wordAt(bytes, 4), wordAt(bytes, 8), wordAt(bytes, 12)];
}

function maskOf(prefix: number): Words {
  const word = (index: number) => {
    const bits = Math.min(32, Math.max(0, prefix - index * 32));
    return bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
  };
  return [word(0), word(1), word(2), word(3)];
}

function compare(a: Words, b: Words): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2] || a[3] - b[3];
}

function covers(network: { start: Words; mask: Words }, address: Words): boolean {
  return network.start.every((start, word) => ((start ^ address[word]!) & network.mask[word]!) === 0);
}
