/** What TLS settings become in a worker: a context per certificate, found by the name that a client asks for. */
import type { SecureContext, SecureContextOptions } from "node:tls";
import type { CertificatePlan, ClientAuth, TlsOptions, TlsPlan } from "../core/plan.ts";
import type { FileMap } from "../core/snapshot.ts";
import { certificateNames } from "./certificate_names.ts";
import { certificateReader, type CertificateFinding } from "./certificate_reader.ts";
import { nativeContext, type SocketContext } from "./tls_hooks.ts";
import { nodeTls } from "./tls_modules.ts";

/** SSL_OP_NO_TICKET. */
const NO_TICKETS = 0x4000;

/** A certificate with the options that it is served under. Holds the keys of the session tickets that it gives out. */
export interface TlsContext extends SocketContext {
  readonly clientAuth: ClientAuth;
  /** Equal for contexts that ask the same of client certificates. */
  readonly clientRule: string;
  readonly secure: SecureContext;
  /** Hash of everything that went into it. */
  readonly key: string;
  readonly names: readonly string[];
}

/** TLS settings that cannot be used. The message is one sentence that names the file or the setting. */
export class TlsSettingsError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "TlsSettingsError";
  }
}

export class TlsContexts {
  readonly contexts: readonly TlsContext[];
  readonly alpn: readonly string[];
  /** Refuse clients that name nobody we have a certificate for. */
  readonly strict: boolean;
  /** The name must be known before the handshake begins: it decides about more than the certificate. */
  readonly needsName: boolean;
  /** What is asked of client certificates depends on the name. */
  readonly clientRuleByName: boolean;
  /** What an operator should know of the certificates, one sentence each. */
  readonly warnings: readonly string[];
  readonly #exact = new Map<string, TlsContext>();
  /** `*.example.com` under `example.com`. */
  readonly #wildcard = new Map<string, TlsContext>();

  /** `contexts` are in the order of the plan: the first one is the default, and an earlier one wins a name. */
  constructor(plan: TlsPlan, contexts: readonly TlsContext[], warnings: readonly string[]) {
    this.contexts = contexts;
    this.alpn = plan.alpn;
    this.strict = plan.strict_sni;
    this.needsName = plan.strict_sni || plan.certificates.some(({ options }) => options !== null);
    this.clientRuleByName = contexts.some(({ clientRule }) => clientRule !== contexts[0]!.clientRule);
    this.warnings = warnings;
    for (const context of contexts) {
      for (const name of context.names) {
        const table = name.startsWith("*.") ? this.#wildcard : this.#exact;
        const key = name.startsWith("*.") ? name.slice(2) : name;
        if (!table.has(key)) table.set(key, context);
      }
    }
  }

  get default(): TlsContext {
    return this.contexts[0]!;
  }

