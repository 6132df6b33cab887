import { eachRoute, type Peer } from "../peer.ts";
import { routeHost, routeName, TLS_CURVE } from "../settings.ts";

const OPTIONS = ["--disable-hot-restart", "--log-level", "warn"] as const;

export const envoy: Peer = {
  name: "envoy",
  label: "Envoy",
  variable: "ENVOY",
  isCheckout: false,
  program: "envoy",
  debianPackage: null,
  template: "envoy.yaml",
  versionArguments: ["--version"],
  command: (binary, _places, shape, config) => ({
    words: [binary, "-c", config, ...OPTIONS, "--concurrency", String(shape.workers)],
  }),
  values: (places, shape) => ({
    DIR: places.directory,
    PLAIN_PORT: places.plainPort,
    FIRST_BACKEND: places.backends[0],
    SECOND_BACKEND: places.backends[1],
    ROUTES: eachRoute(
      shape,
      (index) =>
        `                    - { name: ${routeName(index)}, domains: [${routeHost(index)}], routes: [ { name: ${routeName(index)}, match: { prefix: / }, route: { cluster: web, timeout: 0s } } ] }`,
    ),
    // Of TLS 1.3, BoringSSL lets nobody choose ciphers: on processors with AES instructions it takes AES-128-GCM.
    TLS: shape.tls
      ? `    - name: tls
      address: { socket_address: { address: 127.0.0.1, port_value: ${places.tlsPort} } }
      tcp_backlog_size: 4096
      filter_chains:
        - filters: *filters
          transport_socket:
            name: envoy.transport_sockets.tls
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
              common_tls_context:
                alpn_protocols: [http/1.1]
                tls_params: { tls_minimum_protocol_version: TLSv1_3, tls_maximum_protocol_version: TLSv1_3, ecdh_curves: [${TLS_CURVE}] }
                tls_certificates:
                  - { certificate_chain: { filename: ${places.certificate} }, private_key: { filename: ${places.key} } }`
      : "",
  }),
};
