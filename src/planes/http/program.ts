/** What runs in a worker for the http plane: its listeners and connections, and the plans that come to it. */
import { stackOf } from "../../core/text/message_of.ts";
import { liveState } from "../../core/health/delta.ts";
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS } from "../../core/defaults.ts";
import type { AskedRequest, PlaneExplanation } from "../../core/explain/answer.ts";
import type { AccessLogPlan, Limits, ListenerPlan, Plan } from "../../core/plan.ts";
import { type DocumentMap, listenerKey, type Snapshot, type SnapshotDelta } from "../../core/snapshot.ts";
import type {
  CounterRegions,
  DrainDeadlines,
  WorkerIdentity,
  WorkerProgram,
} from "../../core/worker_program.ts";
import type { ServerConnection } from "../../net/h1/server.ts";
import type { ServerHost } from "../../net/h1/server_host.ts";
import { openListener, type Listener } from "../../net/listener.ts";
import { ExchangePool } from "../../net/http_exchange.ts";
import { AccessLog } from "../../observe/access_log.ts";
import { addTo, countLimit, observeHistogram } from "../../observe/counters.ts";
import { watchLoop } from "../../observe/loop_delay.ts";
import { MetricLayout } from "../../observe/metric_layout.ts";
import { moveGauges } from "../../observe/move_gauges.ts";
import { realClock, type Clock } from "../../platform/clock.ts";
import { Deadline, TimerWheel } from "../../platform/timer_wheel.ts";
import { checkTlsEngines, NO_TLS_ENGINES, type TlsEngines } from "../../platform/tls_self_check.ts";
import type { MakeConnector } from "./attempts.ts";
import { adoptStates, buildRuntime, type BuildHost } from "./build.ts";
import type { CreateStep } from "./build_steps.ts";
import { ConnectionCounts, limitNumbers, stepTables } from "./connection_counts.ts";
import { explain } from "./explain/explain.ts";
import { ListenerPort, type PortHost } from "./listener_port.ts";
import { applyAvailability, applyDelta, type BuiltPlan } from "./members.ts";
import { MachineCounts } from "./middleware/shared_counts.ts";
import { HttpPlane } from "./plane.ts";
import type { AttemptState } from "./runtime.ts";

const NO_LIMITS: Limits = { ...DEFAULT_LIMITS, connections: 0, connections_per_ip: 0 };

/** Connections that are looked at for one that is idle when a listener is full. */
const MOST_LOOKED_AT = 256;

/** At its end a drain waits at most so long for a slow reader of the access log. */
const LAST_LINES_MS = 1_000;

/** How often a drain looks whether all connections are gone. */
const DRAIN_LOOK_MS = 20;

/** What another plane has in a worker: it is told of its documents, and answers through steps. */
export interface WorkerPart {
  /** Documents of a snapshot that acts from now on: all of them. */
  documents(all: DocumentMap): void;
  /** Documents that have changed. */
  changed(documents: DocumentMap): void;
  /** Memory that documents name; null = none does any more. It comes before them. */
  shared?(name: string, bytes: Uint8Array<ArrayBuffer> | null): void;
  /** By which its other half in the supervisor asks. */
  readonly name?: string;
  answer?(question: unknown): unknown;
  /** A drain begins: what lasts as long as its client likes should end soon. */
  drain?(): void;
  /** No request comes any more. */
  end?(): void;
}

export interface HttpProgramParts {
  readonly createStep: CreateStep;
  readonly parts?: readonly WorkerPart[];
  readonly clock?: Clock;
  readonly random?: () => number;
  /** Default: the machine's network. */
  readonly makeConnector?: MakeConnector | undefined;
  /** Told of what an operator should know; default: nowhere. */
  readonly warn?: (text: string) => void;
}

interface OpenListener {
  readonly key: string;
  readonly port: ListenerPort;
  readonly accepting: Listener;
}

interface Prepared extends BuiltPlan {
  readonly regions: CounterRegions;
}

export class HttpProgram implements WorkerProgram {
  readonly plane: HttpPlane;
  readonly #clock: Clock;
  readonly #unwatchLoop: () => void;
  readonly #serverHost: ServerHost<ServerConnection>;
  readonly #buildHost: BuildHost;
  readonly #connections = new Set<ServerConnection>();
  readonly #listeners = new Map<string, OpenListener>();
  /** Listeners that accept no more and have connections whose handshake is not over. */
  readonly #stopped = new Set<Listener>();
  readonly portHost: PortHost;
  #engines: TlsEngines | null = null;
  #prepared: Prepared | null = null;
  #acting: Prepared | null = null;
  #counts: ConnectionCounts | null = null;
  readonly #stepCounts = new MachineCounts();
  #logFd = -1;
  readonly #parts: readonly WorkerPart[];
  #draining = false;
  /** Monotonic times at which a drain cuts requests, and tunnels and event streams. */
  #cutRequestsAt = Infinity;
  #cutTunnelsAt = Infinity;

