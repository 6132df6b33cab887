/**
 * TLS of the server by documented means alone: sockets of node:net and node:tls. Takes the place of `tls_hooks.ts` where
 * the self-check finds that its ways do not work. Slower, as every event goes through a stream.
 */
import type { Server, Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { libc } from "./libc.ts";
import type { TlsContext } from "./tls_contexts.ts";
import type { TlsServerHandlers, TlsServerSocket } from "./tls_hooks.ts";
import { nodeNet, nodeTls } from "./tls_modules.ts";

/** Who gets the events of a plain socket. */
export interface PlainEvents {
  onData(bytes: Uint8Array): void;
  onEnd(): void;
  /** `code` is an error number, 0 = closed in order. */
  onClose(code: number): void;
}

/** A listening socket of node:net. */
export interface NodeListener {
  readonly fd: number;
  stop(): void;
}

/**
 * Accepts connections on `fd`, which belongs to the listener from now on. `open` gives a new connection its owner
 * (`data`). An error that a handler throws cuts its connection and is told to `failed`.
 */
export function acceptByNode(
  fd: number,
  backlog: number,
  handlers: { open(socket: NodeSocket): void; failed(error: Error): void },
): NodeListener {
  const server: Server = nodeNet().createServer({ allowHalfOpen: true }, (socket) => {
    const plain = new NodeSocket(socket, handlers.failed);
    guarded(socket, handlers.failed, () => handlers.open(plain));
  });
  server.on("error", handlers.failed);
  server.listen({ fd }, () => void libc.listen(fd, backlog));
  return { fd, stop: () => void server.close() };
}

/** Runs a handler; what it throws is a fault of ours. */
function guarded(socket: Socket, failed: (error: Error) => void, run: () => void): void {
  try {
    run();
  } catch (error) {
    socket.destroy();
    failed(error as Error);
  }
}

/** A plain connection, before it becomes TLS. */
export class NodeSocket {
  data: PlainEvents = { onData() {}, onEnd() {}, onClose() {} };
  readonly #socket: Socket;
  readonly #failed: (error: Error) => void;
  #errorNumber = 0;

  constructor(socket: Socket, failed: (error: Error) => void) {
    this.#socket = socket;
    this.#failed = failed;
    const tell = (run: () => void) => guarded(socket, failed, run);
    socket.on("data", (bytes: Buffer) => tell(() => this.data.onData(bytes)));
    socket.on("end", () => tell(() => this.data.onEnd()));
    socket.on("error", (error: { errno?: number }) => (this.#errorNumber = Math.abs(error.errno ?? 0)));
    socket.on("close", () => tell(() => this.data.onClose(this.#errorNumber)));
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.#socket.remotePort;
  }

  get localAddress(): string | undefined {
    return this.#socket.localAddress;
  }

  get localPort(): number | undefined {
    return this.#socket.localPort;
  }

  /** The stream keeps what it is given. */
  write(bytes: Uint8Array, offset: number, length: number): number {
    this.#socket.write(bytes.slice(offset, offset + length));
    return length;
  }

  end(): void {
    this.#socket.destroySoon();
  }

  terminate(): void {
    this.#socket.resetAndDestroy();
  }

  /** Makes this connection, of which `received` has been read, a TLS connection of the server. */
  upgrade<Data>(options: {
    readonly data: Data;
    readonly context: TlsContext;
    readonly alpn: readonly string[];
    readonly received: Uint8Array;
    readonly socket: TlsServerHandlers<Data>;
  }): void {
    const plain = this.#socket;
    plain.removeAllListeners("data").removeAllListeners("end");
    plain.pause();
    plain.unshift(options.received);
    const { secure, requestCert } = options.context;
    const tls = new (nodeTls().TLSSocket)(plain, {
      isServer: true,
      allowHalfOpen: true,
      secureContext: secure,
      requestCert,
      // The verdict is given after the handshake, by the same code as for the other ways.
      rejectUnauthorized: false,
      ...(options.alpn.length === 0 ? {} : { ALPNProtocols: [...options.alpn] }),
    } as ConstructorParameters<typeof TLSSocket>[1]);
    const socket = new NodeTlsSocket<Data>(options.data, tls, plain);
    forwardEvents(plain, tls, socket, options.socket, this.#failed);
    options.socket.open(socket);
  }
}

function forwardEvents<Data>(
  plain: Socket,
  tls: TLSSocket,
  socket: NodeTlsSocket<Data>,
  handlers: TlsServerHandlers<Data>,
  failed: (error: Error) => void,
): void {
  const tell = (run: () => void) => guarded(plain, failed, run);
  let shaken = false;
  tls.on("secure", () => {
    shaken = true;
    const code = (tls as unknown as { authorizationError: string | null }).authorizationError;
    const verdict = code == null ? null : Object.assign(new Error(code), { code });
    tell(() => handlers.handshake(socket, true, verdict));
  });
  tls.on("error", (error: Error & { code?: string }) => {
    if (shaken) return;
    shaken = true;
    tell(() => handlers.handshake(socket, false, error));
  });
  tls.on("data", (bytes: Buffer) => tell(() => handlers.data(socket, bytes)));
  tls.on("drain", () => tell(() => handlers.drain(socket)));
  tls.on("end", () => tell(() => handlers.end(socket)));
  tls.on("close", () => tell(() => handlers.close(socket)));
}

class NodeTlsSocket<Data> implements TlsServerSocket<Data> {
  data: Data;
  readonly #tls: TLSSocket;
  readonly #plain: Socket;

  constructor(data: Data, tls: TLSSocket, plain: Socket) {
    this.data = data;
    this.#tls = tls;
    this.#plain = plain;
  }

  get alpnProtocol(): string | false | null {
    return this.#tls.alpnProtocol;
  }

  /** The stream keeps what it is given, so it gets a copy, and nothing while it has enough. */
  write(bytes: Uint8Array, offset: number, length: number): number {
    const tls = this.#tls;
    if (tls.destroyed || tls.writableEnded) return -1;
    if (tls.writableNeedDrain) return 0;
    tls.write(bytes.slice(offset, offset + length));
    return length;
  }

  pause(): void {
    this.#tls.pause();
  }

  resume(): void {
    this.#tls.resume();
  }

  shutdown(): void {
    this.#tls.end();
  }

  end(): void {
    this.#tls.destroySoon();
  }

  terminate(): void {
    this.#plain.resetAndDestroy();
    this.#tls.destroy();
  }

  getTLSVersion(): string {
    return this.#tls.getProtocol() ?? "";
  }

  getServername(): unknown {
    return (this.#tls as unknown as { servername: string | false | null }).servername;
  }

  getPeerCertificate(): unknown {
    return this.#tls.getPeerCertificate();
  }
}
