import { stripPathPrefix } from "../../../../core/text/path.ts";
import { NEXT } from "../../../../net/exchange.ts";
import type { Middleware } from "../contract.ts";
import { normalPath, rawPath, rewritePath } from "../rewriting.ts";
import type { StripPrefixOptions } from "./schema.ts";

export const stripPrefix: Middleware<StripPrefixOptions> = {
  name: "strip_prefix",
  create: ({ prefixes }) => ({
    name: "strip_prefix",
    pure: true,
    stage: "rewrite",
    onRequest(exchange) {
      const path = normalPath(exchange);
      for (const prefix of prefixes) {
        if (!path.startsWith(prefix)) continue;
        exchange.request.add("X-Forwarded-Prefix", prefix);
        return rewritePath(exchange, stripPathPrefix(rawPath(exchange), prefix));
      }
      return NEXT;
    },
  }),
};
