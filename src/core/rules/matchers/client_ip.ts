import { parseIp, parseNetwork, type Network } from "../../schema/ip.ts";
import { ValueError, type Condition, type Matcher } from "../matcher.ts";

/** ClientIP(`10.0.0.0/8`): an address or a network of the client. */
export const clientIp: Matcher = {
  name: "ClientIP",
  summary:
    "The address of the client is this one or lies in this network; IPv4-mapped addresses count as IPv4.",
  parameters: ["network"],

  compile([value]): Condition {
    const written = parseNetwork(value!);
    if (written === null)
      throw new ValueError(
        0,
        `malformed address \`${value}\``,
        "an address or a network such as 10.0.0.0/8 or fd00::/8",
      );
    const network = unmappedNetwork(written);
    return {
      test: (request) => {
        const address = parseClient(request.clientAddress);
        return address !== null && contains(network, address);
      },
    };
  },
};

/** All rules of a request ask for the same address, so the last one is kept. */
let lastText = "";
let lastAddress: Uint8Array | null = null;

function parseClient(text: string): Uint8Array | null {
  if (text === lastText) return lastAddress;
  const zone = text.indexOf("%");
  const address = parseIp(zone < 0 ? text : text.slice(0, zone));
  lastAddress = address !== null && isMapped(address) ? address.subarray(12) : address;
  lastText = text;
  return lastAddress;
}

/** ::ffff:0:0/96 (RFC 4291 2.5.5.2). */
function isMapped(bytes: Uint8Array): boolean {
  if (bytes.length !== 16 || bytes[10] !== 255 || bytes[11] !== 255) return false;
  for (let index = 0; index < 10; index++) if (bytes[index] !== 0) return false;
  return true;
}

function unmappedNetwork(network: Network): Network {
  if (network.prefix < 96 || !isMapped(network.bytes)) return network;
  return { bytes: network.bytes.subarray(12), prefix: network.prefix - 96 };
}

function contains(network: Network, address: Uint8Array): boolean {
  const { bytes, prefix } = network;
  if (bytes.length !== address.length) return false;
  for (let index = 0; index * 8 < prefix; index++) {
    const free = Math.max(0, index * 8 + 8 - prefix);
    if ((bytes[index]! ^ address[index]!) >> free !== 0) return false;
  }
  return true;
}
