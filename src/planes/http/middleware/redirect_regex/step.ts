import { BEYOND_LIMITS, LinearRegex } from "../../../../core/rules/linear_regex.ts";
import { Replacement } from "../../../../core/rules/replacement.ts";
import { NEXT } from "../../../../net/exchange.ts";
import type { Middleware } from "../contract.ts";
import { encodeUriText, uriTextOfSetting } from "../path_text.ts";
import { redirect, requestUrl } from "../redirect.ts";
import { safeLocation } from "./location.ts";
import type { RedirectRegexOptions } from "./schema.ts";

/** Longest location that a redirect may make. */
const MAX_LOCATION = 16_384;

export const redirectRegex: Middleware<RedirectRegexOptions> = {
  name: "redirect_regex",
  create({ regex, replacement, permanent }) {
    const prepared = new Replacement(new LinearRegex(regex), replacement, uriTextOfSetting);
    return {
      name: "redirect_regex",
      pure: true,
      stage: "redirect",
      onRequest(exchange) {
        const url = requestUrl(exchange);
        const pieces = prepared.pieces(url);
        if (pieces === null) return NEXT;
        if (pieces === BEYOND_LIMITS)
          return exchange.fail("FL_BAD_TARGET", "the URL is too long or has too many matches");
        const location = safeLocation(pieces, url);
        if (location === null)
          return exchange.fail("FL_BAD_TARGET", "the URL must not choose where it is redirected");
        if (location === url) return NEXT;
        if (location.length > MAX_LOCATION)
          return exchange.fail("FL_TARGET_TOO_LONG", "the location is too long");
        return redirect(exchange, encodeUriText(location), permanent);
      },
    };
  },
};
