/** Who may ask at an address: by token, by the name that is asked for, and from which pages. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { ListenAddress } from "../core/plan.ts";
import { isIp } from "../core/schema/ip.ts";
import { isLocalAddress, isLoopbackIp } from "../core/schema/listen_address.ts";
import type { Clock } from "../platform/clock.ts";
import { AdminError } from "./problem.ts";

/** Between two lines about refused tokens. */
const QUIET_MS = 10_000;
const CHALLENGE = 'WWW-Authenticate: Bearer realm="fairlead"';

export interface AccessRules {
  /** SHA-256 of the token, in hexadecimal; null = everybody who reaches the address may ask. */
  readonly token_sha256: string | null;
  /** Names beside `localhost` and IP addresses, lower case. */
  readonly hosts: readonly string[];
  /** Whoever answers there asks for credentials, so that other machines may reach it without a token. */
  readonly guards_itself?: true;
}

/** Whether nobody is answered who shows nothing. */
export function asksForCredentials({ token_sha256, guards_itself }: AccessRules): boolean {
  return token_sha256 !== null || guards_itself === true;
}

/** Tells the operator of refused tokens: at once, and then the number of further ones from time to time. */
export interface RefusalReport {
  readonly from: string;
  readonly count: number;
}

export class Access {
  readonly #digest: Buffer | null;
  readonly #hosts: ReadonlySet<string>;
  readonly #address: ListenAddress;
  readonly #refused: RefusalCount;

  constructor({ token_sha256: digest, hosts }: AccessRules, address: ListenAddress, refused: RefusalCount) {
    this.#digest = digest === null ? null : Buffer.from(digest, "hex");
    this.#hosts = new Set(hosts);
    this.#address = address;
    this.#refused = refused;
  }

  get needsToken(): boolean {
    return this.#digest !== null;
  }

  /**
   * True when a request for `host` (without port, lower case) may be answered. A page from elsewhere whose name was made
   * to lead to this machine (DNS rebinding) sends its own name, never an address: those of this machine are believed, on
   * an address that only this machine reaches loopback alone. The port is not compared, so that a forwarded port works. ""
   * (no Host, HTTP/1.0) comes from no browser, and a name from outside leads to a unix socket by no way.
   */
  allowsHost(host: string): boolean {
    if (this.#address.kind === "unix" || host === "" || host === "localhost" || this.#hosts.has(host))
      return true;
    const address = host.startsWith("[") ? host.slice(1, -1) : host;
    return isLocalAddress(this.#address) ? isLoopbackIp(address) : isIp(address);
  }

  /** True for the bearer of the token, where there is one. */
  isOperator(authorization: readonly string[]): boolean {
    return this.#digest !== null && authorization.length === 1 && this.#isToken(tokenIn(authorization[0]!));
  }

  #isToken(token: string | undefined): boolean {
    const digest = createHash("sha256")
      .update(token ?? "", "latin1")
      .digest();
    return timingSafeEqual(digest, this.#digest!) && token !== undefined;
  }

  /** Lets the bearer of the token in. Throws AdminError with 401 otherwise. `from` says who asks. */
  admit(authorization: readonly string[], from: string): void {
    if (this.#digest === null) return;
    const [field, ...more] = authorization;
    if (field === undefined)
      throw new AdminError(401, "expected Authorization: Bearer TOKEN", {}, `${CHALLENGE}\r\n`);
    const token = tokenIn(field);
    if (this.#isToken(token) && more.length === 0) return;
    this.#refused.count(from);
    const text =
      token === undefined || more.length > 0
        ? "expected one Authorization: Bearer TOKEN"
        : "this is not the token";
    throw new AdminError(401, text, {}, `${CHALLENGE}, error="invalid_token"\r\n`);
  }
}

function tokenIn(field: string): string | undefined {
  return /^bearer +(\S+)$/i.exec(field)?.[1];
}

/** What a page of another site may not do in its reader's name: throws AdminError with 403. */
export function expectSameSite(origin: string | null, fetchSite: string | null, authority: string): void {
  const isForeign =
    (fetchSite !== null && fetchSite !== "same-origin" && fetchSite !== "none") ||
    (origin !== null && /^https?:\/\/(.+)$/i.exec(origin)?.[1]?.toLowerCase() !== authority.toLowerCase());
  if (isForeign) throw new AdminError(403, "a page of another site may not change anything here");
}

/** Counts refused tokens, so that a log tells of many in a few lines. */
export class RefusalCount {
  readonly #clock: Clock;
  readonly #report: (refusals: RefusalReport) => void;
  #since = 0;
  #from = "";
  #end: (() => void) | null = null;

  constructor(clock: Clock, report: (refusals: RefusalReport) => void) {
    this.#clock = clock;
    this.#report = report;
  }

  count(from: string): void {
    this.#from = from;
    if (this.#end !== null) {
      this.#since++;
      return;
    }
    this.#report({ from, count: 1 });
    this.#end = this.#clock.every(QUIET_MS, () => this.#look());
  }

  #look(): void {
    if (this.#since > 0) this.#report({ from: this.#from, count: this.#since });
    else this.stop();
    this.#since = 0;
  }

  stop(): void {
    this.#end?.();
    this.#end = null;
  }
}
