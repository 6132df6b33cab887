import { expect, test } from "bun:test";
import { unacknowledgedBytes } from "./socket_queue.ts";

test("bytes that the peer has not taken are counted until it has", async () => {
  let taken = 0;
  const { promise: accepted, resolve } = Promise.withResolvers<Bun.Socket>();
  using listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.pause();
        resolve(socket);
      },
      data: (_, bytes) => void (taken += bytes.length),
    },
  });
  const socket = await Bun.connect({ hostname: "127.0.0.1", port: listener.port, socket: { data() {} } });
  const peer = await accepted;
  const block = new Uint8Array(16 * 1024 * 1024);
  const written = socket.write(block);
  expect(written).toBeLessThan(block.length);
  expect(unacknowledgedBytes(socket)).toBeWithin(1, written + 1);
  peer.resume();
  for (const end = performance.now() + 5_000; taken < written && performance.now() < end;) await Bun.sleep(2);
  for (const end = performance.now() + 5_000; unacknowledgedBytes(socket) > 0 && performance.now() < end;)
    await Bun.sleep(2);
  expect(unacknowledgedBytes(socket)).toBe(0);
  socket.terminate();
});

test("what has no descriptor, or none that is open, holds nothing", () => {
  expect([
    unacknowledgedBytes(null),
    unacknowledgedBytes({}),
    unacknowledgedBytes({ fd: 1_000_000 }),
  ]).toEqual([0, 0, 0]);
});
