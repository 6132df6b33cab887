/**
 * The number by which all workers know a source. 53 bits of SHA-256: nobody finds a source that shares the number of
 * another one, to use up its share.
 */
export function sourceKey(scope: string, source: string): number {
  const digest = new Bun.CryptoHasher("sha256").update(scope).update("\0").update(source, "latin1").digest();
  const key = (digest.readUInt32LE(0) & 0x1fffff) * 2 ** 32 + digest.readUInt32LE(4);
  return key === 0 ? 1 : key;
}
