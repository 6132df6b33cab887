/** A candidate of a pool: the plan's words about a backend's address in front of what lives there. */
import type { BackendPlan, PoolPlan } from "../../core/plan.ts";
import type { Candidate } from "../../core/strategies/contract.ts";
import type { BackendSlots } from "../../observe/metric_layout.ts";
import type { BackendConnections, BackendView } from "./backend_connections.ts";
import type { PlanCounters } from "./plan_counters.ts";

export class Upstream implements Candidate, BackendView {
  readonly key: string;
  /** This address's part of the backend's weight. */
  readonly weight: number;
  readonly limit: number;
  readonly backend: BackendPlan;
  readonly pool: PoolPlan;
  readonly slots: BackendSlots;
  readonly counters: PlanCounters;
  readonly connections: BackendConnections;
  /** Place of its zone among those of its pool, the nearest first. */
  zone = 0;

  constructor(
    key: string,
    weight: number,
    backend: BackendPlan,
    pool: PoolPlan,
    slots: BackendSlots,
    counters: PlanCounters,
    connections: BackendConnections,
  ) {
    this.key = key;
    this.weight = weight;
    this.limit = backend.max_in_flight;
    this.backend = backend;
    this.pool = pool;
    this.slots = slots;
    this.counters = counters;
    this.connections = connections;
  }

  get available(): boolean {
    return this.connections.available;
  }

  /** It may take requests, whether its strategy sees it or slow start gives it its own; limits are not looked at. */
  get serves(): boolean {
    return this.weight > 0 && this.connections.serves;
  }

  /** It may take one more request now. */
  get free(): boolean {
    return this.serves && this.hasRoom;
  }

  /** It is below its limit. */
  get hasRoom(): boolean {
    return this.limit === 0 || this.connections.in_flight < this.limit;
  }

  get latency_ms(): number {
    return this.connections.latency;
  }

  get in_flight(): number {
    return this.connections.in_flight;
  }

  set in_flight(requests: number) {
    this.connections.in_flight = requests;
  }
}
