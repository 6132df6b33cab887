/**
 * What Bun 1.4.5 can do with TLS and does not document: every use of it stands in this file and is tried once at start
 * by `tls_self_check.ts`. Documented ways do the same, slower: `tls_stream.ts`. See docs/decisions/0006-tls-hooks.md.
 *
 * - `Bun.listen` and `upgradeTLS` take a context of node:tls that was made before, as `tls.secureContext`.
 * - A listener calls `serverName(data, name, socket)` and uses the context that it returns.
 * - `upgradeTLS` acts as a server with `isServer`, and takes bytes that have been read already as `initialData`.
 */
import type { SecureContext } from "node:tls";
import { acceptOn } from "./sockets.ts";

/** The part of a SecureContext that sockets take. */
export type NativeContext = object & { readonly nativeContext: never };

export function nativeContext(context: SecureContext): NativeContext {
  return (context as unknown as { context: NativeContext }).context;
}

/** A TLS socket of Bun, as far as servers use it beside reading and writing. */
export type TlsServerSocket<Data> = Bun.Socket<Data> & {
  /** Name of the negotiated protocol, false = none. */
  readonly alpnProtocol: string | false;
};

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
function tlsOptions(context: NativeContext, alpn: readonly string[]): Bun.TLSOptions {
  const options = { secureContext: context, ...(alpn.length === 0 ? {} : { ALPNProtocols: alpnWire(alpn) }) };
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
    readonly context: NativeContext;
    readonly alpn: readonly string[];
    readonly find: (name: string) => NativeContext | null;
    readonly socket: TlsServerHandlers<Data>;
  },
): Bun.TCPSocketListener<Data> {
  const { data, context, alpn, find, socket } = options;
  const serverName = (_data: Data, name: string) => find(name) ?? undefined;
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
    readonly context: NativeContext;
    readonly alpn: readonly string[];
    readonly received: Uint8Array;
    readonly socket: TlsServerHandlers<Data>;
  },
): void {
  const { data, context, alpn, received, socket } = options;
  const upgrade = { isServer: true, tls: tlsOptions(context, alpn), initialData: received, data, socket };
  plain.upgradeTLS(upgrade as unknown as Bun.TLSUpgradeOptions<Data>);
}
