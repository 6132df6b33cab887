import { expect, test } from "bun:test";
import { issueCertificate } from "./issue_certificate.ts";
import { certificatePlan, contextsOf, OPTIONS, testFiles, tlsPlan } from "./test_tls.ts";
import { TlsSettingsError } from "./tls_contexts.ts";

const problem = (fields: Parameters<typeof tlsPlan>[0], files = testFiles()): string => {
  try {
    contextsOf(tlsPlan(fields), files);
    return "accepted";
  } catch (error) {
    if (!(error instanceof TlsSettingsError)) throw error;
    return error.message;
  }
};

test("H-F25/contexts names are found in any case of the certificate, one label for a wildcard", () => {
  const contexts = contextsOf(tlsPlan());
  const [a, b] = contexts.contexts;
  expect(contexts.default).toBe(a!);
  expect(contexts.find("a.test")).toBe(a!);
  expect(contexts.find("b.test")).toBe(b!);
  expect(contexts.find("q.w.test")).toBe(a!);
  for (const name of ["", "w.test", "q.q.w.test", "x.a.test", "c.test", ".w.test", "test"])
    expect([name, contexts.find(name)]).toEqual([name, null]);
});

test("names of the configuration replace those of the certificate; the earlier certificate wins", () => {
  const certificates = [certificatePlan("a", { names: ["b.test", "*.c.test"] }), certificatePlan("b")];
  const contexts = contextsOf(tlsPlan({ certificates }));
  expect(contexts.find("b.test")).toBe(contexts.default);
  expect(contexts.find("x.c.test")).toBe(contexts.default);
  expect(contexts.find("a.test")).toBeNull();
});

test("the name is needed before the handshake only where it decides about more than the certificate", () => {
  expect(contextsOf(tlsPlan()).needsName).toBe(false);
  expect(contextsOf(tlsPlan({ strict_sni: true })).needsName).toBe(true);
  const certificates = [
    certificatePlan("a"),
    certificatePlan("b", { options: { ...OPTIONS, max_version: "1.2" } }),
  ];
  expect(contextsOf(tlsPlan({ certificates })).needsName).toBe(true);
});

test("H-F19/contexts what has not changed keeps its context, what has gets a new one", () => {
  const before = contextsOf(tlsPlan());
  const renewed = issueCertificate({ commonName: "b.test", names: ["b.test"] });
  const after = contextsOf(tlsPlan(), testFiles({ b: renewed }), before);
  expect(after.contexts[0]).toBe(before.contexts[0]!);
  expect(after.contexts[1]).not.toBe(before.contexts[1]);
  expect(after.contexts[1]!.native).not.toBe(before.contexts[1]!.native);
  const turned = contextsOf(
    tlsPlan({ certificates: [certificatePlan("b"), certificatePlan("a")] }),
    testFiles(),
    before,
  );
  expect(turned.contexts).toEqual([before.contexts[1]!, before.contexts[0]!]);
  for (const fields of [
    { session_tickets: false },
    { max_version: "1.2" },
    { ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" },
    { curves: "X25519" },
    { client_auth: "request" },
    { client_ca: "/ca.crt" },
  ] as const)
    expect([
      fields,
      contextsOf(tlsPlan(fields), testFiles(), before).default.native === before.default.native,
    ]).toEqual([fields, false]);
});

test("H-A16/contexts a host with another rule for client certificates is not allowed", () => {
  const options = { ...OPTIONS, client_auth: "require_and_verify", client_ca: "/ca.crt" } as const;
  const certificates = [certificatePlan("a"), certificatePlan("b", { options })];
  const contexts = contextsOf(tlsPlan({ certificates }));
  const [a, b] = contexts.contexts;
  expect(contexts.clientRuleByName).toBe(true);
  expect(contexts.allowsHost(a!, "b.test")).toBe(false);
  expect(contexts.allowsHost(b!, "a.test")).toBe(false);
  expect(contexts.allowsHost(b!, "unknown.test")).toBe(false);
  expect(contexts.allowsHost(b!, "b.test")).toBe(true);
  expect(contexts.allowsHost(a!, "unknown.test")).toBe(true);
  expect(contextsOf(tlsPlan()).allowsHost(a!, "b.test")).toBe(true);
});

test("what cannot be used is one sentence with the file or the setting", () => {
  const files = testFiles();
  expect(problem({ certificates: [certificatePlan("missing")] })).toBe("/missing.crt has not been read");
  expect(problem({ certificates: [certificatePlan("a", { key: "/b.key" })] })).toStartWith(
    "/b.key is not the key of the certificate of CN=a.test",
  );
  expect(problem({}, { ...files, "/a.crt": "x" })).toStartWith("/a.crt holds no certificate");
  expect(problem({}, { ...files, "/a.key": "x" })).toStartWith("/a.key holds no private key");
  expect(problem({ client_auth: "verify_if_given", client_ca: "/a.key" })).toStartWith(
    "/a.key holds no certificate",
  );
  expect(problem({ ciphers: "NONSENSE" })).toBe('no cipher is known in "NONSENSE" (an OpenSSL cipher list)');
  expect(problem({ curves: "X25519:nonsense" })).toBe(
    'unknown curve in "X25519:nonsense" (such as X25519:P-256)',
  );
});

test("an expired certificate is served with a warning", () => {
  const expired = issueCertificate({ commonName: "a.test", notBefore: 0, notAfter: Date.UTC(2020, 0, 1) });
  const contexts = contextsOf(tlsPlan(), testFiles({ a: expired }));
  expect(contexts.warnings).toEqual([expect.stringContaining("/a.crt (CN=a.test) expired on 2020-01-01")]);
  expect(contextsOf(tlsPlan()).warnings).toEqual([]);
});

test("RSA keys make contexts too", () => {
  const rsa = issueCertificate({ commonName: "a.test", names: ["rsa.test"], keyType: "rsa" });
  expect(contextsOf(tlsPlan(), testFiles({ a: rsa })).find("rsa.test")).not.toBeNull();
});
