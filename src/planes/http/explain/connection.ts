/** A client that nobody has: its request goes through the real codec into a plane, and what is answered goes nowhere. */
import type { Limits, Timeouts } from "../../../core/plan.ts";
import type { Client, HostRule } from "../../../net/exchange.ts";
import type { ByteSocket } from "../../../net/h1/output.ts";
import { ServerConnection } from "../../../net/h1/server.ts";
import { ExchangePool } from "../../../net/http_exchange.ts";
import type { Clock } from "../../../platform/clock.ts";
import { TimerWheel } from "../../../platform/timer_wheel.ts";
import type { ListenerRuntime } from "../runtime.ts";
import type { Witness } from "./witness.ts";

/** Takes everything and tells nobody. */
const NOWHERE: ByteSocket = {
  write: (_bytes, _offset, length) => length,
  pause() {},
  resume() {},
  shutdown() {},
  close() {},
  terminate() {},
};

/** A clock on which nothing falls due. */
export function stillClock(clock: Pick<Clock, "now">): Clock {
  const now = clock.now();
  return { now: () => now, wall: () => 0, every: () => () => {} };
}

export interface ConnectionFacts {
  readonly wheel: TimerWheel;
  readonly now: () => number;
  readonly limits: Limits;
  readonly timeouts: Timeouts;
  readonly listener: ListenerRuntime;
  readonly client: Client;
  readonly serverName: string;
  readonly hostRule: HostRule | null;
}

/** Brings the bytes of `head` to `plane`, which has decided when this returns. */
export function bringRequest(plane: Witness, head: string, facts: ConnectionFacts): void {
  const { wheel, now, limits, timeouts, listener, client, serverName, hostRule } = facts;
  const host = {
    handler: plane,
    wheel,
    exchanges: new ExchangePool(),
    now,
    limits,
    timeouts,
    draining: false,
    connectionClosed() {},
    limitHit() {},
  };
  const connection = new ServerConnection(NOWHERE, host, {
    client,
    secure: listener.tls !== null,
    listenerName: listener.plan.name,
    listenerIndex: listener.index,
    serverName,
    tlsVersion: listener.tls === null ? "" : "1.3",
    hostRule,
    abortsHalfClosed: false,
  });
  connection.onData(Buffer.from(head, "utf8"));
  connection.onClose();
}
