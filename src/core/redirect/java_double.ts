/** Numbers as the original reads them: what `Double.parseDouble` of Java SE 8 accepts. */

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fFdD]?$/;
const HEXADECIMAL = /^([+-]?)0[xX]([0-9a-fA-F]*)\.?([0-9a-fA-F]*)[pP]([+-]?\d+)[fFdD]?$/;
const NAMED = /^([+-]?)(NaN|Infinity)$/;
/** Java cuts off every character up to the space. */
const AROUND = /^[\0-\x20]+|[\0-\x20]+$/g;

/** The number that `text` stands for, also `1e3`, ` 5 `, `0x1p3`, `1d`, `NaN` and `Infinity`; null where it is none. */
export function parseDouble(text: string): number | null {
  const first = text.charCodeAt(0);
  // Most texts are words: they begin with a letter that no number begins with.
  if (first > 0x39 && first !== 0x49 && first !== 0x4e) return null;
  const bare = first > 0x20 && text.charCodeAt(text.length - 1) > 0x20 ? text : text.replace(AROUND, "");
  if (DECIMAL.test(bare)) return Number(/[fFdD]$/.test(bare) ? bare.slice(0, -1) : bare);
  const named = NAMED.exec(bare);
  if (named !== null) return Number(`${named[1]}${named[2]}`);
  const hexadecimal = HEXADECIMAL.exec(bare);
  return hexadecimal === null ? null : fromHexadecimal(hexadecimal);
}

function fromHexadecimal([, sign, whole = "", part = "", exponent]: RegExpExecArray): number | null {
  const digits = whole + part;
  if (digits === "") return null;
  let mantissa = 0;
  for (const digit of digits) mantissa = mantissa * 16 + Number.parseInt(digit, 16);
  const value = mantissa * 2 ** (Number(exponent) - 4 * part.length);
  return sign === "-" ? -value : value;
}
