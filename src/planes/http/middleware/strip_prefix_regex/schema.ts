import { z } from "zod";
import type { MiddlewarePart } from "../contract.ts";
import { regexText } from "../regex_text.ts";

const schema = z.strictObject({
  regex: z.array(regexText()).min(1).meta({
    description: "What the first of these matches at the start of the path is taken away.",
  }),
});

export type StripPrefixRegexOptions = z.output<typeof schema>;

export const stripPrefixRegexPart: MiddlewarePart<StripPrefixRegexOptions> = {
  name: "strip_prefix_regex",
  summary:
    "Takes away what a regex matches at the start of the path and tells it to the backend in `X-Forwarded-Prefix`.",
  schema,
};
