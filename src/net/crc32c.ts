/** CRC-32C (Castagnoli polynomial, RFC 3720 appendix B.4), which PROXY protocol version 2 uses. */
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value;
});

/**
 * Checksum of `bytes[0..end)`, an unsigned 32-bit number. The four bytes at `zeroAt` count as zeros: a checksum that
 * stands inside the bytes it covers. A negative `zeroAt` = none.
 */
export function crc32c(bytes: Uint8Array, end: number, zeroAt = -4): number {
  let crc = 0xffffffff;
  for (let index = 0; index < end; index++) {
    const byte = index >= zeroAt && index < zeroAt + 4 ? 0 : bytes[index]!;
    crc = table[(crc ^ byte) & 255]! ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}
