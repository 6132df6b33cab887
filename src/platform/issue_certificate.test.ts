import { expect, test } from "bun:test";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { certificateNames } from "./certificate_names.ts";
import { certificateReader } from "./certificate_reader.ts";
import { issueCertificate } from "./issue_certificate.ts";
import { requireTool } from "../../test/support/require.ts";

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
  expect(certificateReader(Date.now).pair(leaf.cert, leaf.key)).toEqual([]);
});

const noOpenssl = requireTool("openssl");

test.skipIf(noOpenssl !== null)("OpenSSL reads what is issued, RSA too", () => {
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

test("names are the alternative DNS names, or else the common name", () => {
  expect(certificateNames(leaf.cert)).toEqual(["a.test", "*.w.test"]);
  expect(certificateNames(issueCertificate({ commonName: "Old.test" }).cert)).toEqual(["old.test"]);
  expect(certificateNames(issueCertificate({ commonName: "x.test", names: ["127.0.0.1"] }).cert)).toEqual([]);
});