  constructor(_identity: WorkerIdentity, parts: HttpProgramParts) {
    const clock = parts.clock ?? realClock;
    const now = () => clock.now();
    this.#clock = clock;
    this.#parts = parts.parts ?? [];
    this.#unwatchLoop = watchLoop(clock, (delayMs) => this.#loopDelayed(delayMs));
    const wheel = new TimerWheel(clock, (error) =>
      this.#buildHost.warn(`a deadline failed because of a fault: ${stackOf(error)}`),
    );
    const program = this;
    this.plane = new HttpPlane({
      makeConnector: parts.makeConnector,
      wheel,
      now,
      warn: (text) => this.#buildHost.warn(text),
      get draining() {
        return program.#draining;
      },
    });
    this.#serverHost = {
      handler: this.plane,
      wheel,
      exchanges: new ExchangePool(),
      now,
      limits: DEFAULT_LIMITS,
      timeouts: DEFAULT_TIMEOUTS,
      draining: false,
      connectionClosed: (connection) => this.#closed(connection),
      limitHit: (limit) => countLimit(this.#counters.region, this.#counters.fixed, limit),
    };
    this.portHost = {
      serverHost: this.#serverHost,
      connections: this.#connections,
      opening: new Map(),
      endOldestIdle: (name) => this.#endOldestIdle(name),
      warn: (text) => this.#buildHost.warn(text),
      get runtime() {
        return program.plane.runtime;
      },
      get counts() {
        return program.#counts!;
      },
    };
    this.#buildHost = {
      wheel,
      now,
      limits: DEFAULT_LIMITS,
      random: parts.random ?? Math.random,
      createStep: parts.createStep,
      sharedCounts: this.#stepCounts,
      warn: parts.warn ?? (() => {}),
    };
  }

  #loopDelayed(delayMs: number): void {
    if (this.#acting === null) return;
    const { region, fixed, boundsMs } = this.#counters;
    observeHistogram(region, fixed.worker_event_loop_delay_seconds, boundsMs, delayMs);
  }

  get #counters() {
    return this.plane.runtime.counters;
  }

  // Plans.

  *prepare(snapshot: Snapshot, regions: CounterRegions): Generator<void> {
    const { plan } = snapshot;
    const layout = MetricLayout.ofPlan(plan, limitNumbers(plan.listeners.length));
    // In one process with the supervisor the snapshot is that of the supervisor.
    const own = liveState(snapshot);
    yield* this.#checkEngines(plan);
    const before = this.#acting?.runtime ?? null;
    const runtime = yield* buildRuntime(this.#buildHost, own, layout, regions.counters, before);
    this.#prepared = { runtime, layout, regions, snapshot: own };
  }

  /** Waits for the self-check of TLS when a plan needs TLS for the first time. */
  *#checkEngines({ listeners }: Plan): Generator<void> {
    yield;
    if (this.#engines !== null || listeners.every(({ tls }) => tls === null)) return;
    void checkTlsEngines().then((engines) => (this.#engines = engines));
    while (this.#engines === null) yield;
  }

  apply(): void {
    const next = this.#prepared;
    if (next === null) throw new Error("nothing is prepared");
    const before = this.#acting;
    this.#prepared = null;
    this.#acting = next;
    const { runtime, regions } = next;
    const { limits, timeouts } = runtime.plan;
    Object.assign(this.#serverHost, { limits, timeouts });
    this.#buildHost.limits = limits;
    if (before !== null && before.regions.counters !== regions.counters)
      moveGauges(before.layout, before.regions.counters, next.layout, regions.counters);
    this.plane.runtime = runtime;
    adoptStates(runtime, before?.runtime ?? null);
    applyAvailability(this.#buildHost, runtime, next.snapshot);
    for (const part of this.#parts) part.documents(next.snapshot.documents);
    for (const pool of runtime.pools.values()) this.plane.attempts.adoptQueue(pool);
    this.#nameListeners();
    if (before?.regions.limits !== regions.limits) this.#countAgain(next);
    this.#configureLog(runtime.plan.observability.access_log);
    this.#replaceListeners();
  }

  /** Counts what is open in regions that are new. */
  #countAgain({ regions, runtime }: Prepared): void {
    const counts = new ConnectionCounts(regions, runtime.plan.listeners.length);
    this.#counts = counts;
    this.#stepCounts.moveTo(stepTables(regions, runtime.plan.listeners.length));
    const { region } = runtime.counters;
    for (const { slots } of runtime.listeners.values()) region[slots.connections_open] = 0;
    const count = (name: string, address: string) => {
      const listener = runtime.listeners.get(name);
      if (listener === undefined) return;
      counts.enter(listener.index, address, NO_LIMITS);
      addTo(region, listener.slots.connections_open, 1);
    };
    for (const { origin } of this.#connections) count(origin.listenerName, origin.client.address);
    for (const [client, port] of this.portHost.opening) count(port.name, client.address);
  }

  #configureLog(plan: AccessLogPlan | null): void {
    const { plane } = this;
    if (plan === null) {
      plane.accessLog?.close();
      plane.accessLog = null;
      return;
    }
    if (plane.accessLog !== null) {
      plane.accessLog.configure(plan);
      return;
    }
    const count = (name: "dropped" | "sampled_out", lines: number) =>
      addTo(this.#counters.region, this.#counters.fixed[`access_log_lines_${name}_total`], lines);
    const events = {
      dropped: (lines: number) => count("dropped", lines),
      sampledOut: () => count("sampled_out", 1),
      failing: (words: string) => this.#buildHost.warn(`the access log cannot be written: ${words}`),
      recovered: () => this.#buildHost.warn("the access log is written again"),
    };
    plane.accessLog = new AccessLog(plan, this.#clock, events, this.#buildHost.random);
    if (this.#logFd >= 0) plane.accessLog.open(this.#logFd);
    this.#logFd = -1;
  }

  discard(): void {
    this.#prepared = null;
  }

  shared(name: string, bytes: Uint8Array<ArrayBuffer> | null): void {
    for (const part of this.#parts) part.shared?.(name, bytes);
  }

  delta(delta: SnapshotDelta): void {
    if (this.#prepared !== null) applyDelta(this.#buildHost, this.#prepared, delta);
    if (this.#acting === null) return;
    const changed = applyDelta(this.#buildHost, this.#acting, delta);
    for (const part of this.#parts) part.changed(delta.documents);
    for (const [id, override] of Object.entries(delta.overrides))
      if (override.enabled === "disabled") this.#disabled(id, override.cuts_tunnels === true);
    for (const pool of changed) this.plane.attempts.wakeQueue(pool);
  }

  /** A backend has had its time to drain: what it still has ends, tunnels when theirs is over. */
  #disabled(id: string, cutsTunnels: boolean): void {
    const { plan, pools } = this.plane.runtime;
    const { drain, drain_tunnels } = pools.get(id.slice(0, id.indexOf("/")))?.plan.timeouts ?? plan.timeouts;
    this.#cutWork(id, false);
    const isDisabled = () => this.#acting?.snapshot.overrides[id]?.enabled === "disabled";
    const left = cutsTunnels ? 0 : Math.max(0, drain_tunnels - drain);
    if (left === 0) this.#cutWork(id, true);
    else this.#serverHost.wheel.after(new Deadline(() => isDisabled() && this.#cutWork(id, true)), left);
  }

  /** Ends what the backend `pool/id` has: its tunnels and event streams, or everything else. */
  #cutWork(id: string, tunnels: boolean): void {
    for (const { exchange } of this.#connections) {
      if (exchange === null || exchange.done || exchange.openEnded !== tunnels) continue;
      const { upstream = null } = (exchange.attempt as AttemptState | null) ?? {};
      if (upstream !== null && `${upstream.pool.name}/${upstream.backend.id}` === id)
        this.plane.attempts.cut(exchange, "FL_BACKEND_DISABLED");
    }
  }

  // Listeners and connections.

  openListener(key: string, listener: ListenerPlan, slot: number, fd: number): void {
    const port = new ListenerPort(this.portHost, listener.name);
    const { plan, tls } = this.plane.runtime.listeners.get(listener.name)!;
    const accepting = openListener({ plan, fd, tls, host: port, engines: this.#engines ?? NO_TLS_ENGINES });
    this.#listeners.set(`${slot} ${key}`, { key, port, accepting });
  }

  /** Listeners that stay may have other names in the plan that acts now, and so have their connections. */
  #nameListeners(): void {
    for (const { plan } of this.plane.runtime.listeners.values()) {
      const key = listenerKey(plan);
      for (const open of this.#listeners.values()) if (open.key === key) open.port.name = plan.name;
    }
  }

  /** Gives listeners that stay the settings of the plan that acts now. */
  #replaceListeners(): void {
    for (const { plan, tls } of this.plane.runtime.listeners.values()) {
      const key = listenerKey(plan);
      for (const open of this.#listeners.values()) if (open.key === key) open.accepting.replace(plan, tls);
    }
  }

  /** Makes room for a new connection: ends the oldest one of a listener that waits for a request. */
  #endOldestIdle(listenerName: string): boolean {
    let looked = 0;
    for (const connection of this.#connections) {
      if (connection.idle && connection.origin.listenerName === listenerName) {
        connection.endIdle();
        return true;
      }
      if (++looked === MOST_LOOKED_AT) break;
    }
    return false;
  }

  #closed(connection: ServerConnection): void {
    if (!this.#connections.delete(connection)) return;
    this.plane.clientGone(connection);
    const { client, listenerName } = connection.origin;
    const { runtime } = this.plane;
    const listener = runtime.listeners.get(listenerName);
    if (listener === undefined) return;
    this.#counts!.leave(listener.index, client.address);
    addTo(runtime.counters.region, listener.slots.connections_open, -1);
  }

  closeListener(key: string, slot: number): void {
    const open = this.#listeners.get(`${slot} ${key}`);
    if (open === undefined) return;
    open.accepting.stop();
    this.#listeners.delete(`${slot} ${key}`);
    if (open.accepting.opening > 0) this.#stopped.add(open.accepting);
  }

  openLog(_name: string, fd: number): void {
    if (this.plane.accessLog === null) this.#logFd = fd;
    else this.plane.accessLog.open(fd);
  }

  // The end.

  async drain({ requestsMs, tunnelsMs, idleMs }: DrainDeadlines): Promise<void> {
    const now = this.#clock.now();
    this.#cutRequestsAt = Math.min(this.#cutRequestsAt, now + requestsMs);
    this.#cutTunnelsAt = Math.min(this.#cutTunnelsAt, now + tunnelsMs);
    this.#draining = true;
    this.#serverHost.draining = true;
    for (const connection of this.#connections) connection.drain(idleMs);
    for (const part of this.#parts) part.drain?.();
    while (!this.#isEmpty()) {
      this.#cutOverdue(this.#clock.now());
      if (this.#isEmpty()) break;
      await Bun.sleep(DRAIN_LOOK_MS);
    }
    await this.#end();
  }

  #isEmpty(): boolean {
    for (const listener of this.#stopped) if (listener.opening === 0) this.#stopped.delete(listener);
    return this.#connections.size === 0 && this.#listeners.size === 0 && this.#stopped.size === 0;
  }

  #cutOverdue(now: number): void {
    for (const connection of this.#connections) {
      const isOpenEnded = connection.exchange?.openEnded === true;
      if (now >= (isOpenEnded ? this.#cutTunnelsAt : this.#cutRequestsAt)) connection.cutForDrain();
    }
  }

  async #end(): Promise<void> {
    this.#unwatchLoop();
    for (const connections of this.#acting?.runtime.backends.values() ?? []) connections.retire();
    for (const part of this.#parts) part.end?.();
    const log = this.plane.accessLog;
    if (log === null) return;
    log.flush();
    for (let waited = 0; log.waiting > 0 && waited < LAST_LINES_MS; waited += DRAIN_LOOK_MS) {
      await Bun.sleep(DRAIN_LOOK_MS);
      log.flush();
    }
    // Counts what nobody has taken.
    log.close();
  }

  layout(): MetricLayout {
    if (this.#acting === null) throw new Error("no plan acts yet");
    return this.#acting.layout;
  }

  explain(request: AskedRequest): Generator<void, PlaneExplanation> {
    if (this.#acting === null) throw new Error("no plan acts yet");
    return explain({ clock: this.#clock, draining: this.#draining }, this.#acting, request);
  }

  answer(name: string, question: unknown): unknown {
    return this.#parts.find((part) => part.name === name)?.answer?.(question) ?? null;
  }

  stats(): Readonly<Record<string, number>> {
    const { runtime } = this.plane;
    let active = 0;
    let queued = 0;
    for (const { state } of runtime.pools.values()) {
      active += state.active;
      queued += state.queue.length;
    }
    return { connections: this.#connections.size, listeners: this.#listeners.size, active, queued };
  }
}
