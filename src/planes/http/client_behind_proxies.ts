import type { Client } from "../../net/exchange.ts";

/** A client that a trusted proxy speaks for: its address is what the proxy says, the rest is the connection's. */
export class ClientBehindProxies implements Client {
  readonly address: string;
  readonly port: number;
  readonly #connection: Client;

  constructor(address: string, port: number, connection: Client) {
    this.address = address;
    this.port = port;
    this.#connection = connection;
  }

  get peerAddress(): string {
    return this.#connection.peerAddress;
  }

  get trusted(): boolean {
    return true;
  }

  get localPort(): number {
    return this.#connection.localPort;
  }

  get localAddress(): string {
    return this.#connection.localAddress ?? "";
  }
}
