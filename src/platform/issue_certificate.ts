/** Making certificates: self-signed ones for a first start, the self-check of TLS and tests. */
import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  type KeyObject,
} from "node:crypto";
import { parseIp } from "../core/schema/ip.ts";
import {
  derBits,
  derContext,
  derInteger,
  derOctets,
  derOid,
  derSequence,
  derSet,
  derTime,
  derTrue,
  derUtf8,
  derValue,
  pemText,
} from "./der.ts";

const DAY_MS = 86_400_000;
/** A peer whose clock is a little behind still takes a new certificate. */
const BACKDATED_MS = 3_600_000;

const COMMON_NAME = "2.5.4.3";
const ECDSA_SHA256 = "1.2.840.10045.4.3.2";
const RSA_SHA256 = "1.2.840.113549.1.1.11";
const SUBJECT_KEY_ID = "2.5.29.14";
const KEY_USAGE = "2.5.29.15";
const SUBJECT_ALT_NAME = "2.5.29.17";
const BASIC_CONSTRAINTS = "2.5.29.19";
const AUTHORITY_KEY_ID = "2.5.29.35";
const EXTENDED_KEY_USAGE = "2.5.29.37";
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

/** A certificate that can sign others. */
export interface Issuer {
  readonly commonName: string;
  readonly privateKey: KeyObject;
  /** PEM of the certificate, which is put after each one that it signs. */
  readonly cert: string;
}

export interface CertificateRequest {
  readonly commonName: string;
  /** Host names (`*.example.com` too) and IP addresses; empty = none. */
  readonly names?: readonly string[];
  /** Default: `ec` (P-256). */
  readonly keyType?: "ec" | "rsa";
  /** May sign other certificates. */
  readonly authority?: boolean;
  /** Null = signed by itself. */
  readonly issuer?: Issuer | null;
  /** Milliseconds since 1970; default: an hour ago and a year from now. */
  readonly notBefore?: number;
  readonly notAfter?: number;
}

export interface IssuedCertificate extends Issuer {
  /** PEM of the private key (PKCS #8). */
  readonly key: string;
}

/** Makes a key and a certificate for it. `cert` holds the certificate and then those of its issuers. */
export function issueCertificate(request: CertificateRequest): IssuedCertificate {
  const { commonName, keyType = "ec", issuer = null } = request;
  const { privateKey } =
    keyType === "ec"
      ? generateKeyPairSync("ec", { namedCurve: "P-256" })
      : generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const body = certificateBody(request, privateKey);
  const signer = issuer?.privateKey ?? privateKey;
  const signature = derBits(new Uint8Array(sign("sha256", body, signer)));
  const own = pemText("CERTIFICATE", derSequence(body, signatureAlgorithm(signer), signature));
  return {
    commonName,
    privateKey,
    cert: issuer === null ? own : own + issuer.cert,
    key: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
  };
}

/** TBSCertificate of RFC 5280 4.1. */
function certificateBody(request: CertificateRequest, privateKey: KeyObject): Uint8Array {
  const { commonName, issuer = null, notBefore, notAfter } = request;
  const now = Date.now();
  const serial = new Uint8Array(randomBytes(16));
  serial[0] = (serial[0]! & 0x7f) | 0x40;
  return derSequence(
    derContext(0, true, derInteger(Uint8Array.of(2))),
    derInteger(serial),
    signatureAlgorithm(issuer?.privateKey ?? privateKey),
    distinguishedName(issuer?.commonName ?? commonName),
    derSequence(derTime(notBefore ?? now - BACKDATED_MS), derTime(notAfter ?? now + 365 * DAY_MS)),
    distinguishedName(commonName),
    publicKeyBytes(privateKey),
    derContext(3, true, derSequence(...extensions(request, privateKey))),
  );
}

function extensions(request: CertificateRequest, privateKey: KeyObject): Uint8Array[] {
  const { names = [], authority = false, issuer = null } = request;
  const usage = authority ? derBits(Uint8Array.of(0x06), 1) : derBits(Uint8Array.of(0x80), 7);
  const purposes = derSequence(derOid(SERVER_AUTH), derOid(CLIENT_AUTH));
  return [
    ...(names.length === 0
      ? []
      : [extension(SUBJECT_ALT_NAME, false, derSequence(...names.map(generalName)))]),
    extension(BASIC_CONSTRAINTS, true, authority ? derSequence(derTrue()) : derSequence()),
    extension(KEY_USAGE, true, usage),
    ...(authority ? [] : [extension(EXTENDED_KEY_USAGE, false, purposes)]),
    extension(SUBJECT_KEY_ID, false, derOctets(keyId(privateKey))),
    ...(issuer === null
      ? []
      : [extension(AUTHORITY_KEY_ID, false, derSequence(derContext(0, false, keyId(issuer.privateKey))))]),
  ];
}

function extension(oid: string, critical: boolean, value: Uint8Array): Uint8Array {
  return derSequence(derOid(oid), ...(critical ? [derTrue()] : []), derOctets(value));
}

/** An entry of a subject alternative name: iPAddress or dNSName (RFC 5280 4.2.1.6). */
function generalName(name: string): Uint8Array {
  const address = parseIp(name);
  return address === null
    ? derContext(2, false, new TextEncoder().encode(name))
    : derContext(7, false, address);
}

function distinguishedName(commonName: string): Uint8Array {
  return derSequence(derSet(derSequence(derOid(COMMON_NAME), derUtf8(commonName))));
}

function signatureAlgorithm(key: KeyObject): Uint8Array {
  const NULL = derValue(5);
  return key.asymmetricKeyType === "ec"
    ? derSequence(derOid(ECDSA_SHA256))
    : derSequence(derOid(RSA_SHA256), NULL);
}

/** SubjectPublicKeyInfo. */
function publicKeyBytes(privateKey: KeyObject): Uint8Array {
  return new Uint8Array(createPublicKey(privateKey).export({ type: "spki", format: "der" }));
}

function keyId(privateKey: KeyObject): Uint8Array {
  return new Uint8Array(createHash("sha1").update(publicKeyBytes(privateKey)).digest());
}
