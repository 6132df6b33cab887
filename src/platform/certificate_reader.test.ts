import { expect, test } from "bun:test";
import { certificateReader, type CertificateFinding } from "./certificate_reader.ts";
import { CERTIFICATE_A, CERTIFICATE_B, ENCRYPTED_KEY, KEY_A, KEY_B } from "./test_certificates.ts";

const at = (date: string) => certificateReader(() => Date.parse(date));
const today = at("2030-01-01");
const lines = (findings: readonly CertificateFinding[]): string[] =>
  findings.map(({ about, severity, message }) => `${severity}: the ${about} ${message}`);

test("a certificate and its key, with and without a chain, give no finding", () => {
  expect(today.pair(CERTIFICATE_A, KEY_A)).toEqual([]);
  expect(today.pair(`${CERTIFICATE_A}text between\n${CERTIFICATE_B}`, KEY_A)).toEqual([]);
  expect(today.authorities(CERTIFICATE_A + CERTIFICATE_B)).toEqual([]);
});

test("the key of another certificate is told, the order of the chain counts", () => {
  const message =
    "error: the key is not the key of the certificate of CN=a.example; expected the private key that belongs to it";
  expect(lines(today.pair(CERTIFICATE_A, KEY_B))).toEqual([message]);
  expect(lines(today.pair(CERTIFICATE_A + CERTIFICATE_B, KEY_B))).toEqual([message]);
});

test("a certificate that is not valid now is a warning, to the second", () => {
  expect(lines(at("2026-11-20").pair(CERTIFICATE_A, KEY_A))).toEqual([
    expect.stringMatching(
      /^warning: the certificate \(CN=a\.example\) is valid from 2026-11-25 \d\d:\d\d UTC on; expected one that is valid now$/,
    ),
  ]);
  expect(lines(at("2127-01-01").pair(CERTIFICATE_B + CERTIFICATE_A, KEY_B))).toEqual([
    expect.stringMatching(
      /^warning: the certificate certificate 1 of 2 \(CN=b\.example\) expired on 2126-11-01/,
    ),
    expect.stringMatching(
      /^warning: the certificate certificate 2 of 2 \(CN=a\.example\) expired on 2126-11-01/,
    ),
  ]);
  expect(at("2126-11-01T13:45:07Z").pair(CERTIFICATE_A, KEY_A)).toEqual([]);
  expect(at("2126-11-01T13:45:08Z").pair(CERTIFICATE_A, KEY_A)).toHaveLength(1);
  expect(at("2026-11-25T13:45:07Z").pair(CERTIFICATE_A, KEY_A)).toEqual([]);
});

test.each([
  ["", "holds no certificate; expected PEM text with -----BEGIN CERTIFICATE-----"],
  [KEY_A, "holds no certificate; expected PEM text with -----BEGIN CERTIFICATE-----"],
  [CERTIFICATE_A.replace("MII", "MIZ"), "cannot be read; expected an X.509 certificate as PEM text"],
  [
    CERTIFICATE_A.replace("-----END", "!\n-----END"),
    "cannot be read; expected an X.509 certificate as PEM text",
  ],
])("what is no certificate is an error: %#", (text, message) => {
  const expected = { about: "certificate", severity: "error", message } as const;
  expect(today.pair(text, KEY_A)).toEqual([expected]);
  expect(today.authorities(text)).toEqual([expected]);
});

test.each([
  ["", "holds no private key that can be read; expected PEM text with -----BEGIN PRIVATE KEY-----"],
  [
    CERTIFICATE_A,
    "holds no private key that can be read; expected PEM text with -----BEGIN PRIVATE KEY-----",
  ],
  [ENCRYPTED_KEY, "is encrypted; expected a private key without a passphrase"],
])("what is no key is an error: %#", (text, message) => {
  expect(today.pair(CERTIFICATE_A, text)).toEqual([{ about: "key", severity: "error", message }]);
});

test("both files are told about at once", () => {
  expect(today.pair("x", "y").map(({ about }) => about)).toEqual(["certificate", "key"]);
});
