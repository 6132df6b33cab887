import { eachRoute, type Peer, type Shape } from "../peer.ts";
import { ASKED_ROUTE, routeHost, routePrefix, TLS_CIPHER, TLS_CURVE } from "../settings.ts";

function routesOf(shape: Shape, listen: string): string {
  const server = (host: string, locations: string): string =>
    `    server { ${listen} server_name ${host}; ${locations} }`;
  const location = (where: string): string => `location ${where} { proxy_pass http://web; }`;
  if (shape.routedBy === "host") return eachRoute(shape, (index) => server(routeHost(index), location("/")));
  const prefixes = eachRoute(shape, (index) => location(`^~ ${routePrefix(index)}`));
  return server(routeHost(ASKED_ROUTE), `${location("= /25b")}\n${prefixes}`);
}

export const nginx: Peer = {
  name: "nginx",
  label: "nginx",
  variable: "NGINX",
  isCheckout: false,
  program: "nginx",
  debianPackage: "nginx",
  template: "nginx.conf",
  versionArguments: ["-v"],
  command: (binary, { directory }, _shape, config) => ({ words: [binary, "-p", directory, "-c", config] }),
  values(places, shape) {
    // With more workers than one, each gets a queue of its own, as those of Fairlead do.
    const listen = (port: number, more: string): string =>
      `listen 127.0.0.1:${port}${more} backlog=4096${shape.workers > 1 ? " reuseport" : ""} default_server;`;
    const first = [
      `    server {`,
      `        ${listen(places.plainPort, "")}`,
      ...(shape.tls ? [`        ${listen(places.tlsPort, " ssl")}`] : []),
      `        return 404;`,
      `    }`,
    ].join("\n");
    const tlsListen = shape.tls ? ` listen 127.0.0.1:${places.tlsPort} ssl;` : "";
    return {
      DIR: places.directory,
      WORKERS: shape.workers,
      OPEN_FILES: places.openFiles,
      FIRST_BACKEND: places.backends[0],
      SECOND_BACKEND: places.backends[1],
      TLS: shape.tls
        ? [
            `    ssl_certificate ${places.certificate};`,
            `    ssl_certificate_key ${places.key};`,
            `    ssl_protocols TLSv1.3;`,
            `    ssl_conf_command Ciphersuites ${TLS_CIPHER};`,
            `    ssl_ecdh_curve ${TLS_CURVE};`,
            `    ssl_session_tickets on;`,
            `    ssl_session_timeout 1h;`,
          ].join("\n")
        : "",
      ROUTES: `${first}\n${routesOf(shape, `listen 127.0.0.1:${places.plainPort};${tlsListen}`)}`,
    };
  },
};
