import { expect, test } from "bun:test";
import type { Step } from "../../../net/exchange.ts";
import { PING, TEXT } from "../../../net/websocket/frame_reader.ts";
import { clientFrame } from "../../../net/websocket/test_websocket.ts";
import { runStep, type TestRun } from "../../http/middleware/test_exchange.ts";
import { DecisionSocket, type DecisionSocketHost } from "./decision_socket.ts";

interface Opened {
  readonly run: TestRun;
  readonly socket: DecisionSocket;
  /** What waits for its turn, and for its time. */
  readonly turns: (() => void)[];
  readonly timers: (() => void)[];
  closed: number;
  /** What the client has received behind the head. */
  received(): string;
  send(...frames: readonly Uint8Array[]): void;
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const message = (text: string): Uint8Array => clientFrame(TEXT, utf8(text));

/** Answers each message with itself in brackets. */
function open(): Opened {
  const turns: (() => void)[] = [];
  const timers: (() => void)[] = [];
  let socket: DecisionSocket | null = null;
  const host: DecisionSocketHost = {
    maxMessageBytes: 1_000,
    answer: (_exchange, text) => `[${text}]`,
    later: (run) => turns.push(run),
    after(_ms, run) {
      timers.push(run);
      return () => void timers.splice(timers.indexOf(run), 1);
    },
    closed: () => opened.closed++,
  };
  const step: Step = {
    name: "socket",
    onRequest(exchange) {
      socket = new DecisionSocket(exchange, host);
      return exchange.upgrade("Upgrade: websocket\r\nConnection: Upgrade\r\n", socket);
    },
  };
  const run = runStep(step, { fields: ["Host: a", "Connection: upgrade", "Upgrade: websocket"] });
  const opened: Opened = {
    run,
    socket: socket!,
    turns,
    timers,
    closed: 0,
    received: () => run.written.slice(run.written.indexOf("\r\n\r\n") + 4),
    send: (...frames) => run.connection.onData(new Uint8Array(Buffer.concat(frames))),
  };
  return opened;
}

test("messages that come together are answered together, some in a row, and then others have their turn", () => {
  const opened = open();
  opened.send(...Array.from({ length: 250 }, (_, number) => message(`${number}`)));
  const answers = () => [...opened.received().matchAll(/\[(\d+)\]/g)].map(([, number]) => Number(number));
  expect([answers().length, opened.turns.length]).toEqual([100, 1]);
  // More that comes meanwhile waits behind the others.
  opened.send(message("250"));
  expect(answers().length).toBe(100);
  opened.turns.shift()!();
  opened.turns.shift()!();
  expect(answers()).toEqual(Array.from({ length: 251 }, (_, number) => number));
  expect(opened.turns).toEqual([]);
});

test("a drain answers what has come, tells the client, and cuts one that goes on", () => {
  const opened = open();
  opened.send(...Array.from({ length: 150 }, (_, number) => message(`${number}`)));
  opened.socket.drain();
  expect(opened.received()).not.toContain("\x88\x02");
  opened.turns.shift()!();
  expect(opened.received()).toEndWith("[149]\x88\x02\x03\xe9");
  const { length } = opened.received();
  opened.send(message("late"), clientFrame(PING, utf8("p")));
  expect(opened.received().length).toBe(length);
  expect([opened.run.isDone, opened.timers.length]).toEqual([false, 1]);
  opened.timers[0]!();
  expect([opened.run.isDone, opened.closed, opened.timers.length]).toEqual([true, 1, 0]);
});

test("a close is answered, nothing is answered behind it, and the end of the client ends all", async () => {
  const opened = open();
  opened.send(message("1"), clientFrame(8, Uint8Array.of(3, 232)), message("2"));
  expect(opened.received()).toEndWith("[1]\x88\x02\x03\xe8");
  await Promise.resolve();
  opened.run.connection.onEnd();
  expect([opened.run.isDone, opened.closed, opened.timers.length]).toEqual([true, 1, 0]);
});

test("a client that ends without a close ends all", async () => {
  const opened = open();
  opened.send(message("1"));
  opened.run.connection.onEnd();
  await Promise.resolve();
  expect([opened.run.isDone, opened.closed, opened.timers.length]).toEqual([true, 1, 0]);
  const gone = open();
  gone.run.connection.onClose();
  expect([gone.run.isDone, gone.closed]).toEqual([true, 1]);
});
