import { BEYOND_LIMITS, LinearRegex } from "../../../../core/rules/linear_regex.ts";
import { Replacement } from "../../../../core/rules/replacement.ts";
import { readablePath } from "../../../../core/text/path.ts";
import { NEXT } from "../../../../net/exchange.ts";
import type { Middleware } from "../contract.ts";
import { encodeUriText, pathTextOfSetting } from "../path_text.ts";
import { normalPath, rawPath, rewritePath, tellBackend } from "../rewriting.ts";
import type { ReplacePathRegexOptions } from "./schema.ts";

/** A group that begins with a slash is often put behind one. */
const SLASHES = /\/{2,}/g;

export const replacePathRegex: Middleware<ReplacePathRegexOptions> = {
  name: "replace_path_regex",
  create({ regex, replacement }) {
    const prepared = new Replacement(new LinearRegex(regex), replacement, pathTextOfSetting);
    return {
      name: "replace_path_regex",
      pure: true,
      stage: "rewrite",
      onRequest(exchange) {
        const replaced = prepared.apply(readablePath(normalPath(exchange)));
        if (replaced === BEYOND_LIMITS)
          return exchange.fail("FL_BAD_TARGET", "the path is too long or has too many matches");
        if (replaced === null) {
          tellBackend(exchange, "X-Replaced-Path", null);
          return NEXT;
        }
        tellBackend(exchange, "X-Replaced-Path", rawPath(exchange));
        return rewritePath(exchange, encodeUriText(`/${replaced}`).replace(SLASHES, "/"));
      },
    };
  },
};
