/** Plans and files of TLS for tests. */
import type { CertificatePlan, TlsOptions, TlsPlan } from "../core/plan.ts";
import { issueCertificate, type IssuedCertificate } from "./issue_certificate.ts";
import { prepareTls, type TlsContexts } from "./tls_contexts.ts";

export const OPTIONS: TlsOptions = {
  min_version: "1.2",
  max_version: "1.3",
  ciphers: "",
  curves: "",
  client_auth: "none",
  client_ca: null,
};

/** Two authorities, certificates for servers by the first one, and a client of each. Made once for a test run. */
function makePeople() {
  const authority = issueCertificate({ commonName: "first authority", authority: true });
  const stranger = issueCertificate({ commonName: "second authority", authority: true });
  return {
    authority,
    stranger,
    a: issueCertificate({ commonName: "a.test", names: ["A.test", "*.W.test"], issuer: authority }),
    b: issueCertificate({ commonName: "b.test", names: ["b.test"], issuer: authority }),
    client: issueCertificate({ commonName: "client", issuer: authority }),
    foreignClient: issueCertificate({ commonName: "foreign client", issuer: stranger }),
  };
}

let people: ReturnType<typeof makePeople> | null = null;

export function testPeople(): ReturnType<typeof makePeople> {
  return (people ??= makePeople());
}

/** The files of `testPeople`: `/a.crt`, `/a.key`, `/ca.crt` and so on. */
export function testFiles(more: Readonly<Record<string, IssuedCertificate>> = {}): Record<string, string> {
  const { authority, stranger, a, b, client, foreignClient } = testPeople();
  const files: Record<string, string> = { "/ca.crt": authority.cert, "/stranger.crt": stranger.cert };
  for (const [name, issued] of Object.entries({ a, b, client, foreignClient, ...more })) {
    files[`/${name}.crt`] = issued.cert;
    files[`/${name}.key`] = issued.key;
  }
  return files;
}

export function certificatePlan(name: string, fields: Partial<CertificatePlan> = {}): CertificatePlan {
  return { cert: `/${name}.crt`, key: `/${name}.key`, names: [], options: null, ...fields };
}

/** Certificates a (the default) and b. */
export function tlsPlan(fields: Partial<TlsPlan> = {}): TlsPlan {
  return {
    ...OPTIONS,
    certificates: [certificatePlan("a"), certificatePlan("b")],
    strict_sni: false,
    session_tickets: true,
    alpn: ["http/1.1"],
    ...fields,
  };
}

export function contextsOf(
  plan: TlsPlan,
  files: Readonly<Record<string, string>> = testFiles(),
  before: TlsContexts | null = null,
): TlsContexts {
  const steps = prepareTls(plan, files, before, Date.now());
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
