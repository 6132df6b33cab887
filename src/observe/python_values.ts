/** Values as Python's % operator writes them. Tested against the real one. */
import type { FormatField } from "../core/text/python_format.ts";

/** `value` in the form that `field` says. Widths count characters, not UTF-16 units. */
export function pythonValue(field: FormatField, value: string | number, isFloat: boolean): string {
  const { conversion, flags, precision } = field;
  if ("sra".includes(conversion)) {
    const text = pythonText(conversion, value, isFloat);
    return padded(field, "", "", precision === null ? text : firstCharacters(text, precision), false);
  }
  const number = Number(value);
  const negative = number < 0 || Object.is(number, -0);
  const isWhole = "diuoxX".includes(conversion);
  const [prefix, digits] = isWhole
    ? wholeDigits(field, Math.abs(Math.trunc(number)))
    : ["", floatDigits(field, Math.abs(number))];
  const shownNegative = isWhole ? Math.trunc(number) < 0 : negative;
  const sign = shownNegative ? "-" : flags.includes("+") ? "+" : flags.includes(" ") ? " " : "";
  return padded(field, sign, prefix, digits, true);
}

function padded(
  { flags, width }: FormatField,
  sign: string,
  prefix: string,
  body: string,
  isNumber: boolean,
): string {
  const missing = Math.max(0, width - sign.length - prefix.length - characters(body));
  if (flags.includes("-")) return sign + prefix + body + " ".repeat(missing);
  if (isNumber && flags.includes("0")) return sign + prefix + "0".repeat(missing) + body;
  return " ".repeat(missing) + sign + prefix + body;
}

function characters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

function firstCharacters(text: string, count: number): string {
  return text.length <= count ? text : [...text].slice(0, count).join("");
}

function pythonText(conversion: string, value: string | number, isFloat: boolean): string {
  if (typeof value === "number") return isFloat ? floatText(value) : String(value);
  return conversion === "s" ? value : quoted(value, conversion === "a");
}

/** Python's `repr` of text: those characters escaped that are not printable (`str.isprintable`). */
function quoted(text: string, asciiOnly: boolean): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let result = quote;
  for (const character of text) {
    if (character === quote || character === "\\") result += `\\${character}`;
    else if (isPlain(character, asciiOnly)) result += character;
    else result += escapeOf(character);
  }
  return result + quote;
}

const UNPRINTABLE = /^[\p{C}\p{Z}]$/u;

function isPlain(character: string, asciiOnly: boolean): boolean {
  if (character >= " " && character <= "~") return true;
  return !asciiOnly && !UNPRINTABLE.test(character);
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function escapeOf(character: string): string {
  const short = SHORT_ESCAPES[character];
  if (short !== undefined) return short;
  const code = character.codePointAt(0)!;
  const hex = code.toString(16);
  if (code <= 0xff) return `\\x${hex.padStart(2, "0")}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

/** Prefix and digits of a whole number; `precision` = at least so many digits. */
function wholeDigits({ conversion, flags, precision }: FormatField, value: number): [string, string] {
  const base = conversion === "o" ? 8 : conversion === "x" || conversion === "X" ? 16 : 10;
  const digits = BigInt(value)
    .toString(base)
    .padStart(precision ?? 0, "0");
  const prefix = base === 10 || !flags.includes("#") ? "" : base === 8 ? "0o" : "0x";
  return conversion === "X" ? [prefix.toUpperCase(), digits.toUpperCase()] : [prefix, digits];
}

/** Decimal digits `0.d1d2d3… × 10^exponent`: 101 of them, which is exact for all times and sizes. */
interface Decimal {
  readonly digits: string;
  readonly exponent: number;
}

/** `toExponential` takes no more. */
const EXACT_DIGITS = 100;

function decimalOf(value: number, fractionDigits?: number): Decimal {
  const [mantissa = "", exponent = "0"] = value.toExponential(fractionDigits).split("e");
  return { digits: mantissa.replace(".", ""), exponent: Number(exponent) + 1 };
}

/** The first `keep` digits; a half goes to the even neighbour, as in Python and unlike `toFixed`. */
function rounded({ digits, exponent }: Decimal, keep: number): Decimal {
  if (keep < 0) return { digits: "0", exponent: 1 };
  const kept = digits.slice(0, keep).padEnd(keep, "0");
  const rest = digits.slice(keep);
  const isEven = keep === 0 || Number(kept.at(-1)) % 2 === 0;
  const half = "5".padEnd(rest.length, "0");
  if (rest === "" || rest < half || (rest === half && isEven)) return { digits: kept, exponent };
  const up = (BigInt(kept === "" ? "0" : kept) + 1n).toString();
  return up.length > keep
    ? { digits: up, exponent: exponent + 1 }
    : { digits: up.padStart(keep, "0"), exponent };
}

function floatDigits({ conversion, flags, precision }: FormatField, value: number): string {
  const alternate = flags.includes("#");
  const lower = conversion.toLowerCase();
  const places = precision ?? 6;
  const text =
    lower === "f"
      ? fixed(value, places, alternate)
      : lower === "e"
        ? exponential(value, places, alternate)
        : general(value, Math.max(1, places), alternate);
  return conversion === lower ? text : text.toUpperCase();
}

function fixed(value: number, places: number, alternate: boolean): string {
  const exact = decimalOf(value, EXACT_DIGITS);
  const { digits, exponent } = rounded(exact, exact.exponent + places);
  const whole = exponent > 0 ? digits.slice(0, exponent).padEnd(exponent, "0") : "0";
  const fraction = ("0".repeat(Math.max(0, -exponent)) + digits.slice(Math.max(0, exponent)))
    .padEnd(places, "0")
    .slice(0, places);
  return withPoint(whole, fraction, alternate);
}

function exponential(value: number, places: number, alternate: boolean): string {
  const { digits, exponent } = rounded(decimalOf(value, EXACT_DIGITS), places + 1);
  const mantissa = withPoint(digits.slice(0, 1), digits.slice(1, places + 1), alternate);
  return mantissa + exponentText(value === 0 ? 0 : exponent - 1);
}

function general(value: number, significant: number, alternate: boolean): string {
  const { exponent } = rounded(decimalOf(value, EXACT_DIGITS), significant);
  const power = value === 0 ? 0 : exponent - 1;
  if (power >= -4 && power < significant)
    return trimmed(fixed(value, significant - 1 - power, alternate), alternate);
  const [mantissa = ""] = exponential(value, significant - 1, alternate).split("e");
  return trimmed(mantissa, alternate) + exponentText(power);
}

function trimmed(text: string, alternate: boolean): string {
  return alternate || !text.includes(".") ? text : text.replace(/\.?0+$/, "");
}

function withPoint(whole: string, fraction: string, alternate: boolean): string {
  return fraction === "" && !alternate ? whole : `${whole}.${fraction}`;
}

function exponentText(power: number): string {
  return `e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}

/** Python's `repr` of a float: the shortest digits that give the same number. */
function floatText(value: number): string {
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const { digits, exponent } = decimalOf(Math.abs(value));
  if (exponent <= -4 || exponent > 16) {
    const fraction = digits.slice(1);
    return sign + withPoint(digits.slice(0, 1), fraction, false) + exponentText(exponent - 1);
  }
  const whole = exponent > 0 ? digits.slice(0, exponent).padEnd(exponent, "0") : "0";
  const fraction = "0".repeat(Math.max(0, -exponent)) + digits.slice(Math.max(0, exponent));
  return `${sign}${whole}.${fraction === "" ? "0" : fraction}`;
}
