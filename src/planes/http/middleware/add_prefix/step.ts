import type { Middleware } from "../contract.ts";
import { normalPath, rawPath, rewritePath } from "../rewriting.ts";
import { isNormalPath } from "../../../../core/text/path.ts";
import type { AddPrefixOptions } from "./schema.ts";

export const addPrefix: Middleware<AddPrefixOptions> = {
  name: "add_prefix",
  create: ({ prefix }) => ({
    name: "add_prefix",
    pure: true,
    stage: "rewrite",
    onRequest(exchange) {
      const path = rawPath(exchange);
      // `/../x` behind a prefix would take the prefix away again.
      return rewritePath(exchange, prefix + (isNormalPath(path) ? path : normalPath(exchange)));
    },
  }),
};
