/**
 * What lives of a backend's address over reloads: its connections, the requests that are at work there, whether it may
 * take new ones. Plans come and go in front of it.
 */
import type { Limits, PoolPlan } from "../../core/plan.ts";
import type { Wanted } from "../../core/model.ts";
import { OutlierRecord } from "../../core/health/outliers.ts";
import { PeakEwma } from "../../core/strategies/peak_ewma.ts";
import { ClientConnection, type ConnectionOwner } from "../../net/h1/client.ts";
import { addTo } from "../../observe/counters.ts";
import type { BackendSlots } from "../../observe/metric_layout.ts";
import type { ClientTlsOptions } from "../../platform/connect.ts";
import type { SocketAddress } from "../../platform/socket_address.ts";
import { Deadline, Timed, type TimerWheel } from "../../platform/timer_wheel.ts";
import type { PlanCounters } from "./plan_counters.ts";

/** How often idle connections are looked at. */
const SWEEP_MS = 1_000;

/** A try that fails at once must not make its backend look fast. */
const FAILED_MS = 1_000;

/** What all backends of a worker share; `limits` change with a reload. */
export interface BackendHost {
  readonly wheel: TimerWheel;
  limits: Limits;
}

/** What the plan that acts says of a backend, and where it counts. */
export interface BackendView {
  readonly pool: PoolPlan;
  readonly slots: BackendSlots;
  readonly counters: PlanCounters;
}

/**
 * For slow start. `new`: the pool has not looked at it yet. `cold`: it was away, or came when others served. `starting`: its
 * share grows. `warm`: it has its whole weight as soon as it serves.
 */
export type Warmth = "new" | "cold" | "starting" | "warm";

export class BackendConnections extends Timed implements ConnectionOwner {
  readonly address: SocketAddress;
  /** `host:port` for Host fields and the log. */
  readonly authority: string;
  readonly tls: ClientTlsOptions | null;
  /** What strategies see: it serves, and slow start does not hold it back. */
  available = true;
  /** It may take requests: health and operator allow it, and it is not ejected. */
  serves = true;
  /** Where the pool starts backends slowly: how far this one has come. */
  warmth: Warmth = "new";
  /** When a slow start has begun, in monotonic milliseconds. */
  startedAt = 0;
  /** What tries have led to, where the pool looks at that. */
  readonly outlier = new OutlierRecord();
  #allowed = true;
  #held = false;
  #ejection: Deadline | null = null;
  in_flight = 0;
  open = 0;
  /** Times until answers began, where the pool's strategy reads them. */
  #latency: PeakEwma | null = null;
  /** Idle connections, the one that was used last at the end. */
  readonly idleConnections: ClientConnection[] = [];
  /** Connections that serve one client alone, idle or not. */
  readonly #privates = new Set<ClientConnection>();
  /** The plan's view that counts connections, null before the first plan with this address acts. */
  view: BackendView | null = null;
  readonly #host: BackendHost;
  #retired = false;
  #wanted: Wanted = "active";

  constructor(host: BackendHost, address: SocketAddress, authority: string, tls: ClientTlsOptions | null) {
    super();
    this.#host = host;
    this.address = address;
    this.authority = authority;
    this.tls = tls;
  }

  get wheel(): TimerWheel {
    return this.#host.wheel;
  }

  get maxHeaderBytes(): number {
    return this.#host.limits.header_bytes;
  }

  get maxFields(): number {
    return this.#host.limits.header_fields;
  }

  get chunkExtensionBytes(): number {
    return this.#host.limits.chunk_extension_bytes;
  }

  /** Times are kept from now on, and fade in `decayMs`; 0 = they are not kept. What was measured with the same stays. */
  keepLatency(decayMs: number): void {
    if (decayMs !== (this.#latency?.decay ?? 0)) this.#latency = decayMs === 0 ? null : new PeakEwma(decayMs);
  }

  /** Recent time until an answer began, in milliseconds, 0 = not known. */
  get latency(): number {
    return this.#latency?.at(this.wheel.coarseNow) ?? 0;
  }

  /** An answer has begun after `ms`, or the try has failed then; failures count as a long time. */
  answeredAfter(ms: number, failed: boolean): void {
    const latency = this.#latency;
    if (latency === null) return;
    const { coarseNow } = this.wheel;
    latency.observe(failed ? Math.max(ms, FAILED_MS, latency.at(coarseNow)) : ms, coarseNow);
  }

  /** Whether health and operator allow it. */
  allow(allowed: boolean): void {
    this.#allowed = allowed;
    this.#setAvailable();
  }

  /** Strategies do not see it: slow start gives it its requests. */
  hold(held: boolean): void {
    this.#held = held;
    this.#setAvailable();
  }

  #setAvailable(): void {
    this.serves = this.#allowed && this.#ejection === null;
    this.available = this.serves && !this.#held;
  }

  get ejected(): boolean {
    return this.#ejection !== null;
  }

  /** Leaves it out for so long; `over` is called when it may be chosen again. */
  eject(ms: number, over: () => void): void {
    this.#ejection = new Deadline(() => {
      this.readmit();
      over();
    });
    this.wheel.after(this.#ejection, ms);
    this.#count("backend_ejections_total", 1);
    this.#count("backend_ejected", 1);
    this.#setAvailable();
  }

