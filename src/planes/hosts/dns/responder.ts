/**
 * A small DNS server (RFC 1035) for the names of this plane: it answers for them from what is so at this moment, and
 * refuses or forwards the rest. It is meant for this machine: nothing limits who may ask, so an address that others reach
 * makes it an open resolver where it forwards.
 */
import { messageOf } from "../../../core/text/message_of.ts";
import type { Clock } from "../../../platform/clock.ts";
import { acceptOn } from "../../../platform/sockets.ts";
import { TimerWheel } from "../../../platform/timer_wheel.ts";
import type { BoundUdpSocket, UdpAddress } from "../../../platform/udp.ts";
import { DnsConnection } from "./connection.ts";
import { addressOf, type Upstream } from "./exchange.ts";
import { Forwarder } from "./forwarder.ts";
import {
  judge,
  replyWithout,
  ttlSeconds,
  type DnsNames,
  type DnsResult,
  type Verdict,
  type Zone,
} from "./judge.ts";
import { HEADER_BYTES, RCODE, type Query } from "./query.ts";
import { writeHeaderReply, type Transport } from "./reply.ts";
import { DnsReports, type DnsEvent } from "./reports.ts";
import { BACKLOG, openSockets, type DnsSockets } from "./sockets.ts";

/** Clients' TCP connections at once; a further one is closed. */
export const MAX_CONNECTIONS = 64;

export interface DnsResponderOptions {
  /**
   * Port 0 = any one that is free for UDP and TCP. Not 0.0.0.0 or :: where the machine has several addresses: answers
   * over UDP leave from the one that the route has, and clients drop what comes from another than they asked.
   */
  readonly address: UdpAddress;
  /** How long answers hold, in whole seconds (rounded down), also those that there is nothing. */
  readonly ttl_ms: number;
  /** Servers for foreign names, the preferred one first; none = foreign names are refused. */
  readonly upstream: readonly Upstream[];
  readonly names: DnsNames;
  readonly clock: Clock;
  report?(event: DnsEvent): void;
  /** What was done with a message. */
  counted?(result: DnsResult): void;
}

type Reply = (answer: Buffer | null) => void;

export class DnsResponder {
  /** Of UDP and TCP. */
  readonly port: number;
  readonly #zone: Zone;
  readonly #counted: DnsResponderOptions["counted"];
  readonly #wheel: TimerWheel;
  readonly #reports: DnsReports;
  readonly #forwarder: Forwarder;
  readonly #connections = new Set<DnsConnection>();
  readonly #udp: BoundUdpSocket;
  readonly #tcp: Bun.TCPSocketListener<DnsConnection | null>;
  readonly #counts = new Map<DnsResult, number>();
  #stopped = false;

  /**
   * Listens on UDP and TCP. Throws Error with one sentence when the address cannot be had, or when an upstream server is
   * no literal address or this responder itself.
   */
  static async start(options: DnsResponderOptions): Promise<DnsResponder> {
    checkUpstream(options);
    return new DnsResponder(options, await openSockets(options.address));
  }

  private constructor(options: DnsResponderOptions, { udp, tcp }: DnsSockets) {
    const { clock, upstream, names, counted } = options;
    this.#counted = counted;
    this.#zone = { names, ttl_s: ttlSeconds(options.ttl_ms), recursive: upstream.length > 0 };
    this.#wheel = new TimerWheel(clock);
    this.#reports = new DnsReports(clock, (event) => options.report?.(event));
    this.#forwarder = new Forwarder({ upstream, clock, wheel: this.#wheel, reports: this.#reports });
    this.port = udp.port;
    this.#udp = udp;
    udp.onMessage = (message, port, address) => this.#onDatagram(message, port, address);
    this.#tcp = acceptOn<DnsConnection | null>(tcp.fd, BACKLOG, { data: null, socket: this.#tcpHandlers() });
  }

  /** Messages by what was done with them, since the start. */
  get counts(): ReadonlyMap<DnsResult, number> {
    return this.#counts;
  }

