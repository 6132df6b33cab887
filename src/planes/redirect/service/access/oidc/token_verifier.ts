/** Signed tokens of an identity provider (RFC 7519, OpenID Connect Core 1.0 3.1.3.7). */
import { errors, jwtVerify, type CryptoKey, type JWTVerifyOptions } from "jose";
import type { RedirectOidcPlan } from "../../../../../core/plan.ts";
import type { Clock } from "../../../../../platform/clock.ts";
import { ServiceError } from "../../service_error.ts";
import { badCredentials } from "../refusals.ts";
import type { Claims } from "./identity.ts";
import type { ProviderSource } from "./provider.ts";

/** Longer ones are not looked at. */
const MAX_TOKEN_LENGTH = 16_384;
const JWT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/;
const MS_PER_SECOND = 1_000;

export type TokenRules = Pick<RedirectOidcPlan, "issuer" | "algorithms" | "clock_skew_ms">;

export class TokenVerifier {
  readonly #rules: TokenRules;
  readonly #provider: ProviderSource;
  readonly #clock: Clock;

  constructor(rules: TokenRules, provider: ProviderSource, clock: Clock) {
    this.#rules = rules;
    this.#provider = provider;
    this.#clock = clock;
  }

  /**
   * The claims of a token that the issuer has signed for `audience` and whose time it is; `exp` is among them. Rejects with
   * ServiceError: 401 for any other token, 503 where no key of the provider is known.
   */
  async verify(token: string, audience: string): Promise<Claims & { readonly exp: number }> {
    if (token.length > MAX_TOKEN_LENGTH || !JWT.test(token))
      throw badCredentials("this is no token that is known here");
    const { issuer, algorithms, clock_skew_ms } = this.#rules;
    const options: JWTVerifyOptions = {
      issuer,
      audience,
      algorithms: [...algorithms],
      clockTolerance: clock_skew_ms / MS_PER_SECOND,
      currentDate: new Date(this.#clock.wall()),
      requiredClaims: ["exp"],
    };
    try {
      return (await this.#verifyWithKeys(token, options)) as Claims & { exp: number };
    } catch (error) {
      // What is no error of jose comes from keys that cannot be used, and lets nobody in either.
      throw error instanceof ServiceError ? error : badCredentials(this.#problemOf(error));
    }
  }

  async #verifyWithKeys(token: string, options: JWTVerifyOptions): Promise<Claims> {
    const { keys } = await this.#provider.current();
    try {
      return await verifyWith(token, keys, options);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      const renewed = await this.#provider.renewed();
      if (renewed.keys === keys) throw error;
      return await verifyWith(token, renewed.keys, options);
    }
  }

  /** One sentence that quotes nothing of the token. */
  #problemOf(error: unknown): string {
    if (error instanceof errors.JWTExpired) return "the token has expired";
    if (error instanceof errors.JWTClaimValidationFailed) return this.#claimProblem(error.claim);
    if (error instanceof errors.JWSSignatureVerificationFailed)
      return "the token's signature is not that of its issuer";
    if (error instanceof errors.JOSEAlgNotAllowed)
      return `the token is signed in a way that is not allowed here; expected ${this.#rules.algorithms.join(", ")}`;
    if (error instanceof errors.JWKSNoMatchingKey)
      return "the token is signed by a key that its issuer does not have";
    return "this is no token that is known here";
  }

  #claimProblem(claim: string): string {
    switch (claim) {
      case "iss":
        return `the token is of another issuer; expected ${this.#rules.issuer}`;
      case "aud":
        return "the token is meant for another audience";
      case "exp":
        return "the token has no end; expected the claim exp";
      case "nbf":
        return "the token is not valid yet";
      default:
        return "the token has a claim that is not well-formed";
    }
  }
}

type KeySource = Awaited<ReturnType<ProviderSource["current"]>>["keys"];

/** Where several keys fit a token that names none, each is tried. */
async function verifyWith(token: string, keys: KeySource, options: JWTVerifyOptions): Promise<Claims> {
  try {
    return (await jwtVerify(token, keys, options)).payload;
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    return await verifyWithEach(token, error, options);
  }
}

async function verifyWithEach(
  token: string,
  candidates: AsyncIterable<CryptoKey>,
  options: JWTVerifyOptions,
): Promise<Claims> {
  for await (const key of candidates)
    try {
      return (await jwtVerify(token, key, options)).payload;
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
    }
  throw new errors.JWSSignatureVerificationFailed();
}
