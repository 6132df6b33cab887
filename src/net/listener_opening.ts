/** The first bytes of a connection that is not simply handed over: a PROXY header, a ClientHello, or both. */
import type { ErrorCode } from "../core/errors.ts";
import type { TlsContext, TlsContexts } from "../platform/tls_contexts.ts";
import { Timed } from "../platform/timer_wheel.ts";
import { plainAddress } from "./addresses.ts";
import { ClientHelloError, readServerName } from "./client_hello.ts";
import type { ByteSocket } from "./h1/output.ts";
import { SocketClient } from "./listener_client.ts";
import {
  NOBODY,
  type ByteConsumer,
  type ListenerSettings,
  type ListenerState,
  type RawSocket,
} from "./listener_host.ts";
import { TlsHandshake } from "./listener_tls.ts";
import { ProxyHeaderError, readProxyHeader, type ProxyHeader } from "./proxy_protocol.ts";

/** Fatal alerts (RFC 8446 6.2, RFC 6066 3) as whole records: no key is needed before the handshake. */
const UNRECOGNIZED_NAME = Uint8Array.of(21, 3, 3, 0, 2, 2, 112);
const DECODE_ERROR = Uint8Array.of(21, 3, 3, 0, 2, 2, 50);

/** Owner of a connection from its first byte until it is accepted or becomes TLS. */
export class Opening extends Timed implements ByteConsumer {
  readonly #state: ListenerState;
  readonly #settings: ListenerSettings;
  readonly #socket: RawSocket;
  #client: SocketClient;
  /** The client's address is known, and the host has let it in. */
  #admitted = false;
  #received: Uint8Array | null = null;
  #over = false;

  constructor(state: ListenerState, socket: RawSocket) {
    super();
    const { settings } = state;
    this.#state = state;
    this.#settings = settings;
    this.#socket = socket;
    this.#client = this.#clientOf(null);
    state.opening++;
    const { timeouts, wheel } = state.host;
    wheel.after(this, settings.tls === null ? timeouts.request_header : timeouts.tls_handshake);
  }

  #clientOf(header: ProxyHeader | null): SocketClient {
    const peerAddress = plainAddress(this.#socket.remoteAddress ?? "");
    return new SocketClient(this.#socket, peerAddress, header?.addresses ?? null, this.#settings);
  }

  /** Called once, before any byte: refuses peers that may not come, and lets in those that send no header. */
  begin(): void {
    if (this.#settings.proxySenders === null) this.#admit();
    else if (!this.#settings.takesHeaderFrom(this.#client.peerAddress))
      this.#reject("FL_BAD_PROXY_HEADER", `${this.#client.peerAddress} may not send PROXY headers`);
  }

  onData(bytes: Uint8Array): void {
    if (this.#over) return;
    const received = this.#received === null ? bytes : new Uint8Array(Buffer.concat([this.#received, bytes]));
    this.#received = received;
    const rest = this.#admitted ? received : this.#takeHeader(received);
    if (rest === null) return;
    this.#received = rest;
    if (this.#settings.tls !== null) this.#takeHello(rest, this.#settings.tls);
    else this.#accept(rest);
  }

  /** Returns what follows the PROXY header; null = not complete, or refused. */
  #takeHeader(received: Uint8Array): Uint8Array | null {
    let header: ProxyHeader | null;
    try {
      header = readProxyHeader(received);
    } catch (error) {
      if (!(error instanceof ProxyHeaderError)) throw error;
      this.#reject("FL_BAD_PROXY_HEADER", `${error.message} (from ${this.#client.peerAddress || "unix"})`);
      return null;
    }
    if (header === null) return null;
    this.#client = this.#clientOf(header);
    return this.#admit() ? received.subarray(header.length) : null;
  }

  #admit(): boolean {
    this.#admitted = this.#state.host.admit(this.#client);
    if (!this.#admitted) {
      this.#end();
      this.#socket.terminate();
    }
    return this.#admitted;
  }

  #accept(rest: Uint8Array): void {
    this.#end();
    const socket = this.#socket;
    const consumer = this.#state.host.accept(socket as unknown as ByteSocket, this.#client, null);
    if (consumer === null) {
      socket.terminate();
      return;
    }
    socket.data = consumer;
    if (rest.length > 0) consumer.onData(rest);
  }

  #takeHello(received: Uint8Array, contexts: TlsContexts): void {
    let name: string | null;
    try {
      name = readServerName(received);
    } catch (error) {
      if (!(error instanceof ClientHelloError)) throw error;
      this.#reject("FL_TLS_HANDSHAKE", error.message, error.isTls ? DECODE_ERROR : null);
      return;
    }
    if (name === null) return;
    const context = contexts.find(name);
    if (context === null && contexts.strict) {
      const asked = name === "" ? "the client names no host" : `no certificate is for ${name}`;
      this.#reject("FL_TLS_HANDSHAKE", asked, UNRECOGNIZED_NAME);
    } else this.#startTls(received, contexts, context ?? contexts.default);
  }

  #startTls(received: Uint8Array, contexts: TlsContexts, context: TlsContext): void {
    const { deadline } = this;
    this.#end();
    // The plain socket cannot tell its addresses afterwards.
    this.#client.readAddresses();
    const state = this.#state;
    const data = new TlsHandshake(state, this.#client, contexts, context);
    state.host.wheel.set(data, deadline);
    state.upgrade(this.#socket, { data, context, alpn: contexts.alpn, received });
  }

  #reject(code: ErrorCode, detail: string, alert: Uint8Array | null = null): void {
    if (this.#over) return;
    this.#end();
    if (alert !== null) this.#socket.write(alert, 0, alert.length);
    this.#socket.end();
    this.#state.host.rejected(code, detail, this.#client, this.#admitted);
  }

  /** From here on the connection belongs to somebody else, or to nobody. */
  #end(): void {
    this.#over = true;
    this.#received = null;
    this.#socket.data = NOBODY;
    this.#state.opening--;
    this.#state.host.wheel.remove(this);
  }

  override onDeadline(): void {
    if (this.#over) return;
    const [code, detail] = this.#admitted
      ? (["FL_TLS_TIMEOUT", "the ClientHello was not complete in time"] as const)
      : (["FL_BAD_PROXY_HEADER", "the PROXY header was not complete in time"] as const);
    this.#end();
    this.#socket.terminate();
    this.#state.host.rejected(code, detail, this.#client, this.#admitted);
  }

  onDrain(): void {}

  onEnd(): void {
    this.#closed();
  }

  onClose(): void {
    this.#closed();
  }

  #closed(): void {
    if (this.#admitted)
      this.#reject("FL_TLS_HANDSHAKE", "the client closed the connection before its ClientHello");
    else this.#reject("FL_BAD_PROXY_HEADER", "the connection ended before a PROXY header");
  }
}
