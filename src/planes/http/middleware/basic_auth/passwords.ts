/** Comparing a password with a hash. */
import { timingSafeEqual } from "node:crypto";
import { apr1 } from "./apr1.ts";
import type { User } from "./users.ts";

/** bcrypt takes this many bytes of a password and no more (Provos and Mazieres 1999). */
const BCRYPT_BYTES = 72;

/** True for hashes that cost too little to keep anybody waiting. */
export function isQuick({ kind }: User): boolean {
  return kind === "sha1";
}

/** True for hashes that are worked out on this thread. */
export function blocksThread({ kind }: User): boolean {
  return kind === "sha1" || kind === "apr1";
}

/** For hashes that are worked out on this thread. The comparison takes the same time wherever it fails. */
export function verifyNow({ kind, hash }: User, password: Uint8Array): boolean {
  if (kind === "sha1") {
    const digest = new Bun.CryptoHasher("sha1").update(password).digest("base64");
    return equalText(`{SHA}${digest}`, hash);
  }
  const [, , salt] = hash.split("$");
  return equalText(`$apr1$${salt}$${apr1(password, salt!)}`, hash);
}

/** For the others: they are worked out on another thread. */
export async function verifyElsewhere({ kind, hash }: User, password: Uint8Array): Promise<boolean> {
  // bcrypt ends at a NUL, so that everything behind it would not count.
  if (kind === "bcrypt" && password.includes(0)) return false;
  const taken = kind === "bcrypt" ? password.subarray(0, BCRYPT_BYTES) : password;
  return await Bun.password.verify(taken, hash);
}

function equalText(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one, "latin1"), Buffer.from(other, "latin1")];
  return a.length === b.length && timingSafeEqual(a, b);
}
