import { expect, test } from "bun:test";
import type { Snapshot } from "../../core/snapshot.ts";
import { listenerOf, planOf, poolOf, routeOf } from "../../core/test_plan.ts";
import type { ClientConnection } from "../../net/h1/client.ts";
import type { ByteSocket } from "../../net/h1/output.ts";
import { SocketClient } from "../../net/listener.ts";
import { MetricLayout } from "../../observe/metric_layout.ts";
import { ManualClock } from "../../platform/clock.ts";
import { limitNumbers } from "./connection_counts.ts";
import { ListenerPort } from "./listener_port.ts";
import { createStep } from "./middleware/all.ts";
import { HttpProgram } from "./program.ts";

/** Takes up to `room` bytes in all, and notes how it ends. */
class NotedSocket implements ByteSocket {
  text = "";
  ended = "";
  readonly #room: number;

  constructor(room: number) {
    this.#room = room;
  }

  write(bytes: Uint8Array, offset: number, length: number): number {
    const taken = Math.min(length, this.#room - this.text.length);
    this.text += Buffer.from(bytes.subarray(offset, offset + taken)).toString("latin1");
    return taken;
  }

  pause(): void {}
  resume(): void {}
  shutdown(): void {}

  close(): void {
    this.ended ||= "FIN";
  }

  terminate(): void {
    this.ended ||= "RST";
  }
}

const SNAPSHOT: Snapshot = {
  generation: 1,
  plan: planOf([poolOf("web", [{ id: "b", url: "http://192.0.2.1:80" }])], {
    listeners: [listenerOf("web")],
    routes: [routeOf("all", { target: { kind: "pool", pool: "web" } })],
  }),
  files: {},
  health: {},
  members: {},
  overrides: {},
  documents: {},
};

/** A client posts a body, and the backend, whose socket takes `room` bytes, answers at once. */
function postTo(room: number): { readonly client: NotedSocket; readonly backend: NotedSocket } {
  const backend = new NotedSocket(room);
  let answer = (_bytes: Buffer): void => {};
  const program = new HttpProgram(
    { index: 0, inProcess: true },
    {
      createStep,
      clock: new ManualClock(),
      makeConnector: (handlers) => ({
        connect(_address, attempt: ClientConnection) {
          attempt.attemptState = 1;
          attempt.socket = backend as never;
          answer = (bytes) => handlers.data(attempt, bytes);
          handlers.connected(attempt);
        },
        cancel: ({ socket }) => socket?.terminate(),
      }),
    },
  );
  const layout = MetricLayout.ofPlan(SNAPSHOT.plan, limitNumbers(1));
  const counters = new Float64Array(layout.counters);
  const limits = new Float64Array(layout.limits);
  for (const _ of program.prepare(SNAPSHOT, { counters, limits, limitRow: 0, limitRows: 1 }));
  program.apply();
  const client = new NotedSocket(Infinity);
  const port = new ListenerPort(program.portHost, "web");
  const address = new SocketClient({}, "198.51.100.1", null, { trusts: () => false, port: 80 });
  port.admit(address);
  const connection = port.accept(client, address, null)!;
  const body = "x".repeat(50_000);
  connection.onData(
    Buffer.from(`POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${body.length}\r\n\r\n${body}`),
  );
  answer(Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  return { client, backend };
}

test("an answer that comes before its request has left ends the connection as cut, not in order", () => {
  const { client, backend } = postTo(1_000);
  expect(client.text).toContain("200 OK");
  expect(client.ended).toBe("");
  expect(backend.ended).toBe("RST");
});

test("a connection whose request has left is kept", () => {
  const { client, backend } = postTo(Infinity);
  expect(client.text).toContain("200 OK");
  expect(backend.ended).toBe("");
});
