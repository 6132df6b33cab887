/**
 * Many requests at a rate that does not wait for answers (an open loop), each tried once. Half of them on new
 * connections, a quarter over TLS, a tenth with a body of 100 KB. Cheap, as it shares the machine with what it tests:
 * bare sockets, one buffer per request, no promise.
 */
import { bodyOf, isPartOf } from "./bodies.ts";
import { machineNow } from "./machine_clock.ts";
import type { Failing, Failure, Report, Target } from "./messages.ts";

const TICK_MS = 4;
/** Requests under way at most: beyond that they are skipped, and the report says so. */
const MOST_UNDER_WAY = 3_000;
const TIMEOUT_MS = 20_000;
const GET_BYTES = [40, 2_000, 17_000] as const;
const POST_BYTES = 100_000;

interface Exchange {
  readonly id: number;
  readonly method: "GET" | "POST";
  readonly size: number;
  readonly target: Target;
  readonly fresh: boolean;
  readonly begunAt: number;
  /** Later requests may use the connection. */
  readonly keeps: boolean;
  readonly bytes: Buffer;
  sent: number;
  phase: Failure["phase"];
  /** Of the answer's body: bytes that have come, and all. */
  taken: number;
  length: number;
  status: number;
  /** The server keeps the connection. */
  kept: boolean;
}

/** A connection and what it serves now. */
interface Connection {
  exchange: Exchange | null;
  socket: Bun.Socket<Connection> | null;
  head: Buffer | null;
  target: Target;
}

export class LoadClient {
  readonly #fail: (failure: Failure) => void;
  readonly #idle = { plain: [] as Connection[], secure: [] as Connection[] };
  readonly #underWay = new Set<Connection>();
  readonly #answers: Record<string, number> = {};
  readonly #latencies: number[] = [];
  #plain: Target | null = null;
  #secure: Target | null = null;
  #timers: Timer[] = [];
  #visit: Timer | null = null;
  #visited: Target | null = null;
  /** The visited listener may be gone. */
  #leaving = false;
  #startedAt = 0;
  #stoppedAt = 0;
  #random = 88_172_645;
  #nextId = 1;
  #skipped = 0;
  #failures = 0;
  #refusedLater = 0;
  #fresh = 0;
  #overTls = 0;
  #connections = 0;
  #handshakes = 0;

  constructor(fail: (failure: Failure) => void) {
    this.#fail = fail;
  }

  start(plain: Target, secure: Target, ratePerSecond: number): void {
    this.#plain = plain;
    this.#secure = secure;
    this.#startedAt = machineNow();
    this.#timers.push(
      this.#atRate(ratePerSecond, () => this.#next()),
      setInterval(() => this.#endOverdue(), 500),
    );
  }

