import type { z } from "zod";
import { parsedText, textOrNumber } from "./text.ts";

const UNIT_BYTES: Readonly<Record<string, number>> = {
  "": 1,
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};
const WHOLE = /^(\d+(?:\.\d+)?)(|B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB)$/;

/** Accepts `64KiB`, `10MB`, `1.5GiB` and plain bytes. Returns whole bytes, or null. */
export function parseSize(text: string): number | null {
  const match = WHOLE.exec(text);
  if (match === null) return null;
  const bytes = Number(match[1]) * UNIT_BYTES[match[2]!]!;
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** The shortest exact text that `parseSize` reads as `bytes`: `64KiB`, `10MB`, `100B`. */
export function formatSize(bytes: number): string {
  if (bytes === 0) return "0";
  for (const unit of ["TiB", "TB", "GiB", "GB", "MiB", "MB", "KiB", "kB"]) {
    if (bytes % UNIT_BYTES[unit]! === 0) return `${bytes / UNIT_BYTES[unit]!}${unit}`;
  }
  return `${bytes}B`;
}

/** A size in the configuration; its value is in bytes. A plain number is bytes. Give defaults by `.prefault("64KiB")`. */
export function size(): z.ZodType<number, string | number> {
  const text = parsedText({
    name: "size",
    expected: "a size such as 64KiB, 10MB or 512 (bytes)",
    pattern: WHOLE,
    parse: parseSize,
  });
  return textOrNumber(text, { type: "integer", minimum: 0 });
}
