/** Logins by browser that last: in memory alone, so a restart ends them. */
import { createHash, randomBytes } from "node:crypto";
import type { Clock } from "../../../../platform/clock.ts";
import { BoundedMap } from "./bounded_map.ts";
import { cookieLine, cookiesNamed, goneCookieLine } from "./cookies.ts";
import type { Identity } from "./oidc/identity.ts";

/** One more ends the one that was not used for longest. */
const MAX_SESSIONS = 10_000;
const ID_BYTES = 32;
/** Browsers take the first name only over https, from this very host and for all of its paths. */
const SECURE_NAME = "__Host-fairlead_session";
const PLAIN_NAME = "fairlead_session";

export class Sessions {
  readonly #clock: Clock;
  readonly #sessions = new BoundedMap<Identity>(MAX_SESSIONS);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Begins a session. Returns the line `Set-Cookie` for it. */
  start(identity: Identity, lasts_ms: number, isSecure: boolean): string {
    const id = randomBytes(ID_BYTES).toString("base64url");
    this.#sessions.set(digest(id), identity, this.#clock.now() + lasts_ms);
    return cookieLine(isSecure ? SECURE_NAME : PLAIN_NAME, id, { max_age_ms: lasts_ms, isSecure });
  }

  /** Who the cookies of a request belong to, or null. */
  find(cookies: readonly string[]): Identity | null {
    for (const id of sessionIds(cookies)) {
      const found = this.#sessions.get(digest(id), this.#clock.now());
      if (found !== null) return found;
    }
    return null;
  }

  /** Ends the sessions of a request. Returns the lines `Set-Cookie` that take its cookies away. */
  end(cookies: readonly string[]): string {
    for (const id of sessionIds(cookies)) this.#sessions.delete(digest(id));
    const names: readonly string[] = [SECURE_NAME, PLAIN_NAME];
    return names
      .filter((name) => cookiesNamed(cookies, name).length > 0)
      .map((name) => goneCookieLine(name, name === SECURE_NAME))
      .join("");
  }

  clear(): void {
    this.#sessions.clear();
  }
}

function sessionIds(cookies: readonly string[]): string[] {
  return [...cookiesNamed(cookies, SECURE_NAME), ...cookiesNamed(cookies, PLAIN_NAME)];
}

/** What stands in memory opens nothing. */
const digest = (id: string): string => createHash("sha256").update(id).digest("base64");
