/** What a client's connection needs of the worker and of the listener around it. */
import type { Limits, Timeouts } from "../../core/plan.ts";
import type { TimerWheel } from "../../platform/timer_wheel.ts";
import type { Client, HostRule } from "../exchange.ts";
import type { ExchangeHandler, ExchangePool } from "../http_exchange.ts";

/** What a worker gives to all its client connections. `limits` and `timeouts` change with a reload. */
export interface ServerHost<Connection> {
  readonly handler: ExchangeHandler;
  readonly wheel: TimerWheel;
  readonly exchanges: ExchangePool;
  /** Monotonic milliseconds. */
  now(): number;
  limits: Limits;
  timeouts: Timeouts;
  /** No further request on any connection. */
  draining: boolean;
  /** The connection counts no more; may be told twice. */
  connectionClosed(connection: Connection): void;
  /** Counts a limit that has been hit. */
  limitHit(limit: keyof Limits): void;
}

/** What the listener knows of a connection. */
export interface ConnectionOrigin {
  readonly client: Client;
  readonly secure: boolean;
  readonly listenerName: string;
  readonly listenerIndex: number;
  readonly serverName: string;
  readonly tlsVersion: string;
  /** Hosts that may be asked for over this connection (RFC 9110 15.5.20), null = all. */
  readonly hostRule: HostRule | null;
  /** A client that has sent FIN is taken as gone, also while its request is at work. */
  readonly abortsHalfClosed: boolean;
}
