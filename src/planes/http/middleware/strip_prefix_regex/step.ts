import { BEYOND_LIMITS, LinearRegex } from "../../../../core/rules/linear_regex.ts";
import { readablePath, stripPathPrefix } from "../../../../core/text/path.ts";
import { NEXT } from "../../../../net/exchange.ts";
import type { Middleware } from "../contract.ts";
import { encodeUriText } from "../path_text.ts";
import { normalPath, rawPath, rewritePath } from "../rewriting.ts";
import type { StripPrefixRegexOptions } from "./schema.ts";

/** A match that ends here has cut an escape (`%2F`) in two. */
const HALF_ESCAPE = /%[0-9A-F]?$/;

export const stripPrefixRegex: Middleware<StripPrefixRegexOptions> = {
  name: "strip_prefix_regex",
  create({ regex }) {
    const regexes = regex.map((pattern) => new LinearRegex(pattern));
    return {
      name: "strip_prefix_regex",
      pure: true,
      stage: "rewrite",
      onRequest(exchange) {
        const readable = readablePath(normalPath(exchange));
        for (const each of regexes) {
          const match = each.firstMatch(readable);
          if (match === BEYOND_LIMITS)
            return exchange.fail("FL_BAD_TARGET", "the path is too long to be cut");
          if (match === null || match[0] !== 0 || match[1] === 0) continue;
          const prefix = encodeUriText(readable.slice(0, match[1]));
          if (HALF_ESCAPE.test(prefix)) continue;
          exchange.request.add("X-Forwarded-Prefix", prefix);
          return rewritePath(exchange, stripPathPrefix(rawPath(exchange), prefix));
        }
        return NEXT;
      },
    };
  },
};
