/**
 * What Bun 1.4.5 can do with TLS and does not document: every use of it stands in this file and is tried once at start
 * by `tls_self_check.ts`. Documented ways do the same, slower: `tls_node.ts`. See docs/decisions/0006-tls-hooks.md.
 *
 * - `Bun.listen` and `upgradeTLS` take a context of node:tls that was made before, as `tls.secureContext`.
 * - A listener calls `serverName(data, name, socket)` and uses the context that it returns.
 * - `upgradeTLS` acts as a server with `isServer`, and takes bytes that have been read already as `initialData`.
 *
 * Beside `secureContext` the options for client certificates must be said again: with `ALPNProtocols` alone `upgradeTLS`
 * asks for no certificate, whatever the context was made with.
 */
import type { SecureContext } from "node:tls";
import { acceptOn } from "./sockets.ts";

/** The part of a SecureContext that sockets take. */
export type NativeContext = object & { readonly nativeContext: never };

/** A context, and what it was made with. */
export interface SocketContext {
  readonly native: NativeContext;
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
}

export function nativeContext(context: SecureContext): NativeContext {
  return (context as unknown as { context: NativeContext }).context;
}

/** A TLS connection of the server: what Bun's sockets have of it, and those of `tls_node.ts`. */
export interface TlsServerSocket<Data> {
  data: Data;
  /** Name of the negotiated protocol, false = none. */
  readonly alpnProtocol: string | false | null;
  /** Returns the number of bytes taken, below 0 when the connection is closed. */
  write(bytes: Uint8Array, offset: number, length: number): number;
  pause(): void;
  resume(): void;
  /** close_notify and FIN. */
  shutdown(): void;
  /** Frees the descriptor at once only after `shutdown`; alone it waits for the client, whatever is called then. */
  end(): void;
  terminate(): void;
  /** `TLSv1.3` */
  getTLSVersion(): string;
  /** The name that the client asked for. */
  getServername(): unknown;
  /** An empty object or undefined when the client sent no certificate. */
  getPeerCertificate(): unknown;
}

export interface TlsServerHandlers<Data> {
  open(socket: TlsServerSocket<Data>): void;
  /**
   * `ok` = the handshake is complete. Then `error` is the verdict on the client's certificate, which means nothing when
   * no certificate came.
   */
  handshake(socket: TlsServerSocket<Data>, ok: boolean, error: (Error & { code?: string }) | null): void;
  data(socket: TlsServerSocket<Data>, bytes: Buffer): void;
  drain(socket: TlsServerSocket<Data>): void;
  end(socket: TlsServerSocket<Data>): void;
  close(socket: TlsServerSocket<Data>, error?: { errno?: number }): void;
  error(socket: TlsServerSocket<Data>, error: Error): void;
}

/** Options of a context with its list of protocols, in the form that sockets take. */
function tlsOptions(context: SocketContext, alpn: readonly string[]): Bun.TLSOptions {
  const { native, requestCert, rejectUnauthorized } = context;
  const options = {
    secureContext: native,
    ...(requestCert ? { requestCert, rejectUnauthorized } : {}),
    ...(alpn.length === 0 ? {} : { ALPNProtocols: alpnWire(alpn) }),
  };
  return options as unknown as Bun.TLSOptions;
}

/** Protocol names as they go over the wire: each after its length (RFC 7301 3.1). */
function alpnWire(names: readonly string[]): Buffer {
  return Buffer.concat(names.flatMap((name) => [Buffer.of(name.length), Buffer.from(name, "latin1")]));
}

/**
 * Accepts TLS connections on `fd` (see acceptOn). `context` serves clients that name nobody and those for which
 * `find` returns null; it also decides about versions, ciphers and client certificates of all of them.
 */
export function acceptTls<Data>(
  fd: number,
  backlog: number,
  options: {
    readonly data: Data;
    readonly context: SocketContext;
    readonly alpn: readonly string[];
    readonly find: (name: string) => SocketContext | null;
    readonly socket: TlsServerHandlers<Data>;
  },
): Bun.TCPSocketListener<Data> {
  const { data, context, alpn, find, socket } = options;
  const serverName = (_data: Data, name: string) => find(name)?.native;
  return acceptOn<Data>(fd, backlog, {
    data,
    tls: tlsOptions(context, alpn),
    socket: { ...socket, serverName } as unknown as Bun.SocketHandler<Data>,
  });
}

/**
 * Makes a plain connection, of which `received` has been read, a TLS connection of the server. From then on only
 * `socket`'s handlers count; the plain socket's handlers still see encrypted bytes and must ignore them.
 */
export function upgradeServer<Data>(
  plain: Bun.Socket<unknown>,
  options: {
    readonly data: Data;
    readonly context: SocketContext;
    readonly alpn: readonly string[];
    readonly received: Uint8Array;
    readonly socket: TlsServerHandlers<Data>;
  },
): void {
  const { data, context, alpn, received, socket } = options;
  const upgrade = { isServer: true, tls: tlsOptions(context, alpn), initialData: received, data, socket };
  plain.upgradeTLS(upgrade as unknown as Bun.TLSUpgradeOptions<Data>);
}
