/**
 * One candidate of a pool as the http plane sees it: its address, its kept-alive connections, its requests in flight.
 */
import type { Candidate } from "../../core/strategies/contract.ts";
import type { BackendPlan, PoolPlan } from "../../core/plan.ts";
import { ClientConnection, type ConnectionOwner } from "../../net/h1/client.ts";
import type { BackendSlots } from "../../observe/metric_layout.ts";
import type { Connector } from "../../platform/connect.ts";
import type { SocketAddress } from "../../platform/socket_address.ts";
import { Timed, type TimerWheel } from "../../platform/timer_wheel.ts";

/** How often idle connections are looked at. */
const SWEEP_MS = 1_000;

export class Upstream extends Timed implements Candidate, ConnectionOwner {
  readonly key: string;
  readonly weight: number;
  available = true;
  in_flight = 0;
  readonly limit: number;
  readonly backend: BackendPlan;
  readonly pool: PoolPlan;
  readonly address: SocketAddress;
  readonly addressText: string;
  readonly wheel: TimerWheel;
  readonly slots: BackendSlots;
  readonly connector: Connector<ClientConnection>;
  readonly tls: Bun.TLSOptions | null;
  readonly maxHeaderBytes: number;
  readonly maxFields: number;
  readonly chunkExtensionBytes: number;
  /** Idle connections, the one that was used last at the end. */
  readonly idleConnections: ClientConnection[] = [];
  openConnections = 0;
  /** No new idle connections: the upstream has left the plan. */
  retired = false;

  constructor(parts: {
    readonly key: string;
    readonly weight: number;
    readonly backend: BackendPlan;
    readonly pool: PoolPlan;
    readonly address: SocketAddress;
    readonly addressText: string;
    readonly wheel: TimerWheel;
    readonly slots: BackendSlots;
    readonly connector: Connector<ClientConnection>;
    readonly tls: Bun.TLSOptions | null;
    readonly maxHeaderBytes: number;
    readonly maxFields: number;
    readonly chunkExtensionBytes: number;
  }) {
    super();
    this.key = parts.key;
    this.weight = parts.weight;
    this.backend = parts.backend;
    this.pool = parts.pool;
    this.limit = parts.backend.max_in_flight;
    this.address = parts.address;
    this.addressText = parts.addressText;
    this.wheel = parts.wheel;
    this.slots = parts.slots;
    this.connector = parts.connector;
    this.tls = parts.tls;
    this.maxHeaderBytes = parts.maxHeaderBytes;
    this.maxFields = parts.maxFields;
    this.chunkExtensionBytes = parts.chunkExtensionBytes;
  }

  /** A kept-alive connection, or null. */
  takeIdle(): ClientConnection | null {
    return this.idleConnections.pop() ?? null;
  }

  /** Starts to connect; the connector's handlers say how it went. */
  dial(): ClientConnection {
    const connection = new ClientConnection(this);
    this.openConnections++;
    return connection;
  }

  idle(connection: ClientConnection): void {
    if (this.retired || this.idleConnections.length >= this.pool.max_idle_connections) {
      connection.close();
      return;
    }
    connection.progressAt = this.wheel.coarseNow;
    this.idleConnections.push(connection);
    if (this.wheelTick === 0) this.wheel.after(this, SWEEP_MS);
  }

  gone(connection: ClientConnection): void {
    this.openConnections--;
    const index = this.idleConnections.lastIndexOf(connection);
    if (index >= 0) this.idleConnections.splice(index, 1);
  }

  /** Closes connections that have been idle for too long; the oldest stand first. */
  override onDeadline(now: number): void {
    const idleMs = this.pool.timeouts.upstream_idle;
    while (this.idleConnections.length > 0 && idleMs > 0 && now - this.idleConnections[0]!.progressAt >= idleMs) {
      this.idleConnections[0]!.close();
    }
    if (this.idleConnections.length > 0) this.wheel.after(this, SWEEP_MS);
  }

  /** Leaves the plan: idle connections end now, busy ones after their exchange. */
  retire(): void {
    this.retired = true;
    for (const connection of this.idleConnections.slice()) connection.close();
    this.wheel.remove(this);
  }
}
