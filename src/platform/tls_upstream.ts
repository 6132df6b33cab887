/** TLS to backends: options prepared once per backend, and words for what can go wrong. */
import type { PeerCertificate, SecureContext } from "node:tls";
import type { UpstreamTlsPlan } from "../core/plan.ts";
import { isIp } from "../core/schema/ip.ts";
import type { FileMap } from "../core/snapshot.ts";
import { certificateReader } from "./certificate_reader.ts";
import type { ClientTlsOptions } from "./connect.ts";
import { TlsSettingsError } from "./tls_contexts.ts";
import { nativeContext } from "./tls_hooks.ts";
import { nodeTls } from "./tls_modules.ts";

/**
 * Options for all connections to one backend; `host` is its name or address as the configuration writes it, "" for a
 * unix socket. They hold the context and the last session, so nothing is read or parsed per connection. `plan` null =
 * the system's authorities, no client certificate. Throws TlsSettingsError.
 */
export function prepareUpstreamTls(
  plan: UpstreamTlsPlan | null,
  host: string,
  files: FileMap,
): ClientTlsOptions {
  const name = plan?.server_name ?? (host === "" ? "localhost" : host);
  const verify = plan?.verify ?? true;
  const secureContext = nativeContext(clientContext(plan, files));
  const options = !isIp(name)
    ? { secureContext, serverName: name, rejectUnauthorized: verify, session: null }
    : {
        // An address must not be sent as a name (RFC 6066 3), so the library has none to verify.
        secureContext,
        rejectUnauthorized: false,
        session: null,
        ...(verify ? { verdict: addressVerdict(name) } : {}),
      };
  return options as ClientTlsOptions;
}

const WRONG_NAME = "ERR_TLS_CERT_ALTNAME_INVALID";

/** Wants a sound chain, and the address among the alternative names of the certificate (RFC 9110 4.3.5). */
function addressVerdict(address: string): NonNullable<ClientTlsOptions["verdict"]> {
  const { checkServerIdentity } = nodeTls();
  return (chainProblem, certificate) => {
    if (chainProblem !== "" && chainProblem !== WRONG_NAME) return chainProblem;
    return checkServerIdentity(address, certificate as PeerCertificate) === undefined ? "" : WRONG_NAME;
  };
}

function clientContext(plan: UpstreamTlsPlan | null, files: FileMap): SecureContext {
  const { createSecureContext } = nodeTls();
  if (plan === null) return createSecureContext();
  const { ca, cert, key } = plan;
  const reader = certificateReader(Date.now);
  const authorities = ca === null ? null : contentOf(files, ca);
  const own =
    cert === null || key === null ? null : { cert: contentOf(files, cert), key: contentOf(files, key) };
  const problems = [
    ...(authorities === null
      ? []
      : reader.authorities(authorities).map((finding) => ({ ...finding, file: ca }))),
    ...(own === null
      ? []
      : reader
          .pair(own.cert, own.key)
          .map((finding) => ({ ...finding, file: finding.about === "key" ? key : cert }))),
  ];
  const error = problems.find(({ severity }) => severity === "error");
  if (error !== undefined) throw new TlsSettingsError(`${error.file} ${error.message}`);
  return createSecureContext({ ...own, ...(authorities === null ? {} : { ca: authorities }) });
}

function contentOf(files: FileMap, path: string): string {
  const content = files[path];
  if (content === undefined) throw new TlsSettingsError(`${path} has not been read`);
  return content;
}

const REASONS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate is not valid yet",
  CERT_REVOKED: "its certificate is revoked",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate comes from an unknown authority",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate comes from an unknown authority",
  UNABLE_TO_GET_ISSUER_CERT: "its certificate comes from an unknown authority",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its certificate comes from an unknown authority",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate comes from an unknown authority",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another name",
  EPROTO: "it does not speak TLS as we do, or refuses our certificate",
  ECONNRESET: "it closed the connection during the handshake",
};

/** One sentence for a `failed` with TLS_FAILED; `reason` is what the connector gave. */
export function upstreamTlsProblem(reason: string): string {
  return `TLS to the backend failed: ${REASONS[reason] ?? (reason === "" ? "it closed the connection" : reason)}`;
}
