import { z } from "zod";
import { checkedText } from "../checked_text.ts";
import type { MiddlewarePart } from "../contract.ts";
import { pathOfSetting } from "../path_text.ts";

const schema = z.strictObject({
  path: checkedText("path", "a path such as /api", pathOfSetting).meta({
    description: "The path that every request gets.",
  }),
});

export type ReplacePathOptions = z.output<typeof schema>;

export const replacePathPart: MiddlewarePart<ReplacePathOptions> = {
  name: "replace_path",
  summary: "Gives every request the same path and tells the old one to the backend in `X-Replaced-Path`.",
  schema,
};
