import type { Client } from "./exchange.ts";
import { plainAddress } from "./addresses.ts";
import type { ProxyAddresses } from "./proxy_protocol.ts";

/** Addresses of a Bun socket; undefined for unix sockets and after the end of the connection. */
export interface AddressedSocket {
  readonly remoteAddress?: string;
  readonly remotePort?: number;
  readonly localAddress?: string;
  readonly localPort?: number;
}

/** What all connections of a listening socket share. */
export interface ListenerFacts {
  trusts(address: string): boolean;
  /** Port that it listens on, -1 = not known yet; the first connection that is asked tells it to the others. */
  port: number;
}

/**
 * Who is on the other end of a connection. What a PROXY header says comes before what the socket says, but
 * `peerAddress` is always the socket's. Ports and local addresses are read when they are asked for: each costs a system
 * call, and few need them. They are 0 and "" for unix sockets.
 */
export class SocketClient implements Client {
  readonly address: string;
  readonly peerAddress: string;
  readonly trusted: boolean;
  readonly #socket: AddressedSocket;
  readonly #facts: ListenerFacts;
  readonly #proxied: ProxyAddresses | null;
  #port = -1;
  #local: { readonly address: string; readonly port: number } | null = null;

  constructor(
    socket: AddressedSocket,
    peerAddress: string,
    proxied: ProxyAddresses | null,
    facts: ListenerFacts,
  ) {
    this.#socket = socket;
    this.peerAddress = peerAddress;
    this.#proxied = proxied;
    const isUnixElsewhere = proxied?.family === "unix";
    this.address = proxied === null ? peerAddress : isUnixElsewhere ? "" : proxied.source;
    this.#facts = facts;
    // No address stands for whoever may open our own socket file, not for one on the sender's machine.
    this.trusted = !isUnixElsewhere && facts.trusts(this.address);
  }

  /** Port of the client, as far as known when it is first asked for. */
  get port(): number {
    if (this.#port < 0) this.#port = this.#proxied?.sourcePort ?? this.#socket.remotePort ?? 0;
    return this.#port;
  }

  /** Address that the client connected to. */
  get localAddress(): string {
    return this.#readLocal().address;
  }

  /** Port that the client connected to. */
  get localPort(): number {
    if (this.#proxied !== null) return this.#proxied.destinationPort;
    const facts = this.#facts;
    if (facts.port >= 0) return facts.port;
    const { localPort } = this.#socket;
    if (localPort === undefined) return 0;
    facts.port = localPort;
    return localPort;
  }

  /** Reads what can be asked for later: the socket stops to tell when TLS takes it over. */
  readAddresses(): void {
    void this.port;
    this.#readLocal();
  }

  #readLocal(): { readonly address: string; readonly port: number } {
    const proxied = this.#proxied;
    this.#local ??=
      proxied === null
        ? { address: plainAddress(this.#socket.localAddress ?? ""), port: this.#socket.localPort ?? 0 }
        : { address: proxied.family === "unix" ? "" : proxied.destination, port: proxied.destinationPort };
    return this.#local;
  }
}