  /** Ends that time. */
  readmit(): void {
    if (this.#ejection === null) return;
    this.wheel.remove(this.#ejection);
    this.#ejection = null;
    this.#count("backend_ejected", -1);
    this.#setAvailable();
  }

  /** A kept-alive connection, or null. */
  takeIdle(): ClientConnection | null {
    return this.idleConnections.pop() ?? null;
  }

  /** A connection that is counted as open; the caller connects it. */
  create(): ClientConnection {
    this.open++;
    this.#count("backend_connections_open", 1);
    this.#count("backend_connections_opened_total", 1);
    return new ClientConnection(this);
  }

  /** From now on `connection` serves one client alone: it waits for that one when it is idle. */
  makePrivate(connection: ClientConnection): void {
    connection.isPrivate = true;
    this.#privates.add(connection);
  }

  idle(connection: ClientConnection): void {
    if (this.#retired || !(connection.isPrivate ? this.#wanted !== "disabled" : this.#keeps(connection))) {
      connection.close();
      return;
    }
    connection.progressAt = this.wheel.coarseNow;
    if (!connection.isPrivate) this.idleConnections.push(connection);
    if (this.wheelTick === 0) this.wheel.after(this, SWEEP_MS);
  }

  #keeps(connection: ClientConnection): boolean {
    if (this.#wanted !== "active") return false;
    const pool = this.view?.pool;
    const most = pool?.max_idle_connections ?? 0;
    return this.idleConnections.length < most && !(pool !== undefined && isWorn(connection, pool));
  }

  gone(connection: ClientConnection): void {
    this.open--;
    this.#count("backend_connections_open", -1);
    const index = this.idleConnections.lastIndexOf(connection);
    if (index >= 0) this.idleConnections.splice(index, 1);
    if (connection.isPrivate) this.#privates.delete(connection);
  }

  /** Closes connections that have been idle for too long; the oldest stand first. */
  override onDeadline(now: number): void {
    const idleMs = this.view?.pool.timeouts.upstream_idle ?? 0;
    const { idleConnections } = this;
    const isOver = ({ progressAt }: ClientConnection) => idleMs > 0 && now - progressAt >= idleMs;
    while (idleConnections.length > 0 && isOver(idleConnections[0]!)) idleConnections[0]!.close();
    for (const connection of this.#privates)
      if (connection.exchange === null && isOver(connection)) connection.close();
    if (idleConnections.length > 0 || this.#privates.size > 0) this.wheel.after(this, SWEEP_MS);
  }

  get wanted(): Wanted {
    return this.#wanted;
  }

  /**
   * Without new work idle connections end now, busy ones after their exchange. While it drains, those that serve one
   * client alone stay for that client.
   */
  set wanted(wanted: Wanted) {
    this.#wanted = wanted;
    if (wanted === "draining") this.#closeShared();
    else if (wanted === "disabled") this.#closeIdle();
  }

  /** No plan names the address any more. */
  retire(): void {
    this.#retired = true;
    this.readmit();
    this.#closeIdle();
  }

  #closeShared(): void {
    for (const connection of this.idleConnections.slice()) connection.close();
  }

  #closeIdle(): void {
    this.#closeShared();
    for (const connection of this.#privates) if (connection.exchange === null) connection.close();
    this.wheel.remove(this);
  }

  /** A plan names the address (again). */
  adopt(view: BackendView): void {
    this.#retired = false;
    this.view = view;
  }

  #count(metric: keyof BackendSlots, change: number): void {
    const { view } = this;
    if (view !== null) addTo(view.counters.region, view.slots[metric], change);
  }
}

/** True when a connection has served for as long or as often as the pool wants; each has a share of its own. */
function isWorn(connection: ClientConnection, pool: PoolPlan): boolean {
  const { requests_per_connection: requests, timeouts } = pool;
  if (requests > 0 && connection.served >= requests * connection.share) return true;
  const age = connection.progressAt - connection.createdAt;
  return timeouts.upstream_age > 0 && age >= timeouts.upstream_age * connection.share;
}
