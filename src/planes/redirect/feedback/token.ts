/**
 * What answers carry for feedback: where the client was sent, signed, so that nobody can report of what was never decided. The token
 * is `PAYLOAD.SIGNATURE`, both base64url: JSON of the target, and HMAC-SHA-256 (RFC 2104) over it.
 */
import { timingSafeEqual } from "node:crypto";

/** Where a client was sent. */
export interface FeedbackTarget {
  readonly app: string;
  /** Its address or name. */
  readonly host: string;
  readonly flavor: string;
  /** Null where no rollout decided. */
  readonly rollout: string | null;
}

export interface FeedbackToken extends FeedbackTarget {
  /** Milliseconds since 1970. */
  readonly issued_at: number;
  /** No two tokens have the same. */
  readonly nonce: string;
}

/** Longer ones are not looked at. */
export const MAX_TOKEN_LENGTH = 2_048;
/** Bytes of a nonce: two of a billion tokens are the same once in 10^11 times. */
export const NONCE_BYTES = 12;

/** Sets these signatures apart from others that are made with the same key. */
const PURPOSE = "fairlead redirect feedback 1\n";

export function signedToken(key: string, token: FeedbackToken): string {
  const { app, host, flavor, rollout, issued_at, nonce } = token;
  const payload = Buffer.from(JSON.stringify([app, host, flavor, rollout, issued_at, nonce]));
  const text = payload.toString("base64url");
  return `${text}.${signatureOf(key, text).toString("base64url")}`;
}

/** `malformed`: it can never have been a token. `forged`: not signed with this key. Compares in constant time. */
export function readToken(key: string, text: string): FeedbackToken | "malformed" | "forged" {
  if (text.length > MAX_TOKEN_LENGTH) return "malformed";
  const parts = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})$/.exec(text);
  if (parts === null) return "malformed";
  const [, payload = "", signature = ""] = parts;
  if (!timingSafeEqual(signatureOf(key, payload), Buffer.from(signature, "base64url"))) return "forged";
  // Only ours are signed.
  const [app, host, flavor, rollout, issued_at, nonce] = JSON.parse(
    Buffer.from(payload, "base64url").toString(),
  ) as [string, string, string, string | null, number, string];
  return { app, host, flavor, rollout, issued_at, nonce };
}

function signatureOf(key: string, payload: string): Buffer {
  return new Bun.CryptoHasher("sha256", key).update(PURPOSE).update(payload).digest();
}
