/** UDP sockets, without the oddities of Bun's (docs/internals/bun.md). */
import { messageOf } from "../core/text/message_of.ts";
import { portHolder } from "./socket_holder.ts";
import { ListenError, listenAddressText } from "./sockets.ts";

export interface UdpAddress {
  /** An IPv4 or IPv6 literal. */
  readonly host: string;
  readonly port: number;
}

/** A socket with an address of its own. */
export interface BoundUdpSocket {
  /** The real one. */
  readonly port: number;
  /** What comes in is lost while this is null. The bytes belong to the receiver. */
  onMessage: ((message: Buffer, port: number, address: string) => void) | null;
  /**
   * Sends one datagram; what the kernel does not take at once is lost, as on any network. Throws where one cannot send
   * to (such as an address of another family) and for more than a datagram holds.
   */
  send(message: Uint8Array, port: number, address: string): void;
  close(): void;
}

/** Port 0 = any free one. Throws ListenError. */
export async function bindUdp({ host, port }: UdpAddress): Promise<BoundUdpSocket> {
  const handlers = {
    data: (_socket: unknown, message: Buffer, from: number, address: string) =>
      bound.onMessage?.(message, from, address),
    // Something sent earlier has found nobody (ICMP), which tells nothing of the next.
    error() {},
  };
  const socket = await openBound(host, port, handlers);
  const bound: BoundUdpSocket = {
    port: socket.port,
    onMessage: null,
    send: (message, to, address) => void socket.send(message, to, address),
    close: () => socket.close(),
  };
  return bound;
}

async function openBound(
  host: string,
  port: number,
  socket: Bun.udp.SocketHandler<"buffer">,
): Promise<Bun.udp.Socket<"buffer">> {
  try {
    return await Bun.udpSocket({ hostname: host, port, socket });
  } catch (error) {
    const text = listenAddressText({ kind: "tcp", host, port, dual_stack: false });
    const code = (error as { errno?: number }).errno ?? 0;
    throw new ListenError(`${text} (UDP)`, code, reasonText(error, port));
  }
}

function reasonText(error: unknown, port: number): string {
  switch ((error as { code?: string }).code) {
    case "EADDRINUSE": {
      // Who holds a port by UDP mostly holds it by TCP as well.
      const holder = portHolder(port);
      return holder === null ? "the address is in use" : `the address is in use by ${holder}`;
    }
    case "EACCES":
      return "permission denied (ports below 1024 need root or CAP_NET_BIND_SERVICE)";
    case "EADDRNOTAVAIL":
      return "the address does not belong to this machine";
    default:
      return messageOf(error);
  }
}

/** What the owner of a UDP exchange is told: any number of messages, then perhaps `failed`, which is the last. */
export interface UdpEvents {
  message(bytes: Buffer): void;
  /** Nobody is there, as far as the kernel knows. Not called before `exchangeUdp` returns. */
  failed(reason: string): void;
}

/**
 * Sends one datagram from a random port of its own and hands over what comes back from that address and port, nothing
 * else (a connected socket, udp(7)). The returned function ends it; after that, and after `failed`, nothing is told and
 * no socket is left.
 */
export function exchangeUdp(to: UdpAddress, message: Uint8Array, events: UdpEvents): () => void {
  return new UdpExchange(to, message, events).stop;
}

class UdpExchange {
  #socket: Bun.udp.ConnectedSocket<"buffer"> | null = null;
  /** Null when nobody wants to hear more. */
  #events: UdpEvents | null;

  constructor(to: UdpAddress, message: Uint8Array, events: UdpEvents) {
    this.#events = events;
    this.#open(to).then(
      (socket) => this.#opened(socket, message),
      (error: unknown) => this.#fail(messageOf(error)),
    );
  }

  readonly stop = (): void => {
    this.#events = null;
    this.#socket?.close();
    this.#socket = null;
  };

  /** Async, because Bun.udpSocket throws what is wrong with the other address, and rejects for the rest. */
  async #open({ host, port }: UdpAddress): Promise<Bun.udp.ConnectedSocket<"buffer">> {
    return await Bun.udpSocket({
      // Else it is a socket of IPv4.
      hostname: host.includes(":") ? "::" : "0.0.0.0",
      connect: { hostname: host, port },
      socket: {
        data: (_socket, bytes) => this.#events?.message(bytes),
        // Of a connected socket it is ICMP, mostly "port unreachable". Bun 1.4.5 gives the error first, its types second.
        error: (first: unknown, second?: unknown) => this.#fail(messageOf(second ?? first)),
      },
    });
  }

  #opened(socket: Bun.udp.ConnectedSocket<"buffer">, message: Uint8Array): void {
    if (this.#events === null) {
      socket.close();
      return;
    }
    this.#socket = socket;
    try {
      if (!socket.send(message)) this.#fail("the socket takes nothing");
    } catch (error) {
      this.#fail(messageOf(error));
    }
  }

  #fail(reason: string): void {
    const events = this.#events;
    this.stop();
    events?.failed(reason);
  }
}
