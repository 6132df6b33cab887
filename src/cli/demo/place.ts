/** The folder of a demo: configuration, certificate, log and state, all removed at the end. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { issueCertificate } from "../../platform/issue_certificate.ts";
import { DEMO_HOST, portOrAny } from "./addresses.ts";
import type { DemoBackend } from "./backends.ts";

const PLAIN_PORT = 8080;
const TLS_PORT = 8443;
const ADMIN_PORT = 9900;

export interface DemoPlace {
  readonly directory: string;
  readonly configuration: string;
  readonly certificate: string;
  readonly log: string;
  readonly hostsFile: string;
  remove(): void;
}

/** Makes a folder for temporary files with everything that `fairlead run` needs. The backends must be running. */
export function makePlace(backends: readonly DemoBackend[], workers: string): DemoPlace {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-demo-"));
  const path = (name: string): string => join(directory, name);
  const { cert, key } = issueCertificate({
    commonName: "localhost",
    names: ["localhost", "127.0.0.1", "::1"],
  });
  writeFileSync(path("localhost.crt"), cert);
  writeFileSync(path("localhost.key"), key, { mode: 0o600 });
  writeFileSync(path("fairlead.yaml"), configurationText(backends, workers, path("hosts")));
  return {
    directory,
    configuration: path("fairlead.yaml"),
    certificate: path("localhost.crt"),
    log: path("access.log"),
    hostsFile: path("hosts"),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

function configurationText(backends: readonly DemoBackend[], workers: string, hostsFile: string): string {
  const url = (id: string): string => {
    const found = backends.find((backend) => backend.id === id);
    if (found === undefined) throw new Error(`no backend ${id}`);
    return `http://${found.host}:${found.port}`;
  };
  return `# The configuration of this demo. Save a change, and it is in force.
workers: ${workers}
listeners:
  web: { address: "${DEMO_HOST}:${portOrAny(PLAIN_PORT)}" }
  secure:
    address: "${DEMO_HOST}:${portOrAny(TLS_PORT)}"
    tls: { certificates: [{ cert: localhost.crt, key: localhost.key }] }
pools:
  site:
    strategy: round_robin
    backends:
      - { id: site1, url: "${url("site1")}", weight: 2 }
      - { id: site2, url: "${url("site2")}" }
    health_check: { type: http, path: /healthz, interval: 1s, timeout: 500ms, healthy_after: 1, unhealthy_after: 2 }
  api:
    backends: [{ id: api1, url: "${url("api1")}" }]
    health_check: { type: http, path: /healthz, interval: 1s, timeout: 500ms, healthy_after: 1, unhealthy_after: 2 }
routes:
  - { name: api, match: "PathPrefix(\`/api/\`)", pool: api, middlewares: [{ strip_prefix: { prefixes: [/api] } }] }
  - { name: site, pool: site }
hosts:
  file: ${hostsFile}
  create: true
  names: [{ name: site.demo, pool: site, failback: { after: 3s } }]
timeouts: { drain: 2s, drain_tunnels: 2s }
observability:
  access_log: { path: access.log }
  metrics: { buckets: [1ms, 2ms, 3ms, 5ms, 10ms, 20ms, 50ms, 100ms, 250ms, 1s, 5s] }
admin: { address: "${DEMO_HOST}:${portOrAny(ADMIN_PORT)}" }
`;
}
