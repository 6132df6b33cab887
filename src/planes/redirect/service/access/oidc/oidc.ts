/** One identity provider: tokens that it has signed, and logins by it. */
import { createHash } from "node:crypto";
import type { RedirectOidcPlan } from "../../../../../core/plan.ts";
import { BoundedMap } from "../bounded_map.ts";
import type { AccessEnvironment } from "../environment.ts";
import type { Sessions } from "../sessions.ts";
import { CodeExchange } from "./code_exchange.ts";
import { identityOf, type Identity } from "./identity.ts";
import { Login } from "./login.ts";
import { KEYS_MAX_AGE_MS, ProviderSource } from "./provider.ts";
import { TokenVerifier } from "./token_verifier.ts";

const MAX_VERIFIED = 4_096;
const MS_PER_SECOND = 1_000;

export interface OidcOptions {
  readonly sessions: Sessions;
  readonly session_ms: number;
  /** Throws ServiceError with 403 where somebody may do nothing here. */
  expectKnown(identity: Identity): void;
  /** A login from this address has failed. */
  failed(address: string): void;
}

export class Oidc {
  /** Null without `client_id`. */
  readonly login: Login | null;
  readonly #plan: RedirectOidcPlan;
  readonly #environment: AccessEnvironment;
  readonly #verifier: TokenVerifier;
  readonly #verified = new BoundedMap<Identity>(MAX_VERIFIED);

  constructor(plan: RedirectOidcPlan, environment: AccessEnvironment, options: OidcOptions) {
    const provider = new ProviderSource(plan.issuer, environment);
    this.#plan = plan;
    this.#environment = environment;
    this.#verifier = new TokenVerifier(plan, provider, environment.clock);
    const { client_id } = plan;
    if (client_id === null) {
      this.login = null;
      return;
    }
    const exchange = new CodeExchange(plan, client_id, environment, provider, this.#verifier);
    const wall = () => environment.clock.wall();
    this.login = new Login({ plan, client_id, provider, exchange, wall, ...options });
  }

  /**
   * Whose token it is. One that was good is believed until its end, for the time that keys are at most. Rejects with ServiceError: 401, 403
   * where it names nobody, 503 where no key of the provider is known.
   */
  async identify(token: string): Promise<Identity> {
    const now = this.#environment.clock.wall();
    const key = createHash("sha256").update(token).digest("base64");
    const known = this.#verified.get(key, now);
    if (known !== null) return known;
    const claims = await this.#verifier.verify(token, this.#plan.audience);
    const identity = identityOf(claims, this.#plan);
    const end = claims.exp * MS_PER_SECOND;
    if (end > now) this.#verified.set(key, identity, Math.min(end, now + KEYS_MAX_AGE_MS));
    return identity;
  }
}
