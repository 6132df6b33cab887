import { ValueError, type Condition, type HostPattern, type Matcher } from "../matcher.ts";
import { isHostName } from "../../schema/host.ts";
import { parseIp } from "../../schema/ip.ts";

const EXPECTED = "a name such as example.com, *.example.com or **.example.com, an address, or *";

/** Host(`example.com`): the host of the request, whatever its case, port and trailing dot. */
export const host: Matcher = {
  name: "Host",
  summary:
    "The host is this name or address, whatever its case, port and trailing dot. `*.example.com` takes exactly one more label, `**.example.com` one or more, `*` any host.",
  parameters: ["name"],
  readsHost: true,

  compile([value]): Condition {
    const pattern = hostPattern(value!);
    return { hosts: [pattern], sufficient: true, test: (request) => isHost(pattern, hostKey(request.host)) };
  },
};

function hostPattern(value: string): HostPattern {
  if (value === "*") return { kind: "any" };
  if (/[^\0-\x7f]/.test(value))
    throw new ValueError(0, `host \`${value}\` has letters beyond ASCII`, "its punycode form (xn--…)");
  const name = hostKey(value.toLowerCase().replace(/\.$/, ""));
  const wildcard = /^\*\*?\./.exec(name);
  const rest = name.slice(wildcard?.[0].length ?? 0);
  if (!isHostName(rest) && (wildcard !== null || parseIp(rest) === null)) throw invalid(value);
  if (wildcard === null) return { kind: "literal", host: name };
  return { kind: wildcard[0] === "*." ? "one_label" : "labels", suffix: rest };
}

function invalid(value: string): ValueError {
  if (/:\d+$/.test(value))
    return new ValueError(0, `host \`${value}\` has a port, which is never compared`, EXPECTED);
  return new ValueError(0, `malformed host \`${value}\``, EXPECTED);
}

/** The host without the brackets of an IPv6 address: the form under which hosts are compared. */
export function hostKey(name: string): string {
  return name.charCodeAt(0) === 91 && name.endsWith("]") ? name.slice(1, -1) : name;
}

/** `key` is a lower-case host as `hostKey` gives it. */
export function isHost(pattern: HostPattern, key: string): boolean {
  switch (pattern.kind) {
    case "literal":
      return key === pattern.host;
    case "one_label": {
      const dot = key.indexOf(".");
      return dot > 0 && key.length - dot - 1 === pattern.suffix.length && key.endsWith(pattern.suffix);
    }
    case "labels": {
      const dot = key.length - pattern.suffix.length - 1;
      return dot > 0 && key.charCodeAt(dot) === 46 && key.endsWith(pattern.suffix);
    }
    case "any":
      // A request without a host never gets here: rules that read the host do not take it.
      return true;
  }
}
