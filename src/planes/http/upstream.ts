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

  set available(available: boolean) {
    this.connections.allow(available);
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
