import { join } from "node:path";
import { eachRoute, type Peer, type Shape } from "../peer.ts";
import { routeHost, routeName, routePrefix, TLS_CIPHER, TLS_CURVE } from "../settings.ts";

function routesOf(shape: Shape): string {
  if (shape.routedBy === "host")
    return `${eachRoute(shape, (index) => `${routeHost(index)} ${routeName(index)}`)}\n`;
  return `/25b bare\n${eachRoute(shape, (index) => `${routePrefix(index)} ${routeName(index)}`)}\n`;
}

export const haproxy: Peer = {
  name: "haproxy",
  label: "HAProxy",
  variable: "HAPROXY",
  isCheckout: false,
  program: "haproxy",
  debianPackage: "haproxy",
  template: "haproxy.cfg",
  versionArguments: ["-v"],
  // It writes no log files by itself. A ring buffer with a writer behind it cost as much and lost lines under load;
  // datagrams to a writer cost more.
  command: (binary, { directory }, _shape, config) => ({
    words: [binary, "-db", "-f", config],
    stdoutFile: join(directory, "access.log"),
  }),
  values: (places, shape) => ({
    WORKERS: shape.workers,
    PLAIN_PORT: places.plainPort,
    FIRST_BACKEND: places.backends[0],
    SECOND_BACKEND: places.backends[1],
    ROUTE:
      shape.routedBy === "host"
        ? `var(txn.host),host_only,lower,map_str(${places.directory}/routes.map)`
        : `path,map_beg(${places.directory}/routes.map)`,
    TLS: shape.tls
      ? `    bind 127.0.0.1:${places.tlsPort} backlog 4096 ssl crt ${places.certificateAndKey} alpn http/1.1 ssl-min-ver TLSv1.3 ssl-max-ver TLSv1.3 ciphersuites ${TLS_CIPHER} curves ${TLS_CURVE}`
      : "",
  }),
  files: (_places, shape) => ({
    "routes.map": routesOf(shape),
  }),
};