  /**
   * The context for a name in lower case: the name itself, else a wildcard for its first label (RFC 9525 6.3), else
   * null. "" = the client names nobody.
   */
  find(name: string): TlsContext | null {
    const exact = this.#exact.get(name);
    if (exact !== undefined) return exact;
    const dot = name.indexOf(".");
    return dot <= 0 ? null : (this.#wildcard.get(name.slice(dot + 1)) ?? null);
  }

  /**
   * False when a request for `host` (lower case, without port) must not come over a connection that was made with
   * `context`: another rule for client certificates holds for that host (RFC 9110 15.5.20).
   */
  allowsHost(context: TlsContext, host: string): boolean {
    if (!this.clientRuleByName) return true;
    return (this.find(host) ?? this.default).clientRule === context.clientRule;
  }
}

/**
 * Builds the contexts of a plan, one certificate per step. A context of `before` whose certificate, key and options
 * have not changed is used again, so that its session tickets stay good. `now` is the wall clock in milliseconds.
 * Throws TlsSettingsError.
 */
export function* prepareTls(
  plan: TlsPlan,
  files: FileMap,
  before: TlsContexts | null,
  now: number,
): Generator<void, TlsContexts> {
  const known = new Map(before?.contexts.map((context) => [context.key, context]));
  const contexts: TlsContext[] = [];
  const warnings: string[] = [];
  for (const certificate of plan.certificates) {
    warnings.push(...checkPair(certificate, files, now));
    const options = certificate.options ?? plan;
    const key = contextKey(certificate, options, plan.session_tickets, files);
    contexts.push(known.get(key) ?? buildContext(certificate, options, plan.session_tickets, files, key));
    yield;
  }
  return new TlsContexts(plan, contexts, warnings);
}

/** Content of a file that the plan names. */
function contentOf(files: FileMap, path: string): string {
  const content = files[path];
  if (content === undefined) throw new TlsSettingsError(`${path} has not been read`);
  return content;
}

/** Throws for what cannot be used and returns what an operator should know. */
function checkPair({ cert, key }: CertificatePlan, files: FileMap, now: number): string[] {
  const sentence = ({ about, message }: CertificateFinding) => `${about === "key" ? key : cert} ${message}`;
  const findings = certificateReader(() => now).pair(contentOf(files, cert), contentOf(files, key));
  const error = findings.find(({ severity }) => severity === "error");
  if (error !== undefined) throw new TlsSettingsError(sentence(error));
  return findings.map(sentence);
}

function contextKey(
  certificate: CertificatePlan,
  options: TlsOptions,
  tickets: boolean,
  files: FileMap,
): string {
  const { min_version, max_version, ciphers, curves, client_auth, client_ca } = options;
  const parts = [
    contentOf(files, certificate.cert),
    contentOf(files, certificate.key),
    certificate.names,
    [min_version, max_version, ciphers, curves, client_auth, tickets],
    client_ca === null ? null : contentOf(files, client_ca),
  ];
  return new Bun.CryptoHasher("sha256").update(JSON.stringify(parts)).digest("base64");
}

function buildContext(
  certificate: CertificatePlan,
  options: TlsOptions,
  tickets: boolean,
  files: FileMap,
  key: string,
): TlsContext {
  const cert = contentOf(files, certificate.cert);
  const { client_auth: clientAuth, client_ca: clientCa } = options;
  const authorities = clientCa === null ? null : contentOf(files, clientCa);
  if (clientCa !== null) checkAuthorities(clientCa, authorities!);
  const requestCert = clientAuth !== "none";
  const rejectUnauthorized = clientAuth === "require_and_verify";
  const secure = createContext(certificate, {
    cert,
    key: contentOf(files, certificate.key),
    ...versionOptions(options),
    // A context must know at its making that it will ask for client certificates.
    ...({ requestCert, rejectUnauthorized } as SecureContextOptions),
    ...authorityOptions(clientAuth, authorities, cert),
    ...(tickets ? {} : { secureOptions: NO_TICKETS }),
  });
  return {
    clientAuth,
    clientRule: JSON.stringify([clientAuth, authorities]),
    secure,
    native: nativeContext(secure),
    requestCert,
    rejectUnauthorized,
    key,
    names: certificate.names.length > 0 ? certificate.names : certificateNames(cert),
  };
}

function checkAuthorities(path: string, text: string): void {
  const error = certificateReader(Date.now)
    .authorities(text)
    .find(({ severity }) => severity === "error");
  if (error !== undefined) throw new TlsSettingsError(`${path} ${error.message}`);
}

function versionOptions({ min_version, max_version, ciphers, curves }: TlsOptions): SecureContextOptions {
  return {
    minVersion: `TLSv${min_version}`,
    maxVersion: `TLSv${max_version}`,
    ...(ciphers === "" ? {} : { ciphers }),
    ...(curves === "" ? {} : { ecdhCurve: curves }),
  };
}

/**
 * Where no client certificate is asked for, the context's own certificate stands for the authorities: with none given,
 * BoringSSL looks for the issuer of a lone certificate in the system's store at every handshake (four open(2) calls).
 */
function authorityOptions(auth: ClientAuth, authorities: string | null, cert: string): SecureContextOptions {
  if (auth === "none") return { ca: cert };
  return authorities === null ? {} : { ca: authorities };
}

/** Throws TlsSettingsError with the setting that the library refuses. */
function createContext({ cert, key }: CertificatePlan, options: SecureContextOptions): SecureContext {
  try {
    return nodeTls().createSecureContext(options);
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    if (code === "ERR_SSL_NO_CIPHER_MATCH")
      throw new TlsSettingsError(
        `no cipher is known in ${JSON.stringify(options.ciphers)} (an OpenSSL cipher list)`,
      );
    if (message.includes("ECDH"))
      throw new TlsSettingsError(
        `unknown curve in ${JSON.stringify(options.ecdhCurve)} (such as X25519:P-256)`,
      );
    throw new TlsSettingsError(`${cert} and ${key} cannot be used: ${message}`);
  }
}
