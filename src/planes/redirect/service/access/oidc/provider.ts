/** An identity provider: its addresses and keys (OpenID Connect Discovery 1.0, RFC 7517). */
import { createLocalJWKSet, type JSONWebKeySet, type LocalJWKSet } from "jose";
import { isSecureUrl } from "../../../../../core/schema/secure_url.ts";
import { ServiceError } from "../../service_error.ts";
import type { AccessEnvironment } from "../environment.ts";
import { askJson } from "./ask_json.ts";
import { Refreshed } from "./refreshed.ts";

/** A key that the provider has taken back signs for so long at most. */
export const KEYS_MAX_AGE_MS = 600_000;
/** Between two looks for a key that is not known: anybody can make tokens that name one. */
const KEYS_COOLDOWN_MS = 30_000;
const MAX_PROBLEM_LENGTH = 200;
const MS_PER_SECOND = 1_000;

export interface Provider {
  readonly authorization_endpoint: string | null;
  readonly token_endpoint: string | null;
  readonly userinfo_endpoint: string | null;
  /** Of the token endpoint; null = only the default, `client_secret_basic`. */
  readonly auth_methods: readonly string[] | null;
  /** Its answers to browsers name it (RFC 9207). */
  readonly names_itself: boolean;
  readonly keys: LocalJWKSet;
}

export class ProviderSource {
  readonly #issuer: string;
  readonly #environment: AccessEnvironment;
  readonly #provider: Refreshed<Provider>;

  constructor(issuer: string, environment: AccessEnvironment) {
    this.#issuer = issuer;
    this.#environment = environment;
    this.#provider = new Refreshed({
      clock: environment.clock,
      max_age_ms: KEYS_MAX_AGE_MS,
      cooldown_ms: KEYS_COOLDOWN_MS,
      load: () => this.#load(),
      report: (problem) => this.#report(problem),
    });
  }

  /** Rejects with ServiceError: 503 where it could never be asked. What is known goes on while it is away. */
  async current(): Promise<Provider> {
    return (await this.#provider.current()) ?? this.#unavailable();
  }

  /** The same for somebody who misses a key in it. */
  async renewed(): Promise<Provider> {
    return (await this.#provider.renewed()) ?? this.#unavailable();
  }

  #unavailable(): never {
    throw providerUnavailable(this.#provider.wait_ms);
  }

  async #load(): Promise<Provider> {
    const { fetch } = this.#environment;
    const url = `${this.#issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
    const metadata = await expectJson(askJson(fetch, url), url);
    if (metadata["issuer"] !== this.#issuer)
      throw new Error(`${url} is of another issuer; expected ${this.#issuer}`);
    const endpoint = (key: string): string | null => endpointOf(this.#issuer, metadata[key]);
    const keysUrl = endpoint("jwks_uri");
    if (keysUrl === null) throw new Error(`${url} has no jwks_uri that is https`);
    const keys = await expectJson(askJson(fetch, keysUrl), keysUrl);
    const methods = metadata["token_endpoint_auth_methods_supported"];
    return {
      authorization_endpoint: endpoint("authorization_endpoint"),
      token_endpoint: endpoint("token_endpoint"),
      userinfo_endpoint: endpoint("userinfo_endpoint"),
      auth_methods: Array.isArray(methods) ? methods.filter((one) => typeof one === "string") : null,
      names_itself: metadata["authorization_response_iss_parameter_supported"] === true,
      keys: createLocalJWKSet(keys as unknown as JSONWebKeySet),
    };
  }

  #report(problem: string | null): void {
    const issuer = this.#issuer;
    const short = problem?.slice(0, MAX_PROBLEM_LENGTH).replace(/\p{Cc}/gu, " ");
    this.#environment.report({
      event: "redirect_identity_provider",
      level: problem === null ? "info" : "warning",
      text:
        short === undefined
          ? `the identity provider ${issuer} answers again`
          : `the identity provider ${issuer} cannot be asked: ${short}; keys that are known go on`,
      fields: { issuer },
    });
  }
}

export function providerUnavailable(wait_ms: number): ServiceError {
  const seconds = Math.max(1, Math.ceil(wait_ms / MS_PER_SECOND));
  return new ServiceError(503, "the identity provider cannot be asked at the moment; try again later", {
    fields: `Retry-After: ${seconds}\r\n`,
  });
}

async function expectJson(
  answer: ReturnType<typeof askJson>,
  url: string,
): Promise<Readonly<Record<string, unknown>>> {
  const { status, body } = await answer;
  if (status !== 200) throw new Error(`${url} answers with ${status}; expected 200`);
  return body;
}

/** One on this machine is only believed of a provider on this machine: others would have us ask our own services. */
function endpointOf(issuer: string, url: unknown): string | null {
  if (typeof url !== "string" || !isSecureUrl(url)) return null;
  return url.startsWith("https:") || issuer.startsWith("http:") ? url : null;
}
