import type { z } from "zod";
import { parsedText, textOrNumber } from "./text.ts";

const WHOLE = /^(?:\d+(?:\.\d+)?%|0(?:\.\d+)?|1(?:\.0+)?)$/;

/** Accepts `20%` and `0.2`. Returns 0 to 1, or null. */
export function parseShare(text: string): number | null {
  if (!WHOLE.test(text)) return null;
  const value = text.endsWith("%") ? Number(text.slice(0, -1)) / 100 : Number(text);
  return value <= 1 ? value : null;
}

/** A share in the configuration, `20%` or `0.2`; its value is 0 to 1. */
export function share(): z.ZodType<number, string | number> {
  const text = parsedText({
    name: "share",
    expected: "a share such as 20% or a number from 0 to 1",
    pattern: WHOLE,
    parse: parseShare,
  });
  return textOrNumber(text, { type: "number", minimum: 0, maximum: 1 });
}
