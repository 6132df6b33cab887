import { z } from "zod";
import { SyntaxProblem } from "../../../../core/rules/linear_regex.ts";
import { checkedText } from "../checked_text.ts";
import type { MiddlewarePart } from "../contract.ts";
import { pathOfSetting } from "../path_text.ts";

function prefixOf(text: string): string {
  const path = pathOfSetting(text);
  if (path === "/") throw new SyntaxProblem("`/` adds nothing", "a path such as /api");
  return path.endsWith("/") ? path.slice(0, -1) : path;
}

const schema = z.strictObject({
  prefix: checkedText("path", "a path such as /api", prefixOf).meta({
    description: "What is put in front of the path; a slash at its end is left out.",
  }),
});

export type AddPrefixOptions = z.output<typeof schema>;

export const addPrefixPart: MiddlewarePart<AddPrefixOptions> = {
  name: "add_prefix",
  summary: "Puts a prefix in front of the path.",
  schema,
};
