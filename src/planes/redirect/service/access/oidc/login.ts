/** Login by browser: authorization code with PKCE (OpenID Connect Core 1.0 3.1, RFC 7636, RFC 9207). */
import { createHash, randomBytes } from "node:crypto";
import type { ServiceAnswer } from "../../http/answer.ts";
import { ServiceError } from "../../service_error.ts";
import type { Sessions } from "../sessions.ts";
import { badCredentials } from "../refusals.ts";
import type { CodeExchange } from "./code_exchange.ts";
import { identityOf, type Identity } from "./identity.ts";
import { goneLoginCookie, LoginCookies } from "./login_cookie.ts";
import { providerUnavailable, type Provider, type ProviderSource } from "./provider.ts";
import type { RedirectOidcPlan } from "../../../../../core/plan.ts";

export interface LoginRequest {
  readonly query: URLSearchParams;
  /** All fields `Cookie`. */
  readonly cookies: readonly string[];
  /** As the browser sees it, without a slash at its end: `https://lb1.example.com`. */
  readonly origin: string;
  /** Of the client, for counting failures; "" for a unix socket. */
  readonly address: string;
}

export interface LoginParts {
  readonly plan: RedirectOidcPlan;
  readonly client_id: string;
  readonly provider: ProviderSource;
  readonly exchange: CodeExchange;
  readonly sessions: Sessions;
  readonly session_ms: number;
  readonly wall: () => number;
  /** Throws ServiceError with 403 where somebody may do nothing here. */
  expectKnown(identity: Identity): void;
  /** A login from this address has failed. */
  failed(address: string): void;
}

export const CALLBACK_PATH = "/admin/redirect/auth/callback";
const RANDOM_BYTES = 32;
const MAX_RETURN_LENGTH = 2_048;
const MAX_CODE_LENGTH = 4_096;
const NOT_STORED = "Cache-Control: no-store\r\n";

export class Login {
  readonly #parts: LoginParts;
  readonly #cookies = new LoginCookies();

  constructor(parts: LoginParts) {
    this.#parts = parts;
  }

  /**
   * Sends the browser to the provider, and after it to the path `return_to` of the query. Rejects with ServiceError: 400 for a
   * `return_to` elsewhere, 503 where the provider is away.
   */
  async login({ query, origin }: LoginRequest): Promise<ServiceAnswer> {
    const { plan, provider, client_id } = this.#parts;
    const return_to = returnPath(query, origin);
    const endpoint = authorizationUrl(await provider.current());
    const redirect_uri = plan.redirect_uri ?? `${origin}${CALLBACK_PATH}`;
    const [state, nonce, verifier] = [randomText(), randomText(), randomText()];
    const challenge = createHash("sha256").update(verifier).digest("base64url");
    const parameters = {
      response_type: "code",
      client_id,
      redirect_uri,
      scope: plan.scopes.join(" "),
      state,
      nonce,
      code_challenge: challenge,
      code_challenge_method: "S256",
    };
    for (const [name, value] of Object.entries(parameters)) endpoint.searchParams.set(name, value);
    const begun = { state, nonce, verifier, redirect_uri, return_to };
    return seeOther(endpoint.href, this.#cookies.lineFor(begun, this.#parts.wall(), this.#isSecure(origin)));
  }

  /**
   * Where the provider sends the browser back to: begins a session. Rejects with ServiceError: 400 for a login that this browser
   * has not begun, 401 for one that has failed, 403 for somebody without a role, 503 where the provider is away.
   */
  async callback({ query, cookies, origin, address }: LoginRequest): Promise<ServiceAnswer> {
    const { plan, exchange, sessions, session_ms, expectKnown } = this.#parts;
    const begun = this.#cookies.find(cookies, query.get("state") ?? "", this.#parts.wall());
    if (begun === null)
      throw new ServiceError(
        400,
        "this browser has not begun this login, or longer than 10 minutes ago; begin again",
      );
    const isSecure = this.#isSecure(origin);
    try {
      const code = codeIn(query);
      await this.#expectIssuer(query);
      const identity = identityOf(await exchange.claimsFor(code, begun), plan);
      expectKnown(identity);
      const ended = sessions.end(cookies);
      const line = sessions.start(identity, session_ms, isSecure);
      return seeOther(begun.return_to, `${ended}${line}${goneLoginCookie(isSecure)}`);
    } catch (error) {
      if (error instanceof ServiceError && error.status === 401) this.#parts.failed(address);
      throw withLine(error, goneLoginCookie(isSecure));
    }
  }

  /** Ends the session here; what the provider knows of the browser stays. Rejects with ServiceError: 400 as `login`. */
  logout({ query, cookies, origin }: LoginRequest): Promise<ServiceAnswer> {
    return Promise.try(() => seeOther(returnPath(query, origin), this.#parts.sessions.end(cookies)));
  }

  /** RFC 9207: else another provider could pass its code off as this one's. */
  async #expectIssuer(query: URLSearchParams): Promise<void> {
    const { plan, provider } = this.#parts;
    const named = query.get("iss");
    const isNeeded = (await provider.current()).names_itself;
    if (named === null ? isNeeded : named !== plan.issuer)
      throw badCredentials(`this login is of another issuer; expected ${plan.issuer}`);
  }

  #isSecure(origin: string): boolean {
    return (this.#parts.plan.redirect_uri ?? origin).startsWith("https:");
  }
}

function authorizationUrl({ authorization_endpoint: url }: Provider): URL {
  if (url === null) throw providerUnavailable(0);
  return new URL(url);
}

function codeIn(query: URLSearchParams): string {
  const error = query.get("error");
  if (error !== null) {
    const told = /^[a-z_]{1,64}$/.test(error) ? `: ${error}` : "";
    throw badCredentials(`the identity provider has refused the login${told}`);
  }
  const code = query.get("code") ?? "";
  if (code === "" || code.length > MAX_CODE_LENGTH)
    throw new ServiceError(400, "the query has no code; expected the one of the identity provider");
  return code;
}

/** A page could lead its readers anywhere by a login here, were it not for this. Throws ServiceError with 400. */
function returnPath(query: URLSearchParams, origin: string): string {
  const path = query.get("return_to") ?? "/";
  const isPath = /^\/(?!\/)[!-[\]-~]*$/.test(path) && path.length <= MAX_RETURN_LENGTH;
  if (!isPath || !URL.canParse(path, origin) || new URL(path, origin).origin !== new URL(origin).origin)
    throw new ServiceError(400, "return_to leads elsewhere; expected a path of this service such as /ui/");
  return path;
}

const randomText = (): string => randomBytes(RANDOM_BYTES).toString("base64url");

function seeOther(location: string, cookies: string): ServiceAnswer {
  return { status: 303, type: "", body: "", fields: `Location: ${location}\r\n${cookies}${NOT_STORED}` };
}

function withLine(error: unknown, line: string): unknown {
  if (!(error instanceof ServiceError)) return error;
  const { status, message, code, problems, fields } = error;
  return new ServiceError(status, message, {
    ...(code === null ? {} : { code }),
    problems,
    fields: `${fields}${line}`,
  });
}
