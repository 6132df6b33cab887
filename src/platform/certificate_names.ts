/** The host names that a certificate is for. */
import { nodeCrypto } from "./tls_modules.ts";

/**
 * DNS names of the first certificate of a PEM text, in lower case: those of its subjectAltName (RFC 9525 6.3), or the
 * common name of a certificate that has no alternative names at all. Throws when the text holds no certificate.
 */
export function certificateNames(pem: string): string[] {
  const { X509Certificate } = nodeCrypto();
  const { subject, subjectAltName } = new X509Certificate(pem);
  if (subjectAltName === undefined) {
    const common = /^CN=(.+)$/m.exec(subject)?.[1];
    return common === undefined ? [] : [common.toLowerCase()];
  }
  return [...subjectAltName.matchAll(/(?:^|, )DNS:([^,"\s]+)/g)].map((match) => match[1]!.toLowerCase());
}
