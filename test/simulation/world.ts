/** What a scenario works with: a network, backends, and the real program between them. */
import { DEFAULT_LIMITS, DEFAULT_RETRIES, DEFAULT_TIMEOUTS } from "../../src/core/defaults.ts";
import type { PoolPlan, Timeouts } from "../../src/core/plan.ts";
import type { Snapshot } from "../../src/core/snapshot.ts";
import { listenerOf, planOf, poolOf, routeOf } from "../../src/core/test_plan.ts";
import type { HttpExchange } from "../../src/net/http_exchange.ts";
import type { AccessLog } from "../../src/observe/access_log.ts";
import { MetricLayout } from "../../src/observe/metric_layout.ts";
import { limitNumbers } from "../../src/planes/http/connection_counts.ts";
import { createStep } from "../../src/planes/http/middleware/all.ts";
import { HttpProgram } from "../../src/planes/http/program.ts";
import { socketAddress } from "../../src/platform/socket_address.ts";
import { Backend } from "./backends.ts";
import { Ledger } from "./ledger.ts";
import { Network, type Dice } from "./network.ts";
import type { Sabotage } from "./sabotage.ts";

const TIMEOUTS: Timeouts = {
  ...DEFAULT_TIMEOUTS,
  connect: 400,
  first_byte: 1_000,
  idle_progress: 1_500,
  request_header: 1_000,
  client_idle: 2_000,
  upstream_idle: 1_500,
};

export interface World {
  readonly dice: Dice;
  readonly network: Network;
  readonly ledger: Ledger;
  readonly program: HttpProgram;
  readonly backends: readonly Backend[];
  readonly pool: PoolPlan;
  readonly counters: Float64Array;
  readonly layout: MetricLayout;
  /** Nothing goes wrong but that all takes its time. */
  readonly isQuiet: boolean;
  /** Exchanges that are in use. */
  exchanges: number;
}

export function buildWorld(dice: Dice, sabotage: Sabotage): World {
  const isQuiet = dice.chance(0.25);
  const trouble = isQuiet ? 0 : dice.pick([0.05, 0.15, 0.4]);
  const network = new Network(dice, {
    delayMs: dice.pick([0, 1, 5, 20]),
    shortWrites: dice.pick([0, 0.1, 0.5]),
    splits: dice.pick([0, 0.2, 0.6]),
    windowBytes: dice.pick([2_000, 20_000, 200_000]),
    lostBytes: sabotage === "loses_a_byte" ? 1 : 0,
  });
  const ledger = new Ledger();
  const names = ["a", "b", "c", "d"].slice(0, dice.between(1, 4));
  const backends = names.map((name, number) => new Backend({ name, number, trouble }, network, ledger));
  for (const [index, backend] of backends.entries())
    network.listen(socketAddress({ kind: "tcp", host: `192.0.2.${index + 1}`, port: 80 }), backend);
  const pool = drawPool(dice, names, isQuiet, sabotage);
  const snapshot: Snapshot = {
    generation: 1,
    plan: planOf([pool], {
      listeners: [listenerOf("web", { half_closed_clients: "serve" })],
      routes: [routeOf("all", { target: { kind: "pool", pool: "web" } })],
      timeouts: TIMEOUTS,
      limits: { ...DEFAULT_LIMITS, requests_per_connection: dice.pick([0, 0, 4]) },
    }),
    files: {},
    health: {},
    members: {},
    overrides: {},
    documents: {},
  };
  const program = new HttpProgram(
    { index: 0, inProcess: true },
    {
      createStep,
      clock: network.clock,
      random: () => dice.below(1_000_000) / 1_000_000,
      makeConnector: network.makeConnector,
      warn: (text) => ledger.fault(`warned: ${text}`),
    },
  );
  const layout = MetricLayout.ofPlan(snapshot.plan, limitNumbers(1));
  const counters = new Float64Array(layout.counters);
  const regions = { counters, limits: new Float64Array(layout.limits), limitRow: 0, limitRows: 1 };
  for (const _ of program.prepare(snapshot, regions));
  program.apply();
  const world = { dice, network, ledger, program, backends, pool, counters, layout, isQuiet, exchanges: 0 };
  countExchanges(world);
  program.plane.accessLog = {
    write: (exchange: HttpExchange) => writeLine(ledger, exchange),
  } as unknown as AccessLog;
  return world;
}

function drawPool(dice: Dice, names: readonly string[], isQuiet: boolean, sabotage: Sabotage): PoolPlan {
  const backends = names.map((id, index) => ({
    id,
    url: `http://192.0.2.${index + 1}:80`,
    max_in_flight: isQuiet ? 0 : dice.pick([0, 0, 1, 3]),
  }));
  const repeatsPosts = sabotage === "repeats_posts";
  return poolOf("web", backends, {
    strategy: { name: dice.pick(["round_robin", "least_connections", "power_of_two_choices"]), options: {} },
    timeouts: TIMEOUTS,
    requests_per_connection: dice.pick([0, 0, 3]),
    max_idle_connections: dice.pick([0, 1, 100]),
    queue: { size: dice.pick([1, 100]), timeout_ms: 500 },
    retries: {
      ...DEFAULT_RETRIES,
      attempts: dice.pick([0, 1, 2, 3]),
      non_idempotent: repeatsPosts,
      on_status: dice.pick([repeatsPosts ? [503] : [], [503]]),
    },
  });
}

function countExchanges(world: World): void {
  const pool = world.program.portHost.serverHost.exchanges;
  const { take, give } = pool;
  pool.take = (most) => {
    world.exchanges++;
    return take.call(pool, most);
  };
  pool.give = (exchange) => {
    world.exchanges--;
    give.call(pool, exchange);
  };
}

function writeLine(ledger: Ledger, exchange: HttpExchange): void {
  const { target, status, reason, backendId, retries } = exchange;
  const id = target.startsWith("/r/") ? Number(target.slice("/r/".length)) : -1;
  ledger.lines.push({ id, status, reason, backend: backendId, retries });
}
