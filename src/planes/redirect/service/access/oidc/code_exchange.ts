/** From the code that a browser brings back to the claims of who has logged in (OpenID Connect Core 1.0 3.1.3, 5.3). */
import type { RedirectOidcPlan } from "../../../../../core/plan.ts";
import { ServiceError } from "../../service_error.ts";
import type { AccessEnvironment } from "../environment.ts";
import { badCredentials } from "../refusals.ts";
import { askJson, type JsonAnswer } from "./ask_json.ts";
import { claimAt, type Claims } from "./identity.ts";
import type { BegunLogin } from "./login_cookie.ts";
import { providerUnavailable, type Provider, type ProviderSource } from "./provider.ts";
import type { TokenVerifier } from "./token_verifier.ts";

export class CodeExchange {
  readonly #plan: RedirectOidcPlan;
  readonly #clientId: string;
  readonly #environment: AccessEnvironment;
  readonly #provider: ProviderSource;
  readonly #verifier: TokenVerifier;

  constructor(
    plan: RedirectOidcPlan,
    clientId: string,
    environment: AccessEnvironment,
    provider: ProviderSource,
    verifier: TokenVerifier,
  ) {
    this.#plan = plan;
    this.#clientId = clientId;
    this.#environment = environment;
    this.#provider = provider;
    this.#verifier = verifier;
  }

  /** Rejects with ServiceError: 401 where code or token are not good, 503 where the provider does not answer. */
  async claimsFor(code: string, begun: BegunLogin): Promise<Claims> {
    const provider = await this.#provider.current();
    const tokens = await this.#redeem(provider, code, begun);
    const idToken = tokens["id_token"];
    if (typeof idToken !== "string") throw badCredentials("the identity provider has sent no ID token");
    const claims = await this.#verifier.verify(idToken, this.#clientId);
    if (claims["nonce"] !== begun.nonce) throw badCredentials("the ID token is of another login");
    if (claims["azp"] !== undefined && claims["azp"] !== this.#clientId)
      throw badCredentials("the ID token was made for another client");
    return await this.#withUserinfo(provider, claims, tokens["access_token"]);
  }

  async #redeem(provider: Provider, code: string, begun: BegunLogin): Promise<JsonAnswer["body"]> {
    const form = new URLSearchParams({
      grant_type: "authorization_code",
      code,
      redirect_uri: begun.redirect_uri,
      code_verifier: begun.verifier,
    });
    const headers = this.#authenticate(provider, form);
    const { status, body } = await this.#ask(provider.token_endpoint, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
      body: form.toString(),
    });
    if (status === 200) return body;
    const error = body["error"];
    const isOurs = error === "invalid_client" || error === "unauthorized_client";
    if (status >= 500 || isOurs) {
      this.#report(`token endpoint: ${status} ${isOurs ? error : ""}`.trimEnd());
      throw providerUnavailable(0);
    }
    throw badCredentials("the identity provider does not take the code of this login; begin again");
  }

  /** Fields with the client's secret, or the secret in the form (RFC 6749 2.3.1). */
  #authenticate({ auth_methods }: Provider, form: URLSearchParams): Record<string, string> {
    const { client_secret: clientSecret } = this.#plan;
    const isBasic =
      clientSecret !== null &&
      (auth_methods === null ||
        auth_methods.includes("client_secret_basic") ||
        !auth_methods.includes("client_secret_post"));
    if (!isBasic) {
      form.set("client_id", this.#clientId);
      if (clientSecret !== null) form.set("client_secret", clientSecret);
      return {};
    }
    const pair = `${formEncoded(this.#clientId)}:${formEncoded(clientSecret)}`;
    return { authorization: `Basic ${Buffer.from(pair).toString("base64")}` };
  }

  /** Many providers put a name and roles only there. */
  async #withUserinfo(provider: Provider, claims: Claims, accessToken: unknown): Promise<Claims> {
    const { name_claim, roles_claim } = this.#plan;
    const isWhole = [name_claim, roles_claim].every((path) => claimAt(claims, path) !== undefined);
    if (isWhole || provider.userinfo_endpoint === null || typeof accessToken !== "string") return claims;
    const { status, body } = await this.#ask(provider.userinfo_endpoint, {
      headers: { authorization: `Bearer ${accessToken}`, accept: "application/json" },
    });
    if (status !== 200) {
      this.#report(`userinfo endpoint: ${status}`);
      throw providerUnavailable(0);
    }
    // Else claims of somebody else could be slipped in.
    if (typeof claims["sub"] !== "string" || body["sub"] !== claims["sub"])
      throw badCredentials("the userinfo of the identity provider is about somebody else");
    return { ...body, ...claims };
  }

  async #ask(url: string | null, options: RequestInit): Promise<JsonAnswer> {
    if (url === null)
      throw new ServiceError(503, "the identity provider has no token endpoint that is https");
    try {
      return await askJson(this.#environment.fetch, url, options);
    } catch (error) {
      this.#report(error instanceof Error ? error.message : String(error));
      throw providerUnavailable(0);
    }
  }

  #report(problem: string): void {
    const { issuer } = this.#plan;
    this.#environment.report({
      event: "redirect_identity_provider",
      level: "warning",
      text: `the identity provider ${issuer} could not finish a login: ${problem}`,
      fields: { issuer },
    });
  }
}

/** As in forms, where a space is a plus. */
function formEncoded(text: string): string {
  return new URLSearchParams({ "": text }).toString().slice(1);
}
