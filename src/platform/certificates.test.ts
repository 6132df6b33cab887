import { expect, test } from "bun:test";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { authoritiesProblem, checkCertificate, inspectCertificate } from "./certificates.ts";
import { issueCertificate } from "./certificates_issue.ts";

const NOW = Date.now();
const FILES = { cert: "/etc/a.crt", key: "/etc/a.key" };
const authority = issueCertificate({ commonName: "test authority", authority: true });
const leaf = issueCertificate({
  commonName: "a.test",
  names: ["A.test", "*.W.test", "127.0.0.1", "::1"],
  issuer: authority,
});

test("an issued certificate verifies by its authority and is for its names", () => {
  const [own, issuer] = [leaf.cert, authority.cert].map((pem) => new X509Certificate(pem));
  expect(own!.verify(issuer!.publicKey)).toBe(true);
  expect(own!.checkIssued(issuer!)).toBe(true);
  expect(issuer!.ca).toBe(true);
  expect(own!.ca).toBe(false);
  expect(own!.checkHost("a.test")).toBe("A.test");
  expect(own!.checkHost("x.w.test")).toBe("*.W.test");
  expect(own!.checkIP("127.0.0.1")).toBe("127.0.0.1");
  expect(own!.checkPrivateKey(createPrivateKey(leaf.key))).toBe(true);
});

test("OpenSSL reads and verifies what is issued, RSA too", () => {
  const rsa = issueCertificate({
    commonName: "rsa.test",
    names: ["rsa.test"],
    keyType: "rsa",
    issuer: authority,
  });
  for (const { cert } of [leaf, rsa]) {
    const shown = Bun.spawnSync(["openssl", "x509", "-noout", "-text"], { stdin: Buffer.from(cert) });
    const text = shown.stdout.toString();
    expect(text).toContain("Issuer: CN = test authority");
    expect(text).toContain("X509v3 Authority Key Identifier");
    expect(text).toMatch(/DNS:(?:A|rsa)\.test/);
  }
});

test("what is right has names, an end and nothing to say", () => {
  const found = inspectCertificate(leaf.cert, leaf.key, NOW, FILES);
  expect(found).toMatchObject({ names: ["a.test", "*.w.test"], problem: null, warning: null });
  expect(found.notAfter).toBeGreaterThan(NOW + 364 * 86_400_000);
  expect(checkCertificate(leaf.cert, leaf.key)).toMatchObject({ problem: null, warning: null });
});

test("without alternative names the common name counts", () => {
  const old = issueCertificate({ commonName: "Old.test" });
  expect(inspectCertificate(old.cert, old.key, NOW).names).toEqual(["old.test"]);
});

test("dates outside of the validity are a warning", () => {
  const day = 86_400_000;
  const expired = issueCertificate({
    commonName: "x",
    notBefore: Date.UTC(2020, 0, 1),
    notAfter: Date.UTC(2020, 1, 3),
  });
  expect(inspectCertificate(expired.cert, expired.key, NOW, FILES).warning).toBe(
    "the certificate in /etc/a.crt expired on 2020-02-03",
  );
  const early = issueCertificate({ commonName: "x", notBefore: NOW + day, notAfter: Date.UTC(2077, 0, 1) });
  expect(inspectCertificate(early.cert, early.key, NOW, FILES).warning).toContain("is not valid before");
});

test("each fault is one sentence with the file", () => {
  const other = issueCertificate({ commonName: "other" });
  const problem = (cert: string, key: string) => inspectCertificate(cert, key, NOW, FILES).problem;
  expect(problem("", leaf.key)).toBe(
    "/etc/a.crt holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)",
  );
  expect(problem(leaf.cert, leaf.cert)).toBe(
    "/etc/a.key holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)",
  );
  expect(problem(leaf.cert, other.key)).toBe(
    "the private key in /etc/a.key does not belong to the certificate in /etc/a.crt",
  );
  const encrypted = leaf.privateKey.export({
    type: "pkcs8",
    format: "pem",
    cipher: "aes-128-cbc",
    passphrase: "x",
  });
  expect(problem(leaf.cert, encrypted as string)).toBe(
    "the private key in /etc/a.key is encrypted; a key without a passphrase is expected",
  );
  expect(problem(leaf.cert, leaf.key.replace(/\n[^-\n]+\n/, "\nAAAA\n"))).toContain(
    "is damaged or of an unknown kind",
  );
  const damaged = leaf.cert.replace(/(CERTIFICATE-----\n)[^-]+(?=-----END CERTIFICATE-----\n$)/, "$1AAAA\n");
  expect(problem(damaged, leaf.key)).toContain("certificate 2 of 2 in /etc/a.crt is damaged");
  expect(authoritiesProblem(authority.cert, "/etc/ca.crt")).toBeNull();
  expect(authoritiesProblem(leaf.key, "/etc/ca.crt")).toContain("/etc/ca.crt holds no certificate");
  expect(checkCertificate(leaf.cert, other.key).problem).toBe(
    "the private key in the key file does not belong to the certificate in the file",
  );
});
