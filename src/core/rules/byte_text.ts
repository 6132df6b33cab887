/**
 * Requests hold bytes as latin1 text, rules hold Unicode. Values are compared as the bytes of UTF-8, regexes run on
 * Unicode text.
 */

const BEYOND_ASCII = /[^\0-\x7f]/;

/** The UTF-8 bytes of `text`, one character per byte. */
export function toByteText(text: string): string {
  if (!BEYOND_ASCII.test(text)) return text;
  let bytes = "";
  for (const byte of new TextEncoder().encode(text)) bytes += String.fromCharCode(byte);
  return bytes;
}

/** The text whose UTF-8 bytes `bytes` holds; what is not UTF-8 becomes U+FFFD, as in Go's regexes. */
export function fromByteText(bytes: string): string {
  if (!BEYOND_ASCII.test(bytes)) return bytes;
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(
    Uint8Array.from(bytes, (character) => character.charCodeAt(0)),
  );
}
