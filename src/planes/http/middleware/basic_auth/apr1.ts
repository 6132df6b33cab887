/**
 * Apache's variant of the MD5 crypt (`$apr1$`, apr_md5.c; after Poul-Henning Kamp's crypt of FreeBSD). About 1 ms of CPU
 * on purpose, which is little today: bcrypt is the better choice.
 */

const MAGIC = "$apr1$";
const ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ROUNDS = 1_000;
const DIGEST_BYTES = 16;
/** Which digest bytes make each group of the encoding, the highest first. */
const GROUPS = [
  [0, 6, 12],
  [1, 7, 13],
  [2, 8, 14],
  [3, 9, 15],
  [4, 10, 5],
] as const;

function md5(...parts: readonly Uint8Array[]): Uint8Array {
  const hasher = new Bun.CryptoHasher("md5");
  for (const part of parts) hasher.update(part);
  return new Uint8Array(hasher.digest());
}

/** The 22 characters behind `$apr1$SALT$`. `salt` has at most 8 characters. */
export function apr1(password: Uint8Array, salt: string): string {
  const saltBytes = new Uint8Array(Buffer.from(salt, "latin1"));
  let digest = firstDigest(password, saltBytes);
  for (let round = 0; round < ROUNDS; round++) {
    const parts: Uint8Array[] = [round % 2 === 1 ? password : digest];
    if (round % 3 !== 0) parts.push(saltBytes);
    if (round % 7 !== 0) parts.push(password);
    parts.push(round % 2 === 1 ? digest : password);
    digest = md5(...parts);
  }
  return encoded(digest);
}

function firstDigest(password: Uint8Array, salt: Uint8Array): Uint8Array {
  const parts = [password, new Uint8Array(Buffer.from(MAGIC, "latin1")), salt];
  const mixed = md5(password, salt, password);
  for (let left = password.length; left > 0; left -= DIGEST_BYTES)
    parts.push(mixed.subarray(0, Math.min(left, DIGEST_BYTES)));
  const zero = new Uint8Array(1);
  for (let bits = password.length; bits > 0; bits >>>= 1)
    parts.push((bits & 1) === 1 ? zero : password.subarray(0, 1));
  return md5(...parts);
}

function encoded(digest: Uint8Array): string {
  let text = "";
  for (const [high, middle, low] of GROUPS)
    text += sixBits((digest[high]! << 16) | (digest[middle]! << 8) | digest[low]!, 4);
  return text + sixBits(digest[11]!, 2);
}

/** The lowest six bits first. */
function sixBits(value: number, characters: number): string {
  let text = "";
  for (let count = 0, rest = value; count < characters; count++, rest >>>= 6) text += ALPHABET[rest & 63];
  return text;
}
