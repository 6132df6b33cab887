/**
 * One connection of a probe: plain or TLS, with a PROXY protocol header first where the backend expects one. Whatever
 * happens, one call of `close` or `cut` frees the descriptor, and nothing is told after it.
 */
import { Attempt, createConnector, TLS_FAILED } from "../platform/connect.ts";
import { errnoName } from "../platform/libc.ts";
import type { SocketAddress } from "../platform/socket_address.ts";

export interface ConnectionSettings {
  /** Options of the TLS handshake, null = plain. */
  readonly tls: Bun.TLSOptions | null;
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

type AnySocket = Bun.Socket<unknown> & { close(): void };

export class ProbeConnection extends Attempt {
  readonly #settings: ConnectionSettings;
  /** Null when nobody wants to hear more. */
  #handlers: ConnectionHandlers | null;
  /** The socket after a handshake on top of the plain one. */
  #secured: AnySocket | null = null;
  #waiting: Uint8Array | null = null;

  constructor(settings: ConnectionSettings, handlers: ConnectionHandlers) {
    super();
    this.#settings = settings;
    this.#handlers = handlers;
  }

  /** Handshakes that the connector makes itself: those without a prelude. */
  get directTls(): Bun.TLSOptions | null {
    return this.#settings.prelude === null ? this.#settings.tls : null;
  }

  get #socket(): AnySocket | null {
    return this.#secured ?? this.socket;
  }

  /** Sends bytes, once, after `connected`; what the socket does not take at once waits for it. */
  write(bytes: Uint8Array): void {
    const taken = this.#socket?.write(bytes) ?? -1;
    if (taken < 0) this.onFailed("the connection was closed");
    else if (taken < bytes.length) this.#waiting = bytes.subarray(taken);
  }

  /** Ends the connection in order (FIN). */
  close(): void {
    this.#end((socket) => socket.close());
  }

  /** Cuts the connection or the attempt (RST). */
  cut(): void {
    this.#end((socket) => socket.terminate());
  }

  #end(how: (socket: AnySocket) => void): void {
    this.#handlers = null;
    this.#waiting = null;
    const socket = this.#socket;
    if (this.connected && socket !== null) how(socket);
    this.#secured = null;
    // Marks the attempt as ended, and frees the descriptor where it is still pending.
    connector.cancel(this);
  }

  // Events of the socket.

  onConnected(): void {
    const { prelude, tls } = this.#settings;
    if (prelude !== null) {
      if (this.socket!.write(prelude) !== prelude.length) return this.onFailed("the connection was closed");
      if (tls !== null) return this.#secure(tls);
    }
    this.#handlers?.connected(this);
  }

  /** TLS after the prelude. The plain socket then shows the encrypted bytes too: see `onPlainData`. */
  #secure(tls: Bun.TLSOptions): void {
    const [, secured] = this.socket!.upgradeTLS({
      data: null,
      tls,
      socket: this.#securedHandlers(tls),
    } as never);
    this.#secured = secured as unknown as AnySocket;
  }

  #securedHandlers(tls: Bun.TLSOptions) {
    return {
      handshake: (_: unknown, authorized: boolean, error: { readonly code?: string } | null) => {
        const code = error?.code ?? "";
        if (authorized || (tls.rejectUnauthorized === false && code !== "EPROTO" && code !== "ECONNRESET"))
          this.#handlers?.connected(this);
        else this.onFailed(tlsReason(code));
      },
      data: (_: unknown, bytes: Uint8Array) => this.#handlers?.data(bytes),
      drain: () => this.onDrain(),
      end: () => this.onEnded(),
      close: () => this.onEnded(),
      error: (_: unknown, error: Error) => this.onError(error),
    };
  }

  onPlainData(bytes: Uint8Array): void {
    if (this.#secured === null) this.#handlers?.data(bytes);
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

function tlsReason(code: string): string {
  return `the TLS handshake failed${code === "" ? "" : ` (${code})`}`;
}

const connector = createConnector<ProbeConnection>({
  connected: (connection) => connection.onConnected(),
  failed(connection, code, reason) {
    const words = code === TLS_FAILED ? tlsReason(reason) : `no connection (${errnoName(code)})`;
    connection.onFailed(words);
  },
  data: (connection, bytes) => connection.onPlainData(bytes),
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
  const connection = new ProbeConnection(settings, handlers);
  connector.connect(address, connection, connection.directTls);
  return connection;
}
