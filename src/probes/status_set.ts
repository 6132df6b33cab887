/** Sets of status codes as settings: `200-299,301`. */
import { z } from "zod";
import { parsedText } from "../core/schema/text.ts";

/** First and last status of a range, both included. */
export type StatusRange = readonly [first: number, last: number];

const ITEM = /^(\d{3})(?:-(\d{3}))?$/;
const WHOLE = /^\s*\d{3}(?:-\d{3})?(?:\s*,\s*\d{3}(?:-\d{3})?)*\s*$/;

/** Accepts statuses and ranges from 100 to 599, joined by commas. Returns null for the rest, also for `299-200`. */
export function parseStatusSet(text: string): StatusRange[] | null {
  const ranges: StatusRange[] = [];
  for (const item of text.split(",")) {
    const match = ITEM.exec(item.trim());
    if (match === null) return null;
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    if (first < 100 || last > 599 || first > last) return null;
    ranges.push([first, last]);
  }
  return ranges;
}

export function inStatusSet(ranges: readonly StatusRange[], status: number): boolean {
  return ranges.some(([first, last]) => status >= first && status <= last);
}

/** The set as users write it. */
export function statusSetText(ranges: readonly StatusRange[]): string {
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(",");
}

/** A set of statuses in the configuration; a single status may stand as a number. */
export function statusSet(): z.ZodType<StatusRange[], string | number> {
  const text = parsedText({
    name: "status set",
    expected: "statuses and ranges from 100 to 599 such as 200-299,301",
    pattern: WHOLE,
    parse: parseStatusSet,
  });
  return z.preprocess<unknown, typeof text, string | number>(
    (value) => (typeof value === "number" ? String(value) : value),
    text,
  );
}
