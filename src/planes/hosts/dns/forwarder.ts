/**
 * Foreign names: queries go on to other servers as they came, under an id of our own, and answers come back as they are.
 * Servers are asked in the order in which they are named; one that did not answer comes last for a while.
 */
import type { Clock } from "../../../platform/clock.ts";
import { Timed, type TimerWheel } from "../../../platform/timer_wheel.ts";
import { startExchange, type Upstream } from "./exchange.ts";
import { HEADER_BYTES, type Query } from "./query.ts";
import type { Transport } from "./reply.ts";
import type { DnsReports } from "./reports.ts";

/** Queries under way at once, all clients together. */
export const MAX_FORWARDS = 256;
/** A server that takes longer to answer is given up and the next one asked. */
export const UPSTREAM_TIMEOUT_MS = 2_000;
/** So long a server that did not answer is asked after the others. */
export const REST_MS = 30_000;

const QR = 0x8000;

export interface ForwarderOptions {
  readonly upstream: readonly Upstream[];
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly reports: DnsReports;
}

/** A server and how it does. */
interface Server extends Upstream {
  readonly text: string;
  /** Monotonic; in the future while it comes last. */
  restsUntil_ms: number;
  answers: boolean;
}

export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #servers: readonly Server[];
  readonly #underWay = new Set<Forward>();

  constructor(options: ForwarderOptions) {
    this.#options = options;
    this.#servers = options.upstream.map(({ host, port }) => ({
      host,
      port,
      text: host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`,
      restsUntil_ms: -Infinity,
      answers: true,
    }));
  }

  /** Queries that wait for an answer. */
  get underWay(): number {
    return this.#underWay.size;
  }

  /**
   * Calls `done` once: with an answer that has the id of the query, or with null when no server answered, and at once
   * when too many queries are under way. Not after `stop`.
   */
  forward(query: Query, transport: Transport, done: (answer: Buffer | null) => void): void {
    if (this.#underWay.size >= MAX_FORWARDS) {
      const text = `${MAX_FORWARDS} DNS queries wait for upstream servers: further ones fail`;
      this.#options.reports.tellSeldom("dns_forwards_full", "warning", text);
      done(null);
      return;
    }
    const forward = new Forward(query, transport, this.#order(), {
      wheel: this.#options.wheel,
      answered: (server) => this.#answered(server),
      failed: (server, reason) => this.#failed(server, reason),
      done: (answer) => {
        this.#underWay.delete(forward);
        done(answer);
      },
    });
    this.#underWay.add(forward);
    forward.askNext();
  }

  /** Gives up what is under way. */
  stop(): void {
    for (const forward of this.#underWay) forward.stop();
    this.#underWay.clear();
  }

  #order(): Server[] {
    const now = this.#options.clock.now();
    const rests = (server: Server) => server.restsUntil_ms > now;
    return [...this.#servers.filter((server) => !rests(server)), ...this.#servers.filter(rests)];
  }

  #answered(server: Server): void {
    server.restsUntil_ms = -Infinity;
    if (server.answers) return;
    server.answers = true;
    const text = `DNS server ${server.text} answers again`;
    const fields = { upstream: server.text };
    this.#options.reports.tell({ event: "dns_upstream_up", level: "info", text, fields });
  }

  #failed(server: Server, reason: string): void {
    server.restsUntil_ms = this.#options.clock.now() + REST_MS;
    if (!server.answers) return;
    server.answers = false;
    const text = `DNS server ${server.text} does not answer: ${reason}`;
    const fields = { upstream: server.text, reason };
    this.#options.reports.tell({ event: "dns_upstream_down", level: "warning", text, fields });
  }
}

interface ForwardHost {
  readonly wheel: TimerWheel;
  answered(server: Server): void;
  failed(server: Server, reason: string): void;
  done(answer: Buffer | null): void;
}

/** One query under way. Its deadline is that of the server that it asks now. */
class Forward extends Timed {
  readonly #query: Query;
  readonly #transport: Transport;
  /** Those to be asked, the next one first. */
  readonly #servers: Server[];
  readonly #host: ForwardHost;
  #server: Server | null = null;
  #stopExchange: (() => void) | null = null;
  /** Counts exchanges: what an earlier one tells is too late. */
  #exchange = 0;

  constructor(query: Query, transport: Transport, servers: Server[], host: ForwardHost) {
    super();
    this.#query = query;
    this.#transport = transport;
    this.#servers = servers;
    this.#host = host;
  }

  askNext(): void {
    const server = this.#servers.shift();
    if (server === undefined) {
      this.stop();
      this.#host.done(null);
      return;
    }
    this.#server = server;
    const exchange = ++this.#exchange;
    const id = crypto.getRandomValues(new Uint16Array(1))[0]!;
    const message = Buffer.from(this.#query.message);
    message.writeUInt16BE(id, 0);
    this.#host.wheel.after(this, UPSTREAM_TIMEOUT_MS);
    const stop = startExchange(this.#transport, server, message, {
      message: (bytes) => {
        if (this.#exchange === exchange && isAnswerTo(bytes, id, this.#query)) this.#answered(bytes);
      },
      failed: (reason) => {
        if (this.#exchange === exchange) this.#failed(reason);
      },
    });
    // It may have failed within the call, and the next one be under way.
    if (this.#exchange === exchange) this.#stopExchange = stop;
  }

  /** Frees the socket; nothing is told any more. */
  stop(): void {
    this.#exchange++;
    this.#stopExchange?.();
    this.#stopExchange = null;
    this.#host.wheel.remove(this);
  }

  override onDeadline(): void {
    this.#failed(`no answer within ${UPSTREAM_TIMEOUT_MS / 1_000}s`);
  }

  #answered(bytes: Buffer): void {
    this.stop();
    this.#host.answered(this.#server!);
    bytes.writeUInt16BE(this.#query.id, 0);
    this.#host.done(bytes);
  }

  #failed(reason: string): void {
    this.stop();
    this.#host.failed(this.#server!, reason);
    this.askNext();
  }
}

/** True for an answer with our id that repeats the question; only the case of letters may have changed on its way. */
export function isAnswerTo(bytes: Buffer, id: number, { question }: Query): boolean {
  if (bytes.length < HEADER_BYTES + question.length) return false;
  if (bytes.readUInt16BE(0) !== id || (bytes.readUInt16BE(2) & QR) === 0 || bytes.readUInt16BE(4) !== 1)
    return false;
  const nameBytes = question.length - 4;
  return question.every((byte, index) => {
    const other = bytes[HEADER_BYTES + index]!;
    return byte === other || (index < nameBytes && isSameLetter(byte, other));
  });
}

/** Lengths of labels are below the letters, so that no length passes for another one. */
function isSameLetter(one: number, other: number): boolean {
  const letter = one | 0x20;
  return letter === (other | 0x20) && letter >= 0x61 && letter <= 0x7a;
}
