/** At the end of a scenario: what clients and backends saw, the access log and the counters must tell the same story. */
import { IDEMPOTENT_METHODS } from "../../src/core/model.ts";
import { ERROR_CODES, METHODS, RETRY_REASONS, STATUS_CLASSES } from "../../src/observe/label_values.ts";
import type { LogLine, SentRequest } from "./ledger.ts";
import type { World } from "./world.ts";

export function compareBooks(world: World): void {
  const lines = Map.groupBy(world.ledger.lines, ({ id }) => id);
  for (const request of world.ledger.requests) compareRequest(world, request, lines);
  compareCounters(world);
  compareRest(world);
}

type LinesById = ReadonlyMap<number, readonly LogLine[]>;

/**
 * RST takes answers from the client that it has not read (RFC 9112 9.6). That is so when a later
 * one of its connection was cut, or the client had sent more than the server looked at before it ended the connection.
 */
function wasTaken({ ledger }: World, { id, client }: SentRequest, lines: LinesById): boolean {
  return ledger.requests.some((other) => {
    if (other.client !== client || other.id <= id || other.outcome === "unsent") return false;
    const line = lines.get(other.id)?.[0];
    return line === undefined || line.reason !== "";
  });
}

function compareRequest(world: World, request: SentRequest, all: LinesById): void {
  const lines = all.get(request.id) ?? [];
  const { ledger, isQuiet } = world;
  const { id, method, outcome, status, answeredBy, arrivals, clientFault, behindClose } = request;
  const fault = (text: string): void =>
    ledger.fault(`request ${id} (${method}) ${text}: ${JSON.stringify({ request, lines })}`);
  const line = lines[0];
  if (lines.length > 1) fault("stands in the log more than once");
  if (outcome === "unsent" && (line !== undefined || arrivals.length > 0)) fault("was not sent");
  if (outcome === "sent" && !clientFault) fault("has no outcome");
  if (
    isQuiet &&
    !behindClose &&
    !wasTaken(world, request, all) &&
    (outcome !== "answered" || answeredBy === "")
  )
    fault("was not answered in a quiet network");

  if (outcome === "answered") {
    if (line === undefined) fault("was answered and is not in the log");
    else {
      if (line.status !== status) fault("has another status in the log");
      if (answeredBy !== "" && line.backend !== answeredBy) fault("has another backend in the log");
      if (answeredBy === "" && line.reason === "") fault("was answered by us for no reason");
      if (answeredBy !== "" && line.reason !== "" && !clientFault)
        fault("was answered as a whole and has a reason");
    }
  } else if ((outcome === "cut" || outcome === "lost") && !clientFault && !behindClose) {
    if (line === undefined) fault("got nothing and is not in the log");
    else if (line.reason === "" && !wasTaken(world, request, all))
      fault("got no whole answer and the log has no reason");
  }

  if (arrivals.length > 0 && line === undefined) fault("came to a backend and is not in the log");
  if (arrivals.length > 1 + (line?.retries ?? 0)) fault("came to backends more often than it was tried");
  if (arrivals.length > 1 && !IDEMPOTENT_METHODS.has(method)) fault("came twice and must not be repeated");
  if (arrivals.filter(({ bodyBytes }) => bodyBytes > 0).length > 1) fault("gave its body to two backends");
  if (line !== undefined && line.reason === "" && arrivals.length === 0)
    fault("ended in order without a backend");
}

function compareCounters(world: World): void {
  const { ledger, layout, counters, backends, network } = world;
  const expect = (what: string, is: number, should: number): void => {
    if (is !== should) ledger.fault(`${what}: ${is}, and ${should} have been`);
  };
  const sum = (from: number, count: number): number =>
    counters.subarray(from, from + count).reduce((a, b) => a + b, 0);
  const { lines } = ledger;
  const classes = STATUS_CLASSES.length;
  const ofRoute = (index: number): number =>
    sum(layout.routeSlots(index).http_requests_total, METHODS.length * classes);
  expect("http_requests_total", ofRoute(0) + ofRoute(-1), lines.length);
  const fixed = layout.fixedSlots();
  for (const [index, code] of ERROR_CODES.entries())
    expect(
      `request_errors_total ${code}`,
      counters[fixed.request_errors_total + index]!,
      lines.filter(({ reason }) => reason === code).length,
    );
  const pool = layout.poolSlots(0);
  const retries = lines.reduce((total, line) => total + line.retries, 0);
  expect("retries_total", sum(pool.retries_total, RETRY_REASONS.length), retries);
  expect("queue_length", counters[pool.queue_length]!, 0);
  const listener = layout.listenerSlots(0);
  expect("connections_accepted_total", counters[listener.connections_accepted_total]!, ledger.connections);
  expect("connections_open", counters[listener.connections_open]!, 0);
  let tries = 0;
  let opened = 0;
  for (const [index, { settings }] of backends.entries()) {
    const slots = layout.backendSlots(0, index);
    const here = sum(slots.backend_requests_total, classes);
    const arrived = ledger.requests.flatMap(({ arrivals }) =>
      arrivals.filter(({ backend }) => backend === settings.name),
    ).length;
    if (here < arrived) ledger.fault(`backend_requests_total ${settings.name}: ${here}, and ${arrived} came`);
    expect(`backend_connections_open ${settings.name}`, counters[slots.backend_connections_open]!, 0);
    tries += here;
    opened += counters[slots.backend_connections_opened_total]!;
  }
  expect("backend_connections_opened_total", opened, network.connects);
  const placed = lines.filter(({ backend }) => backend !== "").length;
  if (tries < placed || tries > placed + retries)
    ledger.fault(`backend_requests_total: ${tries}, and ${placed} requests had ${retries} more tries`);
}

/** No exchange, timer, place or connection is left. */
function compareRest(world: World): void {
  const { ledger, network, program } = world;
  const nothing = (what: string, count: number): void => {
    if (count !== 0) ledger.fault(`left at the end: ${count} ${what}`);
  };
  nothing("sockets", network.open.size);
  nothing("timers", program.portHost.serverHost.wheel.size);
  nothing("exchanges", world.exchanges);
  const { connections, active, queued } = program.stats();
  nothing("client connections", connections!);
  nothing("active requests", active!);
  nothing("queued requests", queued!);
  const { pools, backends } = program.plane.runtime;
  for (const { state } of pools.values()) nothing("requests that are tried again", state.retrying);
  for (const backend of backends.values()) {
    nothing("requests in flight", backend.in_flight);
    nothing("connections to backends", backend.open);
    nothing("idle connections", backend.idleConnections.length);
  }
}
