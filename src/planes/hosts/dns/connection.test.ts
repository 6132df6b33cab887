import { expect, test } from "bun:test";
import { ManualClock } from "../../../platform/clock.ts";
import { TimerWheel } from "../../../platform/timer_wheel.ts";
import { DnsConnection } from "./connection.ts";
import { framed } from "./framing.ts";

/** A fake of Bun's socket that takes as many bytes as the test says, for events in an order that a real one seldom has. */
class FakeSocket {
  room = Infinity;
  taken = 0;
  paused = false;
  closed = false;

  write(bytes: Uint8Array): number {
    if (this.closed) return -1;
    const count = Math.min(this.room, bytes.length);
    this.room -= count;
    this.taken += count;
    return count;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  close(): void {
    this.closed = true;
  }
}

function testConnection(socket: FakeSocket): { connection: DnsConnection; handled: string[] } {
  const handled: string[] = [];
  const connection = new DnsConnection(socket as never, {
    wheel: new TimerWheel(new ManualClock()),
    handle(message, reply) {
      handled.push(message.toString());
      reply(message);
    },
  });
  return { connection, handled };
}

test("queries that are held up when the client ends its side are answered before the end", () => {
  const socket = new FakeSocket();
  socket.room = 2;
  const { connection, handled } = testConnection(socket);
  connection.onData(Buffer.concat(["one", "two", "six", "ten"].map((text) => framed(Buffer.from(text)))));
  connection.onEnd();
  expect([handled, socket.paused, socket.closed]).toEqual([["one"], true, false]);
  socket.room = 4;
  connection.onDrain();
  expect([handled, socket.closed]).toEqual([["one", "two"], false]);
  socket.room = Infinity;
  connection.onDrain();
  expect([handled, socket.paused, socket.closed]).toEqual([["one", "two", "six", "ten"], false, true]);
  expect(socket.taken).toBe(4 * 5);
});

test("a connection that is gone while queries are left takes no more of them", () => {
  const socket = new FakeSocket();
  socket.room = 0;
  const { connection, handled } = testConnection(socket);
  connection.onData(Buffer.concat([framed(Buffer.from("one")), framed(Buffer.from("two"))]));
  connection.onClosed();
  connection.onDrain();
  expect(handled).toEqual(["one"]);
});
