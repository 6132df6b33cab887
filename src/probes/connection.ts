/**
 * One connection of a probe: plain or TLS, with a PROXY protocol header first where the backend expects one. Whatever
 * happens, one call of `close` or `cut` frees the descriptor, and nothing is told after it.
 */
import { Attempt, createConnector, TLS_FAILED, type ClientTlsOptions } from "../platform/connect.ts";
import { errnoName } from "../platform/libc.ts";
import type { SocketAddress } from "../platform/socket_address.ts";

export interface ConnectionSettings {
  /** Options of the TLS handshake, null = plain. */
  readonly tls: ClientTlsOptions | null;
  /** Bytes that go before everything else, before TLS too; null = none. */
  readonly prelude: Uint8Array | null;
}

/** What the owner of a connection is told. At most one of `ended` and `failed` is called, and nothing after it. */
export interface ConnectionHandlers {
  /** The connection stands, with TLS: the handshake is over. Write now, not before. */
  connected(connection: ProbeConnection): void;
  data(bytes: Uint8Array): void;
  /** The peer has ended the connection in order. */
  ended(): void;
  /** There is no connection (any more). May be called before `openConnection` returns. */
  failed(reason: string): void;
}

export class ProbeConnection extends Attempt {
  /** Null when nobody wants to hear more. */
  #handlers: ConnectionHandlers | null;
  #waiting: Uint8Array | null = null;

  constructor(handlers: ConnectionHandlers) {
    super();
    this.#handlers = handlers;
  }

  /** Sends bytes, once, after `connected`; what the socket does not take at once waits for it. */
  write(bytes: Uint8Array): void {
    const taken = this.socket?.write(bytes) ?? -1;
    if (taken < 0) this.onFailed("the connection was closed");
    else if (taken < bytes.length) this.#waiting = bytes.subarray(taken);
  }

  /** Ends the connection in order (FIN). */
  close(): void {
    // Before, because the socket tells of its end at once.
    this.#handlers = null;
    if (this.connected) this.socket?.close();
    this.cut();
  }

  /** Cuts the connection or the attempt (RST). */
  cut(): void {
    this.#handlers = null;
    this.#waiting = null;
    connector.cancel(this);
  }

  // Events of the socket.

  onConnected(): void {
    this.#handlers?.connected(this);
  }

  onData(bytes: Uint8Array): void {
    this.#handlers?.data(bytes);
  }

  onDrain(): void {
    const bytes = this.#waiting;
    if (bytes === null) return;
    this.#waiting = null;
    this.write(bytes);
  }

  onEnded(): void {
    const handlers = this.#handlers;
    this.#handlers = null;
    handlers?.ended();
  }

  /** TLS broke after the handshake, such as by an alert; what our own code throws must be seen. */
  onError(error: Error & { readonly code?: string }): void {
    if (error.code === undefined) reportError(error);
    this.onFailed(`the connection broke (${error.code ?? error.message})`);
  }

  onFailed(reason: string): void {
    const handlers = this.#handlers;
    this.cut();
    handlers?.failed(reason);
  }
}

const connector = createConnector<ProbeConnection>({
  connected: (connection) => connection.onConnected(),
  failed(connection, code, reason) {
    const words = code === TLS_FAILED ? "the TLS handshake failed" : "no connection";
    const detail = code === TLS_FAILED ? reason : errnoName(code);
    connection.onFailed(detail === "" ? words : `${words} (${detail})`);
  },
  data: (connection, bytes) => connection.onData(bytes),
  drain: (connection) => connection.onDrain(),
  end: (connection) => connection.onEnded(),
  closed(connection, code) {
    if (code === 0) connection.onEnded();
    else connection.onFailed(`the connection was lost (${errnoName(code)})`);
  },
  error: (connection, error) => connection.onError(error),
});

/** Starts to connect. There is no timeout here: the owner cuts the connection at its deadline. */
export function openConnection(
  address: SocketAddress,
  settings: ConnectionSettings,
  handlers: ConnectionHandlers,
): ProbeConnection {
  const connection = new ProbeConnection(handlers);
  connector.connect(address, connection, settings.tls, settings.prelude);
  return connection;
}
