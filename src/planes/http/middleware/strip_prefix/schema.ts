import { z } from "zod";
import { pathValue } from "../../../../core/rules/matchers/path_value.ts";
import { checkedText } from "../checked_text.ts";
import type { MiddlewarePart } from "../contract.ts";

const schema = z.strictObject({
  prefixes: z
    .array(checkedText("path", "a path such as /api", (text) => pathValue(text, true)))
    .min(1)
    .meta({ description: "The first of these that the path starts with is taken away." }),
});

export type StripPrefixOptions = z.output<typeof schema>;

export const stripPrefixPart: MiddlewarePart<StripPrefixOptions> = {
  name: "strip_prefix",
  summary: "Takes a prefix away from the path and tells it to the backend in `X-Forwarded-Prefix`.",
  schema,
};
