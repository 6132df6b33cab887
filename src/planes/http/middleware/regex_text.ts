import type { z } from "zod";
import { LinearRegex } from "../../../core/rules/linear_regex.ts";
import { checkedText } from "./checked_text.ts";

/** A regex in Go's syntax; its value is the text. White space around it counts, unlike in Traefik. */
export function regexText(): z.ZodType<string, string> {
  return checkedText("regex", "a regex in Go's syntax", (text) => new LinearRegex(text).pattern);
}
