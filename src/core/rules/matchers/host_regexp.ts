import { fromByteText } from "../byte_text.ts";
import { regexValue, ValueError, type Condition, type Matcher } from "../matcher.ts";

/** Names that the router can look up as they stand; brackets of IPv6 addresses are left out of its keys. */
const LOOKED_UP = /^[a-z0-9._-]+$/;

/** HostRegexp(`^.+\.example\.com$`): a regex on the lower-case host without port. */
export const hostRegexp: Matcher = {
  name: "HostRegexp",
  summary: "The host, in lower case and without port, matches this regex.",
  parameters: ["regex"],
  readsHost: true,

  compile(values, regexes): Condition {
    if (/[^\0-\x7f]/.test(values[0]!))
      throw new ValueError(0, "a host regex with letters beyond ASCII", "the punycode form (xn--…) of names");
    const regex = regexValue(values, 0, regexes);
    const test: Condition["test"] = (request) => regex.test(fromByteText(request.host));
    const names = regex.anchors;
    if (names === null || !names.every(({ kind, text }) => kind === "exact" && LOOKED_UP.test(text)))
      return { test };
    return { test, sufficient: true, hosts: names.map(({ text }) => ({ kind: "literal", host: text })) };
  },
};
