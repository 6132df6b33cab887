import { expect, test } from "bun:test";
import { socketAddress } from "../../platform/socket_address.ts";
import { dialServer } from "./connection.ts";

/** A server that does `answer` to whoever connects; gives back what the client is told. */
async function told(answer: (socket: Bun.Socket<undefined>) => void): Promise<string[]> {
  const log: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const server = Bun.listen<undefined>({
    hostname: "127.0.0.1",
    port: 0,
    socket: { open: answer, data() {}, error() {} },
  });
  const address = socketAddress({ kind: "tcp", host: "127.0.0.1", port: server.port });
  dialServer(address, null, 1_000, {
    connected: () => log.push("connected"),
    frames: (frames) => log.push(...frames.map((frame) => `frame of ${frame.length}`)),
    closed(reason) {
      log.push(reason);
      resolve();
    },
  });
  await promise;
  server.stop(true);
  return log;
}

test("what is no ZooKeeper is left with the reason", async () => {
  const http = await told((socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  expect(http.at(-1)).toBe(
    "the server sent what is no answer of ZooKeeper: a frame of 1213486160 bytes; at most 1000 are taken",
  );
  const closed = await told((socket) => void socket.end(Uint8Array.of(0, 0, 0, 1, 7, 0, 0, 0)));
  expect(closed.slice(-2)).toEqual(["frame of 1", "the server closed the connection"]);
});

test("a port where nobody is, and a close before anything is told", async () => {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const address = socketAddress({ kind: "tcp", host: "127.0.0.1", port: server.port });
  server.stop(true);
  const log: string[] = [];
  const events = {
    connected: () => log.push("connected"),
    frames: () => log.push("frames"),
    closed: (reason: string) => log.push(reason),
  };
  dialServer(address, null, 1_000, events);
  for (let turn = 0; turn < 200 && log.length === 0; turn++) await Bun.sleep(5);
  expect(log).toEqual(["no connection (ECONNREFUSED)"]);
  dialServer(address, null, 1_000, events).close();
  await Bun.sleep(50);
  expect(log.length).toBe(1);
});
