import { eachRoute, type Peer } from "../peer.ts";
import { routeHost, routeName, TLS_CURVE } from "../settings.ts";

export const caddy: Peer = {
  name: "caddy",
  label: "Caddy",
  variable: "CADDY",
  isCheckout: false,
  program: "caddy",
  debianPackage: "caddy",
  template: "Caddyfile",
  versionArguments: ["version"],
  command: (binary, { directory }, shape, config) => ({
    words: [binary, "run", "--config", config, "--adapter", "caddyfile"],
    env: {
      GOMAXPROCS: String(shape.workers),
      HOME: directory,
      XDG_CONFIG_HOME: directory,
      XDG_DATA_HOME: directory,
    },
  }),
  values: (places, shape) => ({
    DIR: places.directory,
    PLAIN_PORT: places.plainPort,
    FIRST_BACKEND: places.backends[0],
    SECOND_BACKEND: places.backends[1],
    ROUTES: eachRoute(shape, (index) => `\t\t${routeHost(index)} ${routeName(index)}`),
    // Of TLS 1.3, Go lets nobody choose ciphers: on processors with AES instructions it takes AES-128-GCM.
    TLS: shape.tls
      ? `https://:${places.tlsPort} {\n\tbind 127.0.0.1\n\ttls ${places.certificate} ${places.key} {\n\t\tprotocols tls1.3\n\t\tcurves ${TLS_CURVE.toLowerCase()}\n\t}\n\timport site ${places.tlsPort}\n}`
      : "",
  }),
};
