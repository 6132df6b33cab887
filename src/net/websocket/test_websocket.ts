/** The client's side of a WebSocket, for tests. */

const MASK = Uint8Array.of(0x12, 0x34, 0xab, 0xcd);

/** A masked frame with its length in the shortest form. */
export function clientFrame(
  opcode: number,
  payload: Uint8Array,
  { isLast = true }: { readonly isLast?: boolean } = {},
): Uint8Array {
  const { length } = payload;
  const size = length < 126 ? [] : length < 65_536 ? [length >> 8, length & 255] : longSize(length);
  const short = length < 126 ? length : length < 65_536 ? 126 : 127;
  const masked = payload.map((byte, index) => byte ^ MASK[index & 3]!);
  return Uint8Array.of((isLast ? 0x80 : 0) | opcode, 0x80 | short, ...size, ...MASK, ...masked);
}

function longSize(length: number): number[] {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length));
  return [...bytes];
}
