/** Looking into certificates and keys in PEM form, so that what is wrong with them is said before they are used. */
import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;
const KEY = /-----BEGIN ((?:[A-Z0-9]+ )*PRIVATE KEY)-----/;

export interface CertificateInspection {
  /**
   * DNS names in lower case that the certificate is for (subjectAltName, RFC 9525 6.3); the common name where it has
   * no alternative names at all.
   */
  readonly names: readonly string[];
  /** End of its validity, milliseconds since 1970. */
  readonly notAfter: number;
  /** Why it cannot be used, or null. */
  readonly problem: string | null;
  /** What an operator should know, or null. */
  readonly warning: string | null;
}

/** What the files are called in messages. */
export interface PemFileNames {
  readonly cert: string;
  readonly key: string;
}

const PLAIN_NAMES: PemFileNames = { cert: "the file", key: "the key file" };

/**
 * Checks that `cert` is a certificate with its chain and `key` its private key. `now` is the wall clock in
 * milliseconds: an expired certificate is a warning, because serving it beats serving nothing.
 */
export function inspectCertificate(
  cert: string,
  key: string,
  now: number,
  files: PemFileNames = PLAIN_NAMES,
): CertificateInspection {
  const parsed = parseChain(cert, files.cert);
  if (typeof parsed === "string") return problem(parsed);
  const privateKey = parseKey(key, files.key);
  if (typeof privateKey === "string") return problem(privateKey);
  const leaf = parsed[0]!;
  if (!leaf.checkPrivateKey(privateKey))
    return problem(`the private key in ${files.key} does not belong to the certificate in ${files.cert}`);
  return {
    names: namesOf(leaf),
    notAfter: Date.parse(leaf.validTo),
    problem: null,
    warning: validityWarning(leaf, now, files.cert),
  };
}

/** Why `text` is no list of certificates (authorities), or null. */
export function authoritiesProblem(text: string, file: string): string | null {
  const parsed = parseChain(text, file);
  return typeof parsed === "string" ? parsed : null;
}

/** The check that the configuration makes: what is wrong, without file names, which stand before the message. */
export function checkCertificate(
  cert: string,
  key: string,
): { problem: string | null; warning: string | null } {
  return inspectCertificate(cert, key, Date.now());
}

function problem(text: string): CertificateInspection {
  return { names: [], notAfter: 0, problem: text, warning: null };
}

/** The certificates of a PEM text, the leaf first; or what is wrong. */
function parseChain(text: string, file: string): X509Certificate[] | string {
  const blocks = text.match(CERTIFICATE);
  if (blocks === null) return `${file} holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)`;
  const chain: X509Certificate[] = [];
  for (const [index, block] of blocks.entries()) {
    try {
      chain.push(new X509Certificate(block));
    } catch {
      return `certificate ${index + 1} of ${blocks.length} in ${file} is damaged`;
    }
  }
  return chain;
}

function parseKey(text: string, file: string): KeyObject | string {
  const label = KEY.exec(text)?.[1];
  if (label === undefined) return `${file} holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)`;
  if (label.startsWith("ENCRYPTED") || /^Proc-Type:.*ENCRYPTED/m.test(text))
    return `the private key in ${file} is encrypted; a key without a passphrase is expected`;
  try {
    return createPrivateKey(text);
  } catch {
    return `the private key in ${file} is damaged or of an unknown kind`;
  }
}

function namesOf(leaf: X509Certificate): string[] {
  const alternatives = leaf.subjectAltName;
  if (alternatives === undefined) {
    const common = /^CN=(.+)$/m.exec(leaf.subject)?.[1];
    return common === undefined ? [] : [common.toLowerCase()];
  }
  return [...alternatives.matchAll(/(?:^|, )DNS:([^,"\s]+)/g)].map((match) => match[1]!.toLowerCase());
}

function validityWarning(leaf: X509Certificate, now: number, file: string): string | null {
  const day = (text: string) => new Date(Date.parse(text)).toISOString().slice(0, 10);
  if (Date.parse(leaf.validTo) < now) return `the certificate in ${file} expired on ${day(leaf.validTo)}`;
  if (Date.parse(leaf.validFrom) > now)
    return `the certificate in ${file} is not valid before ${day(leaf.validFrom)}`;
  return null;
}
