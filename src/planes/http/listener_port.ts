/** A listener as it tells the worker of its connections: limits, counting, and who owns what was accepted. */
import { stackOf } from "../../core/text/message_of.ts";
import type { ErrorCode } from "../../core/errors.ts";
import type { Timeouts } from "../../core/plan.ts";
import type { ByteSocket } from "../../net/h1/output.ts";
import { ServerConnection } from "../../net/h1/server.ts";
import type { ServerHost } from "../../net/h1/server_host.ts";
import type { ByteConsumer, ListenerHost, SocketClient, TlsSession } from "../../net/listener.ts";
import { addTo, countError, countLimit } from "../../observe/counters.ts";
import type { TimerWheel } from "../../platform/timer_wheel.ts";
import type { ConnectionCounts } from "./connection_counts.ts";
import type { ListenerRuntime, PlaneRuntime } from "./runtime.ts";

/** What a port needs of the worker. */
export interface PortHost {
  readonly serverHost: ServerHost<ServerConnection>;
  readonly runtime: PlaneRuntime;
  readonly counts: ConnectionCounts;
  readonly connections: Set<ServerConnection>;
  /** Clients that are admitted and not accepted yet, each with the port that it came to. */
  readonly opening: Map<SocketClient, ListenerPort>;
  /** Ends the oldest connection of a listener that waits for a request. Returns false when none does. */
  endOldestIdle(listenerName: string): boolean;
  warn(text: string): void;
}

const TLS_ERRORS: ReadonlySet<ErrorCode> = new Set(["FL_TLS_HANDSHAKE", "FL_TLS_TIMEOUT"]);

export class ListenerPort implements ListenerHost {
  /** Name in the plan that acts; another plan may give the same address another one. */
  name: string;
  readonly #host: PortHost;

  constructor(host: PortHost, name: string) {
    this.#host = host;
    this.name = name;
  }

  get wheel(): TimerWheel {
    return this.#host.serverHost.wheel;
  }

  get timeouts(): Timeouts {
    return this.#host.serverHost.timeouts;
  }

  /** The listener in the plan that acts. */
  get #listener(): ListenerRuntime | undefined {
    return this.#host.runtime.listeners.get(this.name);
  }

  admit(client: SocketClient): boolean {
    const listener = this.#listener;
    if (listener === undefined) return false;
    const { counts, runtime, serverHost } = this.#host;
    const { region, fixed } = runtime.counters;
    let limit = counts.enter(listener.index, client.address, serverHost.limits);
    if (limit === "connections" && this.#host.endOldestIdle(this.name)) {
      countLimit(region, fixed, "idle_connections");
      limit = counts.enter(listener.index, client.address, serverHost.limits);
    }
    if (limit === null) {
      addTo(region, listener.slots.connections_accepted_total, 1);
      addTo(region, listener.slots.connections_open, 1);
      this.#host.opening.set(client, this);
      return true;
    }
    countLimit(region, fixed, limit);
    return false;
  }

  accept(socket: ByteSocket, client: SocketClient, tls: TlsSession | null): ByteConsumer | null {
    const port = this;
    const listener = this.#listener;
    this.#host.opening.delete(client);
    if (listener === undefined) return null;
    if (tls !== null) addTo(this.#host.runtime.counters.region, listener.slots.tls_handshakes_total, 1);
    const connection = new ServerConnection(socket, this.#host.serverHost, {
      client,
      secure: tls !== null,
      get listenerName() {
        return port.name;
      },
      listenerIndex: listener.index,
      serverName: tls?.serverName ?? "",
      tlsVersion: tls?.version ?? "",
      hostRule: tls !== null && tls.checksHosts ? tls : null,
      abortsHalfClosed: listener.plan.half_closed_clients === "abort",
    });
    this.#host.connections.add(connection);
    return connection;
  }

  rejected(code: ErrorCode, detail: string, client: SocketClient, admitted: boolean): void {
    const { runtime } = this.#host;
    const { region, fixed } = runtime.counters;
    countError(region, fixed, code);
    const listener = this.#listener;
    if (listener !== undefined && TLS_ERRORS.has(code)) {
      addTo(region, listener.slots.tls_handshake_failures_total, 1);
    }
    if (admitted) this.left(client);
    if (code === "FL_BAD_PROXY_HEADER") this.#host.warn(`listener ${this.name}: ${detail}`);
  }

  failed(error: Error): void {
    this.#host.warn(`a connection was cut because of a fault: ${stackOf(error)}`);
  }

  /** A connection that was admitted is gone. */
  left(client: SocketClient): void {
    this.#host.opening.delete(client);
    const listener = this.#listener;
    if (listener === undefined) return;
    this.#host.counts.leave(listener.index, client.address);
    addTo(this.#host.runtime.counters.region, listener.slots.connections_open, -1);
  }
}
