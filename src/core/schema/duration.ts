import { z } from "zod";
import { parsedText } from "./text.ts";

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d)/g;
const WHOLE = /^(?:0|(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+)$/;

/** The longest duration that a setting may have: what a timer can hold, about 24 days. */
export const MAX_DURATION_MS = 2 ** 31 - 1;

/** Accepts `5s`, `250ms`, `1h30m`, `1.5s`, `1d` and `0`. Returns whole milliseconds, or null (also below 1 ms and too long). */
export function parseDuration(text: string): number | null {
  if (!WHOLE.test(text)) return null;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(PART)) total += Number(amount) * UNIT_MS[unit!]!;
  const rounded = Math.round(total);
  if (Math.abs(rounded - total) > 1e-6 || rounded > MAX_DURATION_MS) return null;
  return rounded;
}

/** A text that `parseDuration` reads as `milliseconds`, in the largest unit that needs no fraction: `75s`, `1h`, `250ms`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds === 0) return "0s";
  for (const unit of ["h", "m", "s"])
    if (milliseconds % UNIT_MS[unit]! === 0) return `${milliseconds / UNIT_MS[unit]!}${unit}`;
  return `${milliseconds}ms`;
}

/** A duration in the configuration; its value is in milliseconds. The number 0 needs no unit. Give defaults by `.prefault("5s")`. */
export function duration(): z.ZodType<number, string | number> {
  const text = parsedText({
    name: "duration",
    expected: "a duration such as 5s, 250ms or 1h30m",
    pattern: WHOLE,
    parse: parseDuration,
  });
  const schema = z.preprocess<unknown, typeof text, string | number>(
    (value) => (value === 0 ? "0" : value),
    text,
  );
  z.globalRegistry.add(schema, { or_accepts: { const: 0 } });
  return schema;
}
