import { z } from "zod";
import { LinearRegex } from "../../../../core/rules/linear_regex.ts";
import { Replacement } from "../../../../core/rules/replacement.ts";
import { problemOf } from "../checked_text.ts";
import type { MiddlewarePart } from "../contract.ts";
import { pathTextOfSetting } from "../path_text.ts";
import { regexText } from "../regex_text.ts";

const schema = z
  .strictObject({
    regex: regexText().meta({
      description:
        "What is replaced, in the path as `PathRegexp` sees it; requests that do not match go on unchanged.",
    }),
    replacement: z.string({ error: "expected text" }).meta({
      description: "What takes its place, with `$1`, `${1}` or `${name}` for groups and `$$` for `$`.",
    }),
  })
  .superRefine(({ regex, replacement }, context) => {
    const message = problemOf(() => new Replacement(new LinearRegex(regex), replacement, pathTextOfSetting));
    if (message !== null) context.addIssue({ code: "custom", path: ["replacement"], message });
  });

export type ReplacePathRegexOptions = z.output<typeof schema>;

export const replacePathRegexPart: MiddlewarePart<ReplacePathRegexOptions> = {
  name: "replace_path_regex",
  summary:
    "Replaces what a regex matches in the path and tells the old path to the backend in `X-Replaced-Path`.",
  schema,
};
