import { eachRoute, type Peer } from "../peer.ts";
import { routeHost, routeName, TLS_CURVE } from "../settings.ts";

/** A checkout of Fairlead as a peer. */
function checkout(name: string, label: string, variable: string): Peer {
  return {
    name,
    label,
    variable,
    isCheckout: true,
    program: "",
    debianPackage: null,
    template: "fairlead.yaml",
    versionArguments: [],
    command: (binary, _places, _shape, config) => ({ words: [binary, "run", "--config", config] }),
    values: (places, shape) => ({
      DIR: places.directory,
      WORKERS: shape.workers,
      PLAIN_PORT: places.plainPort,
      ADMIN_PORT: places.adminPort,
      FIRST_BACKEND: places.backends[0],
      SECOND_BACKEND: places.backends[1],
      ROUTES: eachRoute(
        shape,
        (index) => `  - { name: ${routeName(index)}, match: "Host(\`${routeHost(index)}\`)", pool: web }`,
      ),
      // Of TLS 1.3, BoringSSL lets nobody choose ciphers: on processors with AES instructions it takes AES-128-GCM.
      TLS: shape.tls
        ? `  secure:
    address: "127.0.0.1:${places.tlsPort}"
    tls:
      min_version: "1.3"
      curves: ${TLS_CURVE}
      certificates: [ { cert: ${places.certificate}, key: ${places.key} } ]`
        : "",
    }),
  };
}

export const fairlead: Peer = checkout("fairlead", "Fairlead", "FAIRLEAD");
/** Another checkout, to see what a change costs or saves: measured in turn in the same run. */
export const fairleadBase: Peer = checkout("base", "Fairlead (base)", "FAIRLEAD_BASE");
