/** Which address a client counts as: Traefik's `ipStrategy` (depth, excluded addresses, IPv6 subnet). */
import { formatIp, formatNetwork, parseIp, parseNetwork } from "../../../core/schema/ip.ts";
import { CidrSet, plainAddress } from "../../../net/addresses.ts";
import type { Exchange } from "../../../net/exchange.ts";
import { bareAddress, elementStart } from "../forwarding.ts";
import type { IpStrategyOptions } from "./client_source_schema.ts";

/** Returns the address as text, "" where the strategy finds none. */
export type ClientSource = (exchange: Exchange) => string;

/**
 * Without a strategy, the address is the client's as `trusted_proxies` give it. The strategies read `X-Forwarded-For` as
 * it came, and only that of a trusted peer: others may write what they like, so for them the list is empty.
 */
export function clientSource(options: IpStrategyOptions | undefined): ClientSource {
  const { depth = 0, excluded_ips = [], ipv6_subnet } = options ?? {};
  const address = addressOf(depth, excluded_ips);
  // Traefik applies the subnet to the address of the client and of a depth alone.
  if (ipv6_subnet === undefined || excluded_ips.length > 0) return address;
  return (exchange) => subnetOf(address(exchange), ipv6_subnet);
}

function addressOf(depth: number, excluded: readonly string[]): ClientSource {
  if (depth > 0) return (exchange) => atDepth(forwardedFor(exchange), depth);
  if (excluded.length === 0) return ({ client }) => client.address;
  const set = new CidrSet(excluded);
  return (exchange) => firstOutside(forwardedFor(exchange), set);
}

/** `X-Forwarded-For` as the peer sent it: what the plane has appended, the peer itself, is left out. Null for no list. */
function forwardedFor({ client, request }: Exchange): string | null {
  if (!client.trusted) return null;
  const list = request.getAll("x-forwarded-for").join(",");
  const start = elementStart(list, list.length);
  return start === 0 ? null : list.slice(0, start - 1);
}

/** Clients make lists long: they are read from the right, no further than it must be. */
function atDepth(list: string | null, depth: number): string {
  if (list === null) return "";
  let end = list.length;
  for (; depth > 1 && end >= 0; depth--) end = elementStart(list, end) - 1;
  return end < 0 ? "" : bareAddress(list.slice(elementStart(list, end), end));
}

function firstOutside(list: string | null, excluded: CidrSet): string {
  if (list === null) return "";
  for (let end = list.length; end >= 0;) {
    const start = elementStart(list, end);
    const address = bareAddress(list.slice(start, end));
    if (address !== "" && !excluded.has(address)) return address;
    end = start - 1;
  }
  return "";
}

/** The first address of the network of `bits` bits that an IPv6 address lies in; other text comes back as it is. */
export function subnetOf(address: string, bits: number): string {
  if (!address.includes(":")) return address;
  const bytes = parseIp(plainAddress(address));
  if (bytes === null || bytes.length !== 16) return address;
  const network = formatNetwork(parseNetwork(`${formatIp(bytes)}/${bits}`)!);
  return network.slice(0, network.indexOf("/"));
}
