/** Looks into PEM texts: is this a certificate that is valid now, and is that its key. */
import type { KeyObject, X509Certificate } from "node:crypto";

/** Something about a certificate or key, as the end of a sentence that begins with the name of its file. */
export interface CertificateFinding {
  readonly about: "certificate" | "key";
  /** What cannot be used is an error. What can, but should not (it has expired), is a warning. */
  readonly severity: "error" | "warning";
  readonly message: string;
}

export interface CertificateReader {
  /** A certificate with its chain, and its private key. Never throws. */
  pair(certificate: string, key: string): readonly CertificateFinding[];
  /** A list of authorities. Never throws. */
  authorities(text: string): readonly CertificateFinding[];
}

const BLOCK =
  /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^]*?-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g;
/** Of a longer list only the first ones are looked into; authorities of a whole system are some 150. */
const MAX_CERTIFICATES = 1_000;

/** Loaded at its first use: most starts have no certificate, and it takes some 20 ms. */
function crypto(): typeof import("node:crypto") {
  return require("node:crypto") as typeof import("node:crypto");
}

/** `now` gives milliseconds since 1970. Looking into a pair takes 0.04 ms (EC) to 0.25 ms (RSA 2048). */
export function certificateReader(now: () => number): CertificateReader {
  return {
    pair(certificate, key) {
      const chain = chainOf(certificate);
      const privateKey = privateKeyOf(key);
      const findings = validity(chain, now());
      if ("message" in privateKey) return [...findings, privateKey];
      const [own] = chain;
      // What cannot be read has been told.
      if (own !== undefined && own !== null && !own.checkPrivateKey(privateKey))
        findings.push({
          about: "key",
          severity: "error",
          message: `is not the key of the certificate of ${subjectOf(own)}; expected the private key that belongs to it`,
        });
      return findings;
    },
    authorities: (text) => validity(chainOf(text), now()),
  };
}

/**
 * When the first certificate of a chain ends, in seconds since 1970: from then on clients refuse it. Null where none can
 * be read.
 */
export function certificateEnd(text: string): number | null {
  const ends = chainOf(text).flatMap((certificate) =>
    certificate === null ? [] : [certificate.validToDate.getTime() / 1_000],
  );
  return ends.length === 0 ? null : Math.min(...ends);
}

/** Every certificate of `text`, null for those that cannot be read. */
function chainOf(text: string): (X509Certificate | null)[] {
  const { X509Certificate } = crypto();
  const blocks = (text.match(BLOCK) ?? []).slice(0, MAX_CERTIFICATES);
  return blocks.map((block) => {
    try {
      return new X509Certificate(block);
    } catch {
      return null;
    }
  });
}

function validity(chain: readonly (X509Certificate | null)[], now: number): CertificateFinding[] {
  const finding = (severity: "error" | "warning", message: string): CertificateFinding => ({
    about: "certificate",
    severity,
    message,
  });
  if (chain.length === 0)
    return [finding("error", "holds no certificate; expected PEM text with -----BEGIN CERTIFICATE-----")];
  return chain.flatMap((certificate, index) => {
    const which = chain.length === 1 ? "" : `certificate ${index + 1} of ${chain.length} `;
    if (certificate === null)
      return [finding("error", `${which}cannot be read; expected an X.509 certificate as PEM text`)];
    const [from, to] = [certificate.validFromDate, certificate.validToDate];
    const of = `${which}(${subjectOf(certificate)})`;
    if (to.getTime() < now)
      return [finding("warning", `${of} expired on ${dayOf(to)}; expected one that is valid now`)];
    if (from.getTime() > now)
      return [finding("warning", `${of} is valid from ${dayOf(from)} on; expected one that is valid now`)];
    return [];
  });
}

function privateKeyOf(text: string): KeyObject | CertificateFinding {
  try {
    return crypto().createPrivateKey(text);
  } catch (error) {
    const encrypted = (error as { code?: string }).code === "ERR_MISSING_PASSPHRASE";
    const message = encrypted
      ? "is encrypted; expected a private key without a passphrase"
      : "holds no private key that can be read; expected PEM text with -----BEGIN PRIVATE KEY-----";
    return { about: "key", severity: "error", message };
  }
}

/** `CN=example.com, O=Example`. */
function subjectOf({ subject, subjectAltName }: X509Certificate): string {
  const text = subject === "" || subject === undefined ? subjectAltName : subject.replaceAll("\n", ", ");
  return text === undefined || text === "" ? "without a name" : text;
}

/** `2026-05-04 03:02 UTC`. */
function dayOf(date: Date): string {
  return `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
