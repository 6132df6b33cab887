/** What a login must still know when the browser comes back: it stands in a cookie, signed, so that nothing is kept for those who only begin. */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { cookieLine, cookiesNamed, goneCookieLine } from "../cookies.ts";

export interface BegunLogin {
  readonly state: string;
  readonly nonce: string;
  /** Of PKCE (RFC 7636). */
  readonly verifier: string;
  readonly redirect_uri: string;
  readonly return_to: string;
  /** By the calendar clock. */
  readonly until: number;
}

const NAME = "fairlead_login";
const LASTS_MS = 600_000;
const KEY_BYTES = 32;

export class LoginCookies {
  /** Of this program alone: a restart ends logins that are under way. */
  readonly #key = randomBytes(KEY_BYTES);

  /** The line `Set-Cookie`. */
  lineFor(begun: Omit<BegunLogin, "until">, now: number, isSecure: boolean): string {
    const text = Buffer.from(JSON.stringify({ ...begun, until: now + LASTS_MS })).toString("base64url");
    return cookieLine(NAME, `${text}.${this.#sign(text)}`, { max_age_ms: LASTS_MS, isSecure });
  }

  /** The login that has been begun with `state`, or null. */
  find(cookies: readonly string[], state: string, now: number): BegunLogin | null {
    for (const cookie of cookiesNamed(cookies, NAME)) {
      const begun = this.#read(cookie);
      if (begun !== null && begun.state === state && begun.until > now) return begun;
    }
    return null;
  }

  #read(cookie: string): BegunLogin | null {
    const [text = "", signature = ""] = cookie.split(".");
    const wanted = Buffer.from(this.#sign(text));
    const given = Buffer.from(signature);
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return null;
    return JSON.parse(Buffer.from(text, "base64url").toString()) as BegunLogin;
  }

  #sign(text: string): string {
    return createHmac("sha256", this.#key).update(text).digest("base64url");
  }
}

/** The line that takes the cookie away. */
export function goneLoginCookie(isSecure: boolean): string {
  return goneCookieLine(NAME, isSecure);
}
