import { eachRoute, type Peer, type Shape } from "../peer.ts";
import { ASKED_ROUTE, routeHost, routeName, routePrefix, TLS_CURVE } from "../settings.ts";

function routesOf(shape: Shape): string {
  const line = (name: string, match: string): string => `  - { name: ${name}, match: "${match}", pool: web }`;
  const host = (index: number): string => `Host(\`${routeHost(index)}\`)`;
  if (shape.routedBy === "host") return eachRoute(shape, (index) => line(routeName(index), host(index)));
  const asked = host(ASKED_ROUTE);
  const prefix = (index: number): string => `${asked} && PathPrefix(\`${routePrefix(index)}\`)`;
  const bare = line("bare", `${asked} && Path(\`/25b\`)`);
  return `${bare}\n${eachRoute(shape, (index) => line(routeName(index), prefix(index)))}`;
}

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
      ROUTES: routesOf(shape),
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
export const fairleadBase: Peer = checkout("base", "Fairlead (base)", "BASE");