  #atRate(ratePerSecond: number, act: () => void): Timer {
    const since = machineNow();
    let done = 0;
    return setInterval(() => {
      const due = ((machineNow() - since) / 1_000) * ratePerSecond;
      for (; done < due; done++) act();
    }, TICK_MS);
  }

  visit(target: Target, ratePerSecond: number): void {
    this.#visited = target;
    this.#leaving = false;
    this.#visit = this.#atRate(ratePerSecond, () => this.#begin(target, "GET", GET_BYTES[0], true, false));
  }

  async leave(forMs: number): Promise<void> {
    this.#leaving = true;
    await Bun.sleep(forMs);
    if (this.#visit !== null) clearInterval(this.#visit);
    this.#visit = null;
    while ([...this.#underWay].some(({ target }) => target === this.#visited)) await Bun.sleep(20);
  }

  /** Below `limit`, by xorshift: the same mix in every run. */
  #draw(limit: number): number {
    let value = this.#random;
    value ^= value << 13;
    value ^= value >>> 17;
    value ^= value << 5;
    this.#random = value;
    return (value >>> 8) % limit;
  }

  #next(): void {
    const target = this.#draw(4) === 0 ? this.#secure! : this.#plain!;
    const fresh = this.#draw(2) === 0;
    const isPost = this.#draw(10) === 0;
    const size = isPost ? POST_BYTES : GET_BYTES[this.#draw(GET_BYTES.length)]!;
    this.#begin(target, isPost ? "POST" : "GET", size, fresh, !fresh);
  }

  #begin(target: Target, method: "GET" | "POST", size: number, fresh: boolean, keeps: boolean): void {
    if (this.#underWay.size >= MOST_UNDER_WAY) {
      this.#skipped++;
      return;
    }
    const id = this.#nextId++;
    const known = fresh ? undefined : this.#idleOf(target).pop();
    // Of those that are used once, every second one leaves the end to the server.
    const close = fresh && id % 2 === 0 ? "Connection: close\r\n" : "";
    const length = method === "POST" ? `Content-Length: ${size}\r\n` : "";
    const head = Buffer.from(
      `${method} /${method.toLowerCase()}/${id}/${size} HTTP/1.1\r\nHost: load.example\r\n${close}${length}\r\n`,
      "latin1",
    );
    const exchange: Exchange = {
      id,
      method,
      size,
      target,
      fresh: known === undefined,
      begunAt: machineNow(),
      keeps,
      bytes: method === "POST" ? Buffer.concat([head, bodyOf(id, size)]) : head,
      sent: 0,
      phase: known === undefined ? "connecting" : "sent",
      taken: 0,
      length: -1,
      status: 0,
      kept: true,
    };
    if (exchange.fresh) this.#fresh++;
    if (target.tls) this.#overTls++;
    if (known === undefined) this.#connect(exchange);
    else {
      known.exchange = exchange;
      this.#underWay.add(known);
      this.#write(known);
    }
  }

  #idleOf({ tls }: Target): Connection[] {
    return tls ? this.#idle.secure : this.#idle.plain;
  }

  #connect(exchange: Exchange): void {
    const { target } = exchange;
    const connection: Connection = { exchange, socket: null, head: null, target };
    this.#underWay.add(connection);
    this.#connections++;
    Bun.connect<Connection>({
      hostname: "127.0.0.1",
      port: target.port,
      data: connection,
      ...(target.tls ? { tls: { rejectUnauthorized: false, serverName: "a.example" } } : {}),
      socket: {
        open: (socket) => {
          connection.socket = socket;
          if (!target.tls) this.#ready(connection);
        },
        handshake: () => {
          this.#handshakes++;
          this.#ready(connection);
        },
        data: (_, bytes) => this.#receive(connection, bytes),
        drain: () => this.#write(connection),
        end: () => this.#end(connection),
        close: (_, error) =>
          this.#closed(connection, (error as { code?: string } | undefined)?.code === "ECONNRESET"),
        error: () => {},
      },
    }).catch((error: { code?: string }) => this.#unconnected(connection, error.code ?? ""));
  }

  #ready(connection: Connection): void {
    if (connection.exchange === null) return;
    connection.exchange.phase = "sent";
    this.#write(connection);
  }

  #unconnected(connection: Connection, code: string): void {
    const { exchange } = connection;
    const isRefused = code === "ECONNREFUSED";
    if (isRefused && this.#leaving && exchange?.target === this.#visited) {
      connection.exchange = null;
      this.#underWay.delete(connection);
      this.#refusedLater++;
    } else this.#failed(connection, isRefused ? "refused" : "unreachable");
  }

  #write(connection: Connection): void {
    const { exchange, socket } = connection;
    if (exchange === null || socket === null || exchange.phase === "connecting") return;
    const { bytes } = exchange;
    while (exchange.sent < bytes.length) {
      const taken = socket.write(bytes, exchange.sent);
      if (taken <= 0) return;
      exchange.sent += taken;
    }
  }

  #receive(connection: Connection, bytes: Buffer): void {
    const { exchange } = connection;
    if (exchange === null) return;
    let body = bytes;
    if (exchange.length < 0) {
      exchange.phase = "answer";
      const all: Buffer = connection.head === null ? bytes : Buffer.concat([connection.head, bytes]);
      const end = all.indexOf("\r\n\r\n");
      if (end < 0) {
        connection.head = Buffer.from(all);
        return;
      }
      connection.head = null;
      const head = all.latin1Slice(0, end);
      exchange.status = Number(head.slice(9, 12));
      exchange.length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? -1);
      exchange.kept = !/\r\nconnection: *close/i.test(head);
      if (exchange.length < 0) return this.#failed(connection, "wrong");
      body = all.subarray(end + 4);
    }
    this.#takeBody(connection, exchange, body);
  }

  #takeBody(connection: Connection, exchange: Exchange, body: Buffer): void {
    const isError = exchange.status !== 200;
    if (!isError && body.length > 0 && !isRight(exchange, body)) return this.#failed(connection, "wrong");
    exchange.taken += body.length;
    if (exchange.taken > exchange.length) return this.#failed(connection, "wrong");
    if (exchange.taken < exchange.length) return;
    if (!isError && exchange.method === "GET" && exchange.taken !== exchange.size)
      return this.#failed(connection, "wrong");
    this.#answered(connection, exchange);
  }

  #answered(connection: Connection, exchange: Exchange): void {
    const { method, status } = exchange;
    const answer = `${method} ${Math.floor(status / 100)}xx`;
    this.#answers[answer] = (this.#answers[answer] ?? 0) + 1;
    if (status !== 200) this.#tell(exchange, `status ${status}`);
    else this.#latencies.push(machineNow() - exchange.begunAt);
    connection.exchange = null;
    this.#underWay.delete(connection);
    const { socket } = connection;
    if (exchange.keeps && exchange.kept && socket !== null) this.#idleOf(exchange.target).push(connection);
    else socket?.end();
  }

  /** The server sends no more. */
  #end(connection: Connection): void {
    this.#forget(connection);
    connection.socket?.end();
  }

  #forget(connection: Connection): void {
    const idle = this.#idleOf(connection.target);
    const index = idle.indexOf(connection);
    if (index >= 0) idle.splice(index, 1);
  }

  #closed(connection: Connection, wasReset: boolean): void {
    this.#forget(connection);
    const { exchange } = connection;
    if (exchange === null) return;
    this.#failed(connection, exchange.phase === "answer" ? "short" : wasReset ? "reset" : "closed");
  }

  #failed(connection: Connection, how: Failing): void {
    const { exchange } = connection;
    connection.exchange = null;
    this.#underWay.delete(connection);
    if (exchange !== null) this.#tell(exchange, how);
    connection.socket?.terminate();
  }

  #tell({ begunAt, method, fresh, target, phase }: Exchange, how: Failing): void {
    this.#failures++;
    const at = machineNow();
    const { listener, tls } = target;
    this.#fail({ at, how, method, fresh, tls, listener, phase, afterMs: Math.round(at - begunAt) });
  }

  #endOverdue(): void {
    const before = machineNow() - TIMEOUT_MS;
    for (const connection of this.#underWay)
      if (connection.exchange !== null && connection.exchange.begunAt < before)
        this.#failed(connection, "timeout");
  }

  /** Begins nothing more. Resolves when all that was begun has ended. */
  async stop(): Promise<Omit<Report, "type" | "streams">> {
    this.#stoppedAt = machineNow();
    clearInterval(this.#timers[0]);
    while (this.#underWay.size > 0) await Bun.sleep(20);
    for (const timer of this.#timers) clearInterval(timer);
    for (const { socket } of [...this.#idle.plain, ...this.#idle.secure]) socket?.end();
    const sorted = this.#latencies.toSorted((one, other) => one - other);
    const at = (share: number): number => sorted[Math.ceil(share * (sorted.length - 1))] ?? 0;
    return {
      begun: this.#nextId - 1,
      skipped: this.#skipped,
      lastedMs: this.#stoppedAt - this.#startedAt,
      answers: this.#answers,
      failures: this.#failures,
      refusedLater: this.#refusedLater,
      onNewConnections: this.#fresh,
      overTls: this.#overTls,
      connections: this.#connections,
      handshakes: this.#handshakes,
      latencies: [at(0.5), at(0.99), at(1)],
    };
  }
}

function isRight({ id, method, size, taken }: Exchange, body: Buffer): boolean {
  if (method === "POST") return `ok ${id}`.startsWith(body.latin1Slice(), taken);
  return taken + body.length <= size && isPartOf(id, taken, body);
}
