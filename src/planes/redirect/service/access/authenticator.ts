/** Who asks the management service: the operator, bearers of tokens, people who have logged in, or anybody. */
import type { RedirectServicePlan } from "../../../../core/plan.ts";
import { ANONYMOUS, OPERATOR } from "../../../../core/redirect/access/grant.ts";
import { ServiceError } from "../service_error.ts";
import type { AccessEnvironment } from "./environment.ts";
import { FailureCount } from "./failure_count.ts";
import { grantedTo, type Identity } from "./oidc/identity.ts";
import type { Login } from "./oidc/login.ts";
import { Oidc } from "./oidc/oidc.ts";
import { principal, type Authenticator, type Credentials, type Principal } from "./principal.ts";
import { badCredentials, missingCredentials } from "./refusals.ts";
import { Sessions } from "./sessions.ts";
import { StaticTokens } from "./static_tokens.ts";

export interface ServiceAuthenticator extends Authenticator {
  /** Logins by browser; null where the plan has none. */
  readonly login: Login | null;
  /** Takes another plan. Sessions stay where the identity provider does; what their roles give is what the new plan says. */
  use(plan: RedirectServicePlan): void;
  /** Ends all sessions and timers. */
  close(): void;
}

/** Asks no provider before somebody needs it. */
export function createAuthenticator(
  plan: RedirectServicePlan,
  environment: AccessEnvironment,
): ServiceAuthenticator {
  return new PlannedAuthenticator(plan, environment);
}

const OPERATOR_PRINCIPAL = principal(OPERATOR, ["permitAll"]);

class PlannedAuthenticator implements ServiceAuthenticator {
  readonly #environment: AccessEnvironment;
  readonly #failures: FailureCount;
  readonly #sessions: Sessions;
  #plan: RedirectServicePlan;
  #tokens: StaticTokens;
  #anonymous: Principal | null;
  #oidc: Oidc | null = null;

  constructor(plan: RedirectServicePlan, environment: AccessEnvironment) {
    this.#environment = environment;
    this.#failures = new FailureCount(environment.clock, (event) => environment.report(event));
    this.#sessions = new Sessions(environment.clock);
    this.#plan = plan;
    this.#tokens = new StaticTokens(plan.tokens);
    this.#anonymous = anonymousOf(plan);
    this.#oidc = this.#makeOidc();
  }

  get login(): Login | null {
    return this.#oidc?.login ?? null;
  }

  use(plan: RedirectServicePlan): void {
    const before = this.#plan;
    this.#plan = plan;
    this.#tokens = new StaticTokens(plan.tokens);
    this.#anonymous = anonymousOf(plan);
    if (sessionOrigin(plan) !== sessionOrigin(before)) this.#sessions.clear();
    const isSame =
      JSON.stringify([plan.oidc, plan.session_ms]) === JSON.stringify([before.oidc, before.session_ms]);
    if (!isSame) this.#oidc = this.#makeOidc();
  }

  close(): void {
    this.#failures.stop();
    this.#sessions.clear();
  }

  async authenticate({ authorization, cookies, is_operator, address }: Credentials): Promise<Principal> {
    if (is_operator) return OPERATOR_PRINCIPAL;
    if (authorization.length > 0) {
      try {
        return await this.#bearer(authorization);
      } catch (error) {
        if (error instanceof ServiceError && error.status === 401) this.#failures.count(address);
        throw error;
      }
    }
    const identity = this.#oidc === null ? null : this.#sessions.find(cookies);
    if (identity !== null) return this.#principalOf(identity);
    if (this.#anonymous !== null) return this.#anonymous;
    throw missingCredentials(
      `expected Authorization: Bearer TOKEN${this.login === null ? "" : ", or a login"}`,
    );
  }

  async #bearer(authorization: readonly string[]): Promise<Principal> {
    const [field = "", ...more] = authorization;
    const token = /^bearer +(\S+)$/i.exec(field)?.[1];
    if (token === undefined || more.length > 0)
      throw badCredentials("expected one Authorization: Bearer TOKEN");
    const found = this.#tokens.find(token);
    if (found !== null) return found;
    if (this.#oidc === null) throw badCredentials("this is no token that is known here");
    return this.#principalOf(await this.#oidc.identify(token));
  }

  /** Throws ServiceError with 403 where somebody has no role, or a name that stands for somebody else. */
  #principalOf(identity: Identity): Principal {
    const { oidc, tokens } = this.#plan;
    const { name } = identity;
    const isTaken = name === OPERATOR || name === ANONYMOUS || tokens.some((token) => token.name === name);
    if (isTaken) throw new ServiceError(403, `${name} is the name of somebody else here`);
    return principal(name, oidc === null ? [] : grantedTo(identity, oidc));
  }

  #makeOidc(): Oidc | null {
    const { oidc, session_ms } = this.#plan;
    if (oidc === null) return null;
    return new Oidc(oidc, this.#environment, {
      sessions: this.#sessions,
      session_ms,
      expectKnown: (identity) => void this.#principalOf(identity),
      failed: (address) => this.#failures.count(address),
    });
  }
}

function anonymousOf({ anonymous }: RedirectServicePlan): Principal | null {
  return anonymous.length === 0 ? null : principal(ANONYMOUS, anonymous);
}

/** Where names and roles in sessions come from. */
function sessionOrigin({ oidc }: RedirectServicePlan): string {
  if (oidc === null) return "";
  const { issuer, client_id, name_claim, roles_claim } = oidc;
  return JSON.stringify([issuer, client_id, name_claim, roles_claim]);
}
