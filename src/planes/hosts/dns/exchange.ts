/** One question to one upstream server, over UDP or TCP. Which of the messages that come is the answer, the owner says. */
import { Attempt, createConnector } from "../../../platform/connect.ts";
import { errnoName } from "../../../platform/libc.ts";
import { socketAddress, type SocketAddress } from "../../../platform/socket_address.ts";
import { exchangeUdp } from "../../../platform/udp.ts";
import { FrameReader, framed } from "./framing.ts";
import type { Transport } from "./reply.ts";

export interface Upstream {
  /** An IPv4 or IPv6 literal. */
  readonly host: string;
  readonly port: number;
}

/** What the owner of an exchange is told: any number of messages, then perhaps `failed`, which is the last. */
export interface ExchangeEvents {
  message(bytes: Buffer): void;
  /** No answer can come any more. May be called before `startExchange` returns. */
  failed(reason: string): void;
}

/**
 * Asks. There is no timeout here: the owner calls the returned function when it has its answer or wants none. After
 * that, and after `failed`, nothing is told and no socket is left.
 */
export function startExchange(
  transport: Transport,
  upstream: Upstream,
  query: Uint8Array,
  events: ExchangeEvents,
): () => void {
  if (transport === "udp") return exchangeUdp(upstream, query, events);
  const exchange = new TcpExchange(query, events);
  connector.connect(addressOf(upstream), exchange);
  return exchange.stop;
}

/** Throws RangeError for a host that is not a literal. */
export function addressOf({ host, port }: Upstream): SocketAddress {
  return socketAddress({ kind: "tcp", host, port });
}

class TcpExchange extends Attempt {
  readonly #reader = new FrameReader();
  #events: ExchangeEvents | null;
  #waiting: Uint8Array;

  constructor(query: Uint8Array, events: ExchangeEvents) {
    super();
    this.#events = events;
    this.#waiting = framed(query);
  }

  readonly stop = (): void => {
    this.#events = null;
    // Before `cancel`, which would reset a connection that has done its work.
    if (this.connected) this.socket?.close();
    connector.cancel(this);
  };

  onWritable(): void {
    if (this.#waiting.length === 0) return;
    const taken = this.socket?.write(this.#waiting) ?? -1;
    if (taken < 0) this.onFailed("the connection was closed");
    else this.#waiting = this.#waiting.subarray(taken);
  }

  onData(bytes: Buffer): void {
    this.#reader.push(bytes);
    while (this.#events !== null) {
      const message = this.#reader.next();
      if (message === null) return;
      this.#events.message(message);
    }
  }

  onFailed(reason: string): void {
    const events = this.#events;
    this.stop();
    events?.failed(reason);
  }
}

const connector = createConnector<TcpExchange>({
  connected: (exchange) => exchange.onWritable(),
  failed: (exchange, code) => exchange.onFailed(`no connection (${errnoName(code)})`),
  data: (exchange, bytes) => exchange.onData(bytes),
  drain: (exchange) => exchange.onWritable(),
  end: (exchange) => exchange.onFailed("the connection was closed"),
  closed: (exchange) => exchange.onFailed("the connection was closed"),
});
