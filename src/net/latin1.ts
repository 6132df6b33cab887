/** Text of bytes, one character per byte: what heads are read with. */
const { latin1Slice } = Buffer.prototype;

/** The bytes `[from, to)` as latin1 text. Works on every Uint8Array without making a view (half the time of one). */
export function latin1Text(bytes: Uint8Array, from: number, to: number): string {
  return latin1Slice.call(bytes as Buffer, from, to);
}

/** True when the bytes `[from, to)` are those of a latin1 text. */
export function isText(bytes: Uint8Array, from: number, to: number, text: string): boolean {
  if (to - from !== text.length) return false;
  for (let at = from; at < to; at++) if (bytes[at] !== text.charCodeAt(at - from)) return false;
  return true;
}
