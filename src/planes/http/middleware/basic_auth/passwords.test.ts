import { expect, test } from "bun:test";
import { blocksThread, verifyElsewhere, verifyNow } from "./passwords.ts";
import { parseUser } from "./users.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function verify(hash: string, password: string | Uint8Array): Promise<boolean> {
  const user = parseUser(`anna:${hash}`);
  const given = typeof password === "string" ? bytes(password) : password;
  return blocksThread(user) ? verifyNow(user, given) : await verifyElsewhere(user, given);
}

/** Made by glibc's crypt, `openssl passwd` and Bun. */
const HASHES = [
  "$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a",
  "$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a",
  "$apr1$H6uskkkW$NNBs2U5LAblMB3OM9KekS/",
  "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
  "$argon2id$v=19$m=1024,t=2,p=1$TSgV47gmvnAwR4LlJV7ETReKK26fSOsbkbirp4lg6s8$g6nHds040BjHrOaqyTT89ZbVgk1cRF5Y9f6T4JbbMXU",
];

test.each(HASHES)("H-I7/step %s is the hash of `secret` alone", async (hash) => {
  expect(await verify(hash, "secret")).toBe(true);
  for (const other of ["", "Secret", "secret ", "secre", "secret\0", "secret\0x"])
    expect(await verify(hash, other)).toBe(false);
});

test("bcrypt takes 72 bytes of a password, as htpasswd does, and none behind a NUL", async () => {
  const hash = await Bun.password.hash("x".repeat(72), { algorithm: "bcrypt", cost: 4 });
  expect(await verify(hash, "x".repeat(72))).toBe(true);
  expect(await verify(hash, `${"x".repeat(72)}more`)).toBe(true);
  expect(await verify(hash, "x".repeat(71))).toBe(false);
  const short = await Bun.password.hash("abc", { algorithm: "bcrypt", cost: 4 });
  expect(await verify(short, new Uint8Array([97, 98, 99, 0, 100]))).toBe(false);
});

test("bytes that are no UTF-8 can be a password", async () => {
  const password = new Uint8Array([0xff, 0xfe, 0x80]);
  const hash = `{SHA}${new Bun.CryptoHasher("sha1").update(password).digest("base64")}`;
  expect(await verify(hash, password)).toBe(true);
});
