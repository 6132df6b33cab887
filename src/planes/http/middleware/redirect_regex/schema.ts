import { z } from "zod";
import { LinearRegex } from "../../../../core/rules/linear_regex.ts";
import { Replacement } from "../../../../core/rules/replacement.ts";
import { problemOf } from "../checked_text.ts";
import type { MiddlewarePart } from "../contract.ts";
import { uriTextOfSetting } from "../path_text.ts";
import { regexText } from "../regex_text.ts";

/** How a location starts that replaces the URL from its beginning. */
const STARTS = /^(?:\/(?!\/)|[A-Za-z][A-Za-z0-9+.-]*:\/\/|\$[^$])/;

function replacementProblem(regex: string, replacement: string): string | null {
  if (regex.startsWith("^") && !STARTS.test(replacement))
    return `\`${replacement}\` is no location; expected a URL such as https://new.example/\${1}, or a path`;
  return problemOf(() => new Replacement(new LinearRegex(regex), replacement, uriTextOfSetting));
}

const schema = z
  .strictObject({
    regex: regexText().meta({
      description:
        "Is looked for in the whole URL, as in `^https?://old\\.example/(.*)$`; requests that do not match go on.",
    }),
    replacement: z.string({ error: "expected text" }).meta({
      description:
        "What takes the place of the match, with `$1`, `${1}` or `${name}` for groups and `$$` for `$`.",
    }),
    permanent: z.boolean().prefault(false).meta({
      description: "Clients may remember it: 301 and 308 instead of 302 and 307.",
    }),
  })
  .superRefine(({ regex, replacement }, context) => {
    const message = replacementProblem(regex, replacement);
    if (message !== null) context.addIssue({ code: "custom", path: ["replacement"], message });
  });

export type RedirectRegexOptions = z.output<typeof schema>;

export const redirectRegexPart: MiddlewarePart<RedirectRegexOptions> = {
  name: "redirect_regex",
  summary: "Sends requests whose URL matches a regex to another one.",
  schema,
};
