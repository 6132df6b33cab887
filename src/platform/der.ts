/** Writing ASN.1 values in DER (ITU-T X.690), as much of it as certificates need. */

const UNIVERSAL = {
  boolean: 1,
  integer: 2,
  bits: 3,
  octets: 4,
  oid: 6,
  utf8: 12,
  utcTime: 23,
  time: 24,
} as const;
const SEQUENCE = 0x30;
const SET = 0x31;
const CONTEXT = 0x80;
const CONSTRUCTED = 0x20;

/** A value with its tag and length. */
export function derValue(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const lengthBytes = length < 128 ? [length] : longLength(length);
  return new Uint8Array(Buffer.concat([Uint8Array.of(tag, ...lengthBytes), ...parts]));
}

function longLength(length: number): number[] {
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest & 255);
  return [0x80 | bytes.length, ...bytes];
}

export const derSequence = (...parts: readonly Uint8Array[]) => derValue(SEQUENCE, ...parts);
export const derSet = (...parts: readonly Uint8Array[]) => derValue(SET, ...parts);
export const derTrue = () => derValue(UNIVERSAL.boolean, Uint8Array.of(255));
export const derOctets = (bytes: Uint8Array) => derValue(UNIVERSAL.octets, bytes);
export const derUtf8 = (text: string) => derValue(UNIVERSAL.utf8, new TextEncoder().encode(text));

/** A bit string; the last `unused` bits of the last byte do not count. */
export const derBits = (bytes: Uint8Array, unused = 0) =>
  derValue(UNIVERSAL.bits, Uint8Array.of(unused), bytes);

/** A value with a tag of the context: `[number]`. */
export function derContext(
  number: number,
  constructed: boolean,
  ...parts: readonly Uint8Array[]
): Uint8Array {
  return derValue(CONTEXT | (constructed ? CONSTRUCTED : 0) | number, ...parts);
}

/** A non-negative integer of any size, as bytes with the highest first. */
export function derInteger(bytes: Uint8Array): Uint8Array {
  const sign = (bytes[0] ?? 0) >= 128 || bytes.length === 0 ? [0] : [];
  return derValue(UNIVERSAL.integer, Uint8Array.from(sign), bytes);
}

/** An object identifier written as `1.2.840.10045.2.1`. */
export function derOid(text: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = text.split(".").map(Number);
  const bytes: number[] = [];
  for (const part of [first * 40 + second, ...rest]) {
    const digits = [part & 127];
    for (let left = Math.floor(part / 128); left > 0; left = Math.floor(left / 128))
      digits.unshift((left & 127) | 128);
    bytes.push(...digits);
  }
  return derValue(UNIVERSAL.oid, Uint8Array.from(bytes));
}

/** A time in seconds, UTC, in the form that RFC 5280 4.1.2.5 asks for. */
export function derTime(wallMs: number): Uint8Array {
  const iso = new Date(wallMs).toISOString();
  const digits = `${iso.slice(0, 19).replace(/[-:T]/g, "")}Z`;
  const short = Number(iso.slice(0, 4)) < 2050;
  return derValue(
    short ? UNIVERSAL.utcTime : UNIVERSAL.time,
    new TextEncoder().encode(short ? digits.slice(2) : digits),
  );
}

/** PEM text (RFC 7468) of `bytes` under `label`, such as CERTIFICATE. */
export function pemText(label: string, bytes: Uint8Array): string {
  const lines = Buffer.from(bytes)
    .toString("base64")
    .replace(/.{64}(?=.)/g, "$&\n");
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}