  /** Frees both sockets; connections are cut, and what waits for upstream servers gets no answer. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#forwarder.stop();
    for (const connection of this.#connections) connection.cut();
    this.#tcp.stop(true);
    this.#udp.close();
    this.#wheel.stop();
  }

  #onDatagram(message: Buffer, port: number, address: string): void {
    this.#handle(message, "udp", (reply) => {
      if (reply === null) return;
      try {
        this.#udp.send(reply, port, address);
      } catch (error) {
        // Where a packet says that it is from may be nowhere that one can send to.
        this.#reports.tellSeldom("dns_send_failed", "info", "a DNS answer could not be sent", error);
      }
    });
  }

  /** Calls `reply` once, now or later, with null for no answer; not after `stop`. */
  #handle(message: Buffer, transport: Transport, reply: Reply): void {
    const verdict = this.#judge(message, transport);
    if (verdict.kind === "forward") this.#forward(verdict.query, transport, reply);
    else if (verdict.kind === "answer") {
      this.#count(verdict.result);
      reply(verdict.reply);
    } else {
      this.#count("dropped");
      reply(null);
    }
  }

  #judge(message: Buffer, transport: Transport): Verdict {
    try {
      return judge(message, transport, this.#zone);
    } catch (error) {
      this.#reports.tellSeldom("dns_failed", "error", "a DNS query could not be answered", error);
      if (message.length < HEADER_BYTES) return { kind: "drop" };
      return { kind: "answer", result: "failed", reply: writeHeaderReply(message, RCODE.serverFailure) };
    }
  }

  #forward(query: Query, transport: Transport, reply: Reply): void {
    this.#forwarder.forward(query, transport, (answer) => {
      this.#count(answer === null ? "failed" : "forwarded");
      reply(answer ?? replyWithout(query, RCODE.serverFailure, transport, this.#zone));
    });
  }

  #tcpHandlers(): Bun.SocketHandler<DnsConnection | null> {
    const host = {
      wheel: this.#wheel,
      handle: (message: Buffer, reply: Reply) => this.#handle(message, "tcp", reply),
    };
    return {
      open: (socket) => {
        if (this.#connections.size >= MAX_CONNECTIONS) {
          const text = `more than ${MAX_CONNECTIONS} DNS connections at once: further ones are closed`;
          this.#reports.tellSeldom("dns_connections_full", "warning", text);
          socket.close();
          return;
        }
        socket.data = new DnsConnection(socket, host);
        this.#connections.add(socket.data);
      },
      data: (socket, bytes) => socket.data?.onData(bytes),
      drain: (socket) => socket.data?.onDrain(),
      end: (socket) => socket.data?.onEnd(),
      close: (socket) => {
        if (socket.data === null) return;
        socket.data.onClosed();
        this.#connections.delete(socket.data);
      },
      error: (socket, error) => {
        this.#reports.tellSeldom("dns_failed", "error", "a DNS connection broke", error);
        socket.terminate();
      },
    };
  }

  #count(result: DnsResult): void {
    this.#counted?.(result);
    this.#counts.set(result, (this.#counts.get(result) ?? 0) + 1);
  }
}

/** Queries that came back to the responder would go round until there is no room for more. */
function checkUpstream({ address, upstream }: DnsResponderOptions): void {
  const isWildcard = address.host === "0.0.0.0" || address.host === "::";
  for (const { host, port } of upstream) {
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      throw new Error(`DNS upstream ${host}: port ${port} is not 1 to 65535`);
    try {
      addressOf({ host, port });
    } catch (error) {
      throw new Error(`DNS upstream ${host}: ${messageOf(error)}`, { cause: error });
    }
    const isOwnHost = host === address.host || (isWildcard && /^(?:127\.|::1$)/.test(host));
    if (port === address.port && isOwnHost)
      throw new Error(`DNS upstream ${host}:${port} is the address that the responder itself listens on`);
  }
}
