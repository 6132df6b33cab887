/**
 * Feedback of one application in a worker: tokens for its answers, and what clients report with them. Limits and memory are those of
 * this worker; the supervisor takes a token once, whichever workers it went to.
 */
import type { Decision } from "../../../core/redirect/decision.ts";
import type { Clock } from "../../../platform/clock.ts";
import { Nonces, Rates } from "./limits.ts";
import type { FeedbackGatherer, FeedbackResult } from "./reports.ts";
import { NONCE_BYTES, readToken, signedToken } from "./token.ts";

/** As it is published. */
export interface FeedbackSettings {
  readonly key: string;
  /** A token may be used for so long. */
  readonly max_age_ms: number;
  /** Reports per minute that one client address may send. */
  readonly per_address: number;
  /** Reports per minute that are taken of all together. */
  readonly per_app: number;
}

/** Addresses whose rate is known. */
const MOST_ADDRESSES = 10_000;
/** Clocks of gateways that share a key may differ by so much. */
const MOST_AHEAD_MS = 60_000;
/** Nonces that are remembered: 12 MB at most. */
const MOST_NONCES = 100_000;

export class AppFeedback {
  readonly settings: FeedbackSettings;
  readonly #app: string;
  readonly #clock: Clock;
  readonly #gatherer: FeedbackGatherer;
  readonly #byAddress: Rates;
  readonly #ofApp: Rates;
  readonly #nonces: Nonces;
  readonly #nonce = new Uint8Array(NONCE_BYTES);

  constructor(app: string, settings: FeedbackSettings, clock: Clock, gatherer: FeedbackGatherer) {
    this.settings = settings;
    this.#app = app;
    this.#clock = clock;
    this.#gatherer = gatherer;
    this.#byAddress = new Rates(settings.per_address, MOST_ADDRESSES);
    this.#ofApp = new Rates(settings.per_app, 1);
    this.#nonces = new Nonces(settings.max_age_ms + MOST_AHEAD_MS, MOST_NONCES);
  }

  /** For an answer that leads to a registered host; null for one that does not. */
  token({ type, rule, flavor, locations }: Decision): string | null {
    if (flavor === null) return null;
    crypto.getRandomValues(this.#nonce);
    return signedToken(this.settings.key, {
      app: this.#app,
      host: locations[0]!.destination,
      flavor,
      rollout: type === "ROLLOUT_RULE" ? rule : null,
      issued_at: this.#clock.wall(),
      nonce: this.#nonce.toBase64(),
    });
  }

  /** What becomes of a report that came from `address`; it is counted. `body` is what the client has sent. */
  take(address: string, body: Uint8Array): FeedbackResult {
    const result = this.#take(address, body);
    if (result !== "accepted") this.#gatherer.refuse(result);
    return result;
  }

  #take(address: string, body: Uint8Array): FeedbackResult {
    const now = this.#clock.now();
    if (!this.#byAddress.take(networkOf(address), now)) return "limited";
    const given = readBody(body);
    if (given === null) return "malformed";
    const token = readToken(this.settings.key, given.token);
    if (typeof token === "string") return token;
    // Of another application: signed, but not for this one.
    if (token.app !== this.#app) return "forged";
    const age = this.#clock.wall() - token.issued_at;
    if (age > this.settings.max_age_ms || age < -MOST_AHEAD_MS) return "expired";
    // Only what is signed takes of what is there for all.
    if (!this.#ofApp.take("", now)) return "limited";
    const verdict = this.#nonces.take(token.nonce, now);
    if (verdict !== "new") return verdict === "seen" ? "replayed" : "limited";
    const { host, flavor, rollout, nonce } = token;
    this.#gatherer.accept({ app: this.#app, host, flavor, rollout, nonce, ok: given.ok });
    return "accepted";
  }
}

/** A client of IPv6 has a whole network of addresses: its /64 counts. */
function networkOf(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - first.length - last.length);
  const groups = [...first, ...Array.from({ length: zeros }, () => "0"), ...last];
  return groups.slice(0, 4).join(":");
}

const decoder = new TextDecoder("utf-8", { fatal: true });

function readBody(body: Uint8Array): { readonly token: string; readonly ok: boolean } | null {
  try {
    const { token, ok } = JSON.parse(decoder.decode(body)) as { token?: unknown; ok?: unknown };
    return typeof token === "string" && typeof ok === "boolean" ? { token, ok } : null;
  } catch {
    return null;
  }
}
