/** Bodies that tell which request they belong to: what client, backends and the proxy between them must agree on. */

const BLOCK_BYTES = 262_144;
/** A prime below the half of the block: bodies of neighbouring requests begin at very different places. */
const PERIOD = 130_973;

const block = Buffer.alloc(BLOCK_BYTES);
for (let index = 0, value = 1; index < BLOCK_BYTES; index++) {
  value = (Math.imul(value, 1_103_515_245) + 12_345) >>> 0;
  block[index] = value >>> 16;
}

/** The body of request `id`, of at most 131,171 bytes; a view that nobody may change. */
export function bodyOf(id: number, size: number): Buffer {
  const from = (id * 7_919) % PERIOD;
  return block.subarray(from, from + size);
}

/** True when `bytes` are those of the body of `id` from `at` on. */
export function isPartOf(id: number, at: number, bytes: Uint8Array): boolean {
  const from = ((id * 7_919) % PERIOD) + at;
  return Buffer.compare(block.subarray(from, from + bytes.length), bytes) === 0;
}
