/** What all peers of the HTTP bench have in common. */

/** Core of the load, the backends and the bench itself. */
export const LOAD_CORE = 0;
/** Core of the peer that is measured, with everything that belongs to it. */
export const PEER_CORE = 1;

/** Name that clients give in TLS; the certificate holds it. */
export const SERVER_NAME = "localhost";

export const TLS_CIPHER = "TLS_AES_128_GCM_SHA256";
export const TLS_CURVE = "X25519";

const digits = 5;
/** Host name of route `index`. */
export const routeHost = (index: number): string =>
  `service-${String(index).padStart(digits, "0")}.bench.example`;
/** Beginning of the paths of route `index` where routes are told apart by it; all are on the host of `ASKED_ROUTE`. */
export const routePrefix = (index: number): string => `/${routeName(index)}/`;
/** Name of route `index` in configurations and logs. */
export const routeName = (index: number): string => `service-${String(index).padStart(digits, "0")}`;

/** Routes of a usual configuration; the load asks for one of them. */
export const FEW_ROUTES = 10;
export const MANY_ROUTES = 10_000;
export const ASKED_ROUTE = 7;

/** Static answers of the backends: path and size in bytes. */
export const BODIES = { "/25b": 25, "/100k": 102_400, "/10m": 10_485_760 } as const;
export const UPLOAD_BYTES = 102_400;
