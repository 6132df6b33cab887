/** Which address a client counts as: Traefik's `ipStrategy` (depth, excluded addresses, IPv6 subnet). */
import { formatIp, formatNetwork, parseIp, parseNetwork } from "../../../core/schema/ip.ts";
import { CidrSet, plainAddress } from "../../../net/addresses.ts";
import type { Exchange } from "../../../net/exchange.ts";
import { bareAddress } from "../forwarding.ts";
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

/** The elements of `X-Forwarded-For` as the peer sent them: what the plane has appended, the peer itself, is left out. */
function forwardedFor({ client, request }: Exchange): string[] {
  if (!client.trusted) return [];
  const elements = request.getAll("x-forwarded-for").join(",").split(",");
  return elements.slice(0, -1).map(bareAddress);
}

function atDepth(elements: readonly string[], depth: number): string {
  return elements[elements.length - depth] ?? "";
}

function firstOutside(elements: readonly string[], excluded: CidrSet): string {
  for (let index = elements.length - 1; index >= 0; index--) {
    const element = elements[index]!;
    if (element !== "" && !excluded.has(element)) return element;
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
