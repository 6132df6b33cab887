/**
 * IP addresses and networks as text: strict forms only (no `127.1`, no `0x7f.1`, no leading zeros). Tested against those
 * of node:net, which is not used itself: with the streams that it brings it takes 12 ms of the start of each process.
 */

/** A network: the address bytes (4 or 16) with the host bits cleared, and the prefix length in bits. */
export interface Network {
  readonly bytes: Uint8Array;
  readonly prefix: number;
}

/** Accepts `a.b.c.d` with decimal parts of 0 to 255. Returns 4 bytes, or null. */
export function parseIpv4(text: string): Uint8Array | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return null;
  const bytes = new Uint8Array(4);
  for (let index = 0; index < 4; index++) {
    const part = match[index + 1]!;
    if ((part.length > 1 && part[0] === "0") || Number(part) > 255) return null;
    bytes[index] = Number(part);
  }
  return bytes;
}

/** Accepts the forms of RFC 4291 2.2 (with `::` and an IPv4 tail), without zone and brackets. Returns 16 bytes, or null. */
export function parseIpv6(text: string): Uint8Array | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const head = groupsOf(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? groupsOf(halves[1]!, true) : [];
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null;
  const groups = [...head, ...Array<number>(missing).fill(0), ...tail];
  const bytes = new Uint8Array(16);
  groups.forEach((group, index) => {
    bytes[index * 2] = group >> 8;
    bytes[index * 2 + 1] = group & 255;
  });
  return bytes;
}

function groupsOf(text: string, mayEndInIpv4: boolean): number[] | null {
  if (text === "") return [];
  const parts = text.split(":");
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    const ipv4 = mayEndInIpv4 && index === parts.length - 1 ? parseIpv4(part) : null;
    if (ipv4 !== null) groups.push(ipv4[0]! * 256 + ipv4[1]!, ipv4[2]! * 256 + ipv4[3]!);
    else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16));
    else return null;
  }
  return groups;
}

/** An IPv4 or IPv6 address without brackets and zone: its 4 or 16 bytes, or null. */
export function parseIp(text: string): Uint8Array | null {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

/** True for an address, also one with a zone (`fe80::1%eth0`). */
export function isIp(text: string): boolean {
  const zone = text.indexOf("%");
  return zone < 0
    ? parseIp(text) !== null
    : zone < text.length - 1 && parseIpv6(text.slice(0, zone)) !== null;
}

/** Accepts `10.0.0.0/8`, `fd00::/8` and a single address (all bits). Host bits are cleared. Returns null for the rest. */
export function parseNetwork(text: string): Network | null {
  const [address, prefixText, ...rest] = text.split("/");
  const bytes = parseIp(address!);
  if (bytes === null || rest.length > 0) return null;
  const bits = bytes.length * 8;
  if (prefixText !== undefined && !/^(0|[1-9]\d{0,2})$/.test(prefixText)) return null;
  const prefix = prefixText === undefined ? bits : Number(prefixText);
  if (prefix > bits) return null;
  for (let index = 0; index < bytes.length; index++) {
    const kept = Math.min(8, Math.max(0, prefix - index * 8));
    bytes[index] = bytes[index]! & (0xff00 >> kept) & 0xff;
  }
  return { bytes, prefix };
}

/** The text of 4 or 16 bytes; IPv6 in the form of RFC 5952. */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from({ length: 8 }, (_, index) =>
    (bytes[index * 2]! * 256 + bytes[index * 2 + 1]!).toString(16),
  );
  const { start, length } = longestZeroRun(groups);
  if (length < 2) return groups.join(":");
  return `${groups.slice(0, start).join(":")}::${groups.slice(start + length).join(":")}`;
}

function longestZeroRun(groups: readonly string[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (groups[end] === "0") end++;
    if (end - start > best.length) best = { start, length: end - start };
  }
  return best;
}

/** The text of a network: `10.0.0.0/8`. */
export function formatNetwork(network: Network): string {
  return `${formatIp(network.bytes)}/${network.prefix}`;
}
