import { expect, test } from "bun:test";
import { MemorySocket } from "../../../test/support/http1/memory_socket.ts";
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS } from "../../core/defaults.ts";
import { ManualClock } from "../../platform/clock.ts";
import { TimerWheel } from "../../platform/timer_wheel.ts";
import { ExchangePool, type ExchangeHandler } from "../http_exchange.ts";
import { ServerConnection } from "./server.ts";

const CLIENT = { address: "192.0.2.7", port: 1, localPort: 80, peerAddress: "192.0.2.7", trusted: false };
const BODY = "x".repeat(1_000);

/** A connection whose requests are answered with `BODY`, and with the lines `fields`, as soon as their heads are there. */
function answeredAtOnce(socket: MemorySocket, fields = "") {
  const clock = new ManualClock();
  const reasons: string[] = [];
  const handler = {
    onRequest: (exchange) => void exchange.respond(200, fields, BODY),
    onDone: (exchange) => reasons.push(exchange.reason),
  } as Partial<ExchangeHandler> as ExchangeHandler;
  const connection = new ServerConnection(
    socket,
    {
      handler,
      wheel: new TimerWheel(clock),
      exchanges: new ExchangePool(),
      now: () => clock.now(),
      limits: DEFAULT_LIMITS,
      timeouts: DEFAULT_TIMEOUTS,
      draining: false,
      connectionClosed() {},
      limitHit() {},
    },
    {
      client: CLIENT,
      secure: false,
      listenerName: "web",
      listenerIndex: 0,
      serverName: "",
      tlsVersion: "",
      hostRule: null,
      abortsHalfClosed: false,
    },
  );
  return { connection, clock, reasons };
}

const HEAD = Buffer.from("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n");

test("a request that ends while its early answer still waits for the client ends with the answer, not before", () => {
  const socket = new MemorySocket(100);
  const { connection, reasons } = answeredAtOnce(socket);
  connection.onData(Buffer.from(HEAD));
  connection.onData(Buffer.from("1"));
  expect([reasons, socket.ended]).toEqual([[], false]);
  socket.window = Infinity;
  connection.onDrain();
  expect([reasons, socket.ended]).toEqual([[""], true]);
  expect(socket.bytes.toString()).toEndWith(`\r\n\r\n${BODY}`);
});

test("a client that does not take an early answer is cut in time although its request has ended", () => {
  const socket = new MemorySocket(100);
  const { connection, clock, reasons } = answeredAtOnce(socket);
  connection.onData(Buffer.from(HEAD));
  connection.onData(Buffer.from("1"));
  clock.advance(DEFAULT_TIMEOUTS.idle_progress * 2);
  expect([reasons, socket.reset]).toEqual([["FL_CLIENT_TOO_SLOW"], true]);
});

test("an answer of our own may have more fields than a segment, and waits as a whole", () => {
  for (const length of [0, 40_000]) {
    const socket = new MemorySocket(100);
    const fields = `X-Long: ${"y".repeat(length)}\r\n`;
    const { connection } = answeredAtOnce(socket, fields);
    connection.onData(Buffer.from("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    socket.window = Infinity;
    connection.onDrain();
    expect(socket.bytes.toString()).toBe(`HTTP/1.1 200 OK\r\n${fields}Content-Length: 1000\r\n\r\n${BODY}`);
  }
});
