/** The part of a connection's life between its first TLS byte and the first byte of its application. */
import type { ErrorCode } from "../core/errors.ts";
import type { ClientAuth } from "../core/plan.ts";
import type { TlsContext, TlsContexts } from "../platform/tls_contexts.ts";
import type { TlsServerHandlers, TlsServerSocket } from "../platform/tls_hooks.ts";
import { Timed } from "../platform/timer_wheel.ts";
import type { ByteSocket } from "./h1/output.ts";
import type { SocketClient } from "./listener_client.ts";
import {
  closeCode,
  NOBODY,
  type ByteConsumer,
  type ListenerHost,
  type ListenerState,
  type TlsSession,
} from "./listener_host.ts";

type Socket = TlsServerSocket<ByteConsumer>;

/** Owner of a TLS connection until its handshake is over. */
export class TlsHandshake extends Timed implements ByteConsumer {
  readonly #state: ListenerState;
  readonly #client: SocketClient;
  readonly #contexts: TlsContexts;
  readonly #context: TlsContext;
  #socket: Socket | null = null;
  #over = false;

  /** `context`: the one that decides about client certificates. */
  constructor(state: ListenerState, client: SocketClient, contexts: TlsContexts, context: TlsContext) {
    super();
    this.#state = state;
    this.#client = client;
    this.#contexts = contexts;
    this.#context = context;
    state.opening++;
  }

  /** The socket is there; nothing has been read from it. */
  begin(socket: Socket): void {
    this.#socket = socket;
  }

  /** `ok` and `error` as in TlsServerHandlers. */
  finish(socket: Socket, ok: boolean, error: (Error & { code?: string }) | null): void {
    if (this.#over) return;
    const problem = ok ? clientProblem(this.#context.clientAuth, socket, error) : handshakeProblem(error);
    if (problem !== null) {
      this.#reject("FL_TLS_HANDSHAKE", problem);
      // A handshake that fails has sent its alert and closes by itself.
      if (ok) cut(socket);
      return;
    }
    this.#end();
    const consumer = this.#state.host.accept(new TlsByteSocket(socket), this.#client, this.#session(socket));
    if (consumer === null) cut(socket);
    else socket.data = consumer;
  }

  #session(socket: Socket): TlsSession {
    const name = socket.getServername();
    return new Session(
      typeof name === "string" ? name.toLowerCase() : "",
      socket.getTLSVersion() === "TLSv1.2" ? "1.2" : "1.3",
      socket.alpnProtocol || "",
      this.#contexts,
      this.#context,
    );
  }

  #reject(code: ErrorCode, detail: string): void {
    if (this.#over) return;
    this.#end();
    this.#state.host.rejected(code, detail, this.#client, true);
  }

  #end(): void {
    this.#over = true;
    this.#state.opening--;
    this.#state.host.wheel.remove(this);
  }

  override onDeadline(): void {
    this.#reject("FL_TLS_TIMEOUT", "the TLS handshake was not complete in time");
    if (this.#socket !== null) cut(this.#socket);
  }

  onData(): void {}
  onDrain(): void {}
  onEnd(): void {}

  onClose(): void {
    this.#reject("FL_TLS_HANDSHAKE", "the client closed the connection during the TLS handshake");
  }
}

function cut(socket: Socket): void {
  socket.data = NOBODY;
  socket.terminate();
}

function handshakeProblem(error: (Error & { code?: string }) | null): string {
  // error:1000009c:SSL routines:OPENSSL_internal:HTTP_REQUEST
  const reason = error?.message.split(":").at(-1) ?? "unknown";
  return `the TLS handshake failed: ${reason}`;
}

/** Why a client must not come in although the handshake is complete, or null. */
function clientProblem(auth: ClientAuth, socket: Socket, error: { code?: string } | null): string | null {
  if (auth === "none" || auth === "request") return null;
  const given = Object.keys((socket.getPeerCertificate() as object | undefined) ?? {}).length > 0;
  if (!given) return auth === "verify_if_given" ? null : "the client sent no certificate";
  if (auth === "require_any" || error === null) return null;
  return `the client's certificate was not accepted: ${error.code ?? "unknown"}`;
}

class Session implements TlsSession {
  readonly serverName: string;
  readonly version: string;
  readonly alpn: string;
  readonly #contexts: TlsContexts;
  readonly #context: TlsContext;

  constructor(serverName: string, version: string, alpn: string, contexts: TlsContexts, context: TlsContext) {
    this.serverName = serverName;
    this.version = version;
    this.alpn = alpn;
    this.#contexts = contexts;
    this.#context = context;
  }

  get checksHosts(): boolean {
    return this.#contexts.clientRuleByName;
  }

  allowsHost(host: string): boolean {
    return this.#contexts.allowsHost(this.#context, host);
  }
}

/** A TLS socket that ends as writers expect it: with close_notify, and with its descriptor free at once. */
class TlsByteSocket implements ByteSocket {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get fd(): number {
    return (this.#socket as { readonly fd?: number }).fd ?? -1;
  }

  write(bytes: Uint8Array, offset: number, length: number): number {
    return this.#socket.write(bytes, offset, length);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  shutdown(): void {
    this.#socket.shutdown();
  }

  close(): void {
    this.#socket.shutdown();
    this.#socket.end();
  }

  terminate(): void {
    this.#socket.terminate();
  }
}

/**
 * Handlers for the TLS sockets of a listener. `open` makes the owner of a new socket, or finds it in its data.
 */
export function tlsHandlers(
  host: ListenerHost,
  open: (socket: Socket) => void,
): TlsServerHandlers<ByteConsumer> {
  return {
    open,
    handshake(socket, ok, error) {
      if (socket.data instanceof TlsHandshake) socket.data.finish(socket, ok, error);
    },
    data: (socket, bytes) => socket.data.onData(bytes),
    drain: (socket) => socket.data.onDrain(),
    end: (socket) => socket.data.onEnd(),
    close: (socket, error) => socket.data.onClose(closeCode(error)),
    error(socket, error) {
      // Bytes of the client that are no TLS; the close event follows.
      if ((error as { code?: string }).code === "EPROTO") return;
      socket.terminate();
      host.failed(error);
    },
  };
}

/** Handlers for sockets that were plain at first: their data is the handshake. */
export function upgradedHandlers(host: ListenerHost): TlsServerHandlers<ByteConsumer> {
  return tlsHandlers(host, (socket) => {
    if (socket.data instanceof TlsHandshake) socket.data.begin(socket);
  });
}
