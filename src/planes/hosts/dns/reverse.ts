/** Names that stand for addresses: `10.2.0.192.in-addr.arpa` (RFC 1035 3.5) and 32 digits below `ip6.arpa` (RFC 3596 2.5). */
import { formatIp, parseIpv4 } from "../../../core/schema/ip.ts";

const IPV4_SUFFIX = ".in-addr.arpa";
const IPV6_FORM = /^(?:[0-9a-f]\.){32}ip6\.arpa$/;

/** The address that `name` (lower case) stands for, IPv6 in the form of RFC 5952; null when it stands for none. */
export function addressOfReverseName(name: string): string | null {
  if (name.endsWith(IPV4_SUFFIX)) {
    const address = name.slice(0, -IPV4_SUFFIX.length).split(".").toReversed().join(".");
    return parseIpv4(address) === null ? null : address;
  }
  if (!IPV6_FORM.test(name)) return null;
  const digits = name.slice(0, 64).replaceAll(".", "");
  return formatIp(Buffer.from([...digits].toReversed().join(""), "hex"));
}
