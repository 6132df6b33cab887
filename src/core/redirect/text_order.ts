/** How two values are compared: as numbers, texts, versions or IPv6 addresses. */
import { parseIpv6 } from "../schema/ip.ts";
import { parseDouble } from "./java_double.ts";

export const COMPARISON_TYPES = ["none", "numeric", "string", "version", "ipv6"] as const;
export type ComparisonType = (typeof COMPARISON_TYPES)[number];

export interface ComparisonRules {
  readonly type: ComparisonType;
  readonly case_sensitive: boolean;
  /** What is no number or version has a place all the same, as in the original. */
  readonly compat: boolean;
}

/** Below 0, 0 or above 0 as `one` comes before, equals or comes behind `other`; null = they cannot be compared. */
export function compareValues(one: string, other: string, rules: ComparisonRules): number | null {
  switch (rules.type) {
    case "none":
    case "numeric":
      return compareNumeric(one, other, rules);
    case "string":
      return compareTexts(one, other, rules.case_sensitive);
    case "version":
      return compareVersions(one, other, rules.compat);
    case "ipv6":
      return compareBytes(parseIpv6(one) ?? NO_BYTES, parseIpv6(other) ?? NO_BYTES);
  }
}

const NO_BYTES = new Uint8Array(0);

function compareNumeric(one: string, other: string, rules: ComparisonRules): number | null {
  const [first, second] = [parseDouble(one), parseDouble(other)];
  if (first !== null && second !== null) return compareNumbers(first, second);
  if (rules.type === "numeric" && !rules.compat) return null;
  return compareTexts(one, other, rules.case_sensitive);
}

/** NaN compares with nothing. */
function compareNumbers(one: number, other: number): number | null {
  if (one < other) return -1;
  if (one > other) return 1;
  return one === other ? 0 : null;
}

function compareTexts(one: string, other: string, isCaseSensitive: boolean): number {
  const [first, second] = isCaseSensitive ? [one, other] : [one.toLowerCase(), other.toLowerCase()];
  if (first === second) return 0;
  return first < second ? -1 : 1;
}

function compareVersions(one: string, other: string, compat: boolean): number | null {
  const [first, second] = [versionParts(one, compat), versionParts(other, compat)];
  if (first === null || second === null) return null;
  for (let part = 0; part < Math.max(first.length, second.length); part++) {
    const difference = (first[part] ?? 0) - (second[part] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** In the original an IPv6 address has no parts, and a part that is no 32-bit number is 0; else such a text is no version. */
function versionParts(text: string, compat: boolean): number[] | null {
  if (parseIpv6(text) !== null) return compat ? [] : null;
  const parts = text.split(".").map((part) => (/^[+-]?\d+$/.test(part) ? Number(part) : Number.NaN));
  if (compat) return parts.map((part) => (Math.abs(part) < 2 ** 31 ? part : 0));
  return parts.every((part) => part >= 0) ? parts : null;
}

function compareBytes(one: Uint8Array, other: Uint8Array): number {
  for (let at = 0; at < Math.min(one.length, other.length); at++)
    if (one[at] !== other[at]) return one[at]! - other[at]!;
  return one.length - other.length;
}
