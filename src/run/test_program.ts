/**
 * The smallest program that a worker can run: a listener answers every connection with the text that the plan gives it,
 * after the client's first byte, and closes. Used by the tests of processes, reload and drain.
 */
import { writeSync } from "node:fs";
import { DEFAULT_TIMEOUTS } from "../core/defaults.ts";
import type { ListenAddress, ListenerPlan, Plan } from "../core/plan.ts";
import { listenerKey, type Snapshot, type SnapshotDelta } from "../core/snapshot.ts";
import { listenerOf, planOf } from "../core/test_plan.ts";
import type {
  CounterKeeper,
  CounterLayout,
  CounterRegions,
  DrainDeadlines,
  WorkerIdentity,
  WorkerProgram,
} from "../core/worker_program.ts";
import { acceptOn, closeDescriptor } from "../platform/sockets.ts";

/** Counter 0 counts answers. */
export const ANSWERS = 0;

/** A plan with another metrics prefix has another layout. */
const layoutOf = (plan: Plan): CounterLayout => ({
  key: plan.observability.metrics.prefix,
  counters: 8,
  limits: 2,
});

/** Keeps what dead workers had counted. */
export class TestCounters implements CounterKeeper {
  readonly kept = new Map<string, number>();

  layout(plan: Plan) {
    return layoutOf(plan);
  }

  retire(layout: { key: string }, values: Float64Array): void {
    this.kept.set(layout.key, (this.kept.get(layout.key) ?? 0) + (values[ANSWERS] ?? 0));
  }

  totals(): object {
    return Object.fromEntries(this.kept);
  }

  adopt(totals: object): void {
    for (const [key, count] of Object.entries(totals as Record<string, number>))
      this.kept.set(key, (this.kept.get(key) ?? 0) + count);
  }
}

/**
 * A plan with listeners; an address of null = a port of its own on 127.0.0.1. Accepts are not deferred, so that a
 * connection is there before its first byte, and a drain ends soon. Fields of the plan as given: `state_dir` is the
 * text of the answers.
 */
export function testPlan(
  listeners: Readonly<Record<string, ListenAddress | null>>,
  fields: Partial<Plan> = {},
): Plan {
  return planOf([], {
    state_dir: "",
    listeners: Object.entries(listeners).map(([name, address]) =>
      listenerOf(name, { defer_accept: false, ...(address !== null && { address }) }),
    ),
    timeouts: { ...DEFAULT_TIMEOUTS, drain: 5_000, drain_tunnels: 5_000 },
    ...fields,
  });
}

interface Connection {
  readonly program: TestProgram;
  readonly key: string;
}

/** Text of the answers: the body of the first route, or else the state directory. */
function answerText(plan: Plan): string {
  const target = plan.routes[0]?.target;
  return target?.kind === "respond" ? target.body : plan.state_dir;
}

/**
 * An answer text with `fail` in it makes `prepare` throw, one with `die` kills the process there, one with `orphan` kills
 * the supervisor when the worker begins to accept.
 */
export class TestProgram implements WorkerProgram {
  readonly identity: WorkerIdentity;
  health: Record<string, string> = {};
  log = -1;
  answered = 0;
  draining = false;

  readonly #listeners = new Map<string, Bun.TCPSocketListener<Connection>>();
  readonly #connections = new Set<Bun.Socket<Connection>>();
  #prepared: { snapshot: Snapshot; regions: CounterRegions } | null = null;
  #applied: { snapshot: Snapshot; regions: CounterRegions } | null = null;

  constructor(identity: WorkerIdentity) {
    this.identity = identity;
  }

  *prepare(snapshot: Snapshot, regions: CounterRegions): Generator<void> {
    const text = answerText(snapshot.plan);
    if (text.includes("die")) process.kill(process.pid, "SIGKILL");
    for (let step = 0; step < 20; step++) yield;
    if (text.includes("fail")) throw new Error(`plan ${text} cannot be built`);
    this.#prepared = { snapshot, regions };
  }

  apply(): void {
    this.#applied = this.#prepared;
    this.health = { ...this.#applied?.snapshot.health };
  }

  discard(): void {
    this.#prepared = null;
  }

  openListener(key: string, listener: ListenerPlan, slot: number, fd: number): void {
    const accepting = acceptOn<Connection>(fd, listener.backlog, {
      data: { program: this, key },
      socket: {
        open: (socket) => void this.#connections.add(socket),
        data: (socket) => this.#answer(socket),
        end: (socket) => void socket.end(),
        close: (socket) => this.#closed(socket),
      },
    });
    this.#listeners.set(`${slot} ${key}`, accepting);
    const applied = this.#applied;
    if (applied !== null && answerText(applied.snapshot.plan).includes("orphan"))
      process.kill(process.ppid, "SIGKILL");
  }

  #answer(socket: Bun.Socket<Connection>): void {
    const applied = this.#applied;
    if (applied === null) throw new Error("a connection before the first snapshot");
    const { key } = socket.data;
    const known = applied.snapshot.plan.listeners.some((listener) => listenerKey(listener) === key);
    this.answered++;
    const { counters } = applied.regions;
    counters[ANSWERS] = (counters[ANSWERS] ?? 0) + 1;
    socket.end(
      known ? `${answerText(applied.snapshot.plan)} ${process.pid}` : "a listener outside of the plan",
    );
  }

  #closed(socket: Bun.Socket<Connection>): void {
    this.#connections.delete(socket);
  }

  closeListener(key: string, slot: number): void {
    this.#listeners.get(`${slot} ${key}`)?.stop();
    this.#listeners.delete(`${slot} ${key}`);
  }

  openLog(_name: string, fd: number): void {
    writeSync(fd, `${process.pid}\n`);
    if (this.log >= 0) closeDescriptor(this.log);
    this.log = fd;
  }

  delta({ health }: SnapshotDelta): void {
    Object.assign(this.health, health);
  }

  async drain(deadlines: DrainDeadlines): Promise<void> {
    this.draining = true;
    const end = performance.now() + deadlines.requestsMs;
    while (this.#listeners.size > 0 || this.#connections.size > 0) {
      if (performance.now() >= end) for (const socket of this.#connections) socket.terminate();
      await Bun.sleep(5);
    }
  }

  layout(): CounterLayout {
    if (this.#applied === null) throw new Error("no plan acts yet");
    return layoutOf(this.#applied.snapshot.plan);
  }

  explain(): never {
    throw new Error("nothing to explain");
  }

  stats(): Readonly<Record<string, number>> {
    return {
      answered: this.answered,
      listeners: this.#listeners.size,
      health: Object.keys(this.health).length,
    };
  }
}

export const createTestProgram = (identity: WorkerIdentity): TestProgram => new TestProgram(identity);
