import type { Middleware } from "../contract.ts";
import { rawPath, rewritePath, tellBackend } from "../rewriting.ts";
import type { ReplacePathOptions } from "./schema.ts";

export const replacePath: Middleware<ReplacePathOptions> = {
  name: "replace_path",
  create: ({ path }) => ({
    name: "replace_path",
    pure: true,
    stage: "rewrite",
    onRequest(exchange) {
      tellBackend(exchange, "X-Replaced-Path", rawPath(exchange));
      return rewritePath(exchange, path);
    },
  }),
};
