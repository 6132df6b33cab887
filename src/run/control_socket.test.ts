import { afterAll, expect, test } from "bun:test";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openListeningSocket } from "../platform/sockets.ts";
import { serveControl, type ControlHandler } from "./control_socket.ts";

const directory = mkdtempSync(join(tmpdir(), "fairlead-control-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function serve(name: string, handle: ControlHandler) {
  const path = join(directory, name);
  const address = { kind: "unix", path, mode: 0o600, user: null, group: null } as const;
  const { fd } = openListeningSocket(address, { backlog: 4, reusePort: false, exclusive: false });
  return { path, server: serveControl(fd, handle) };
}

test("a request whose character stands in two chunks is whole", async () => {
  const commands: string[] = [];
  const { path, server } = serve("control.sock", async ({ command }) => {
    commands.push(command);
    return { ok: true };
  });
  const request = Buffer.from(`${JSON.stringify({ command: "é" })}\n`);
  const middle = request.indexOf(0xc3) + 1;
  const socket = connect(path);
  socket.write(
    Buffer.concat([Buffer.from(`${JSON.stringify({ command: "first" })}\n`), request.subarray(0, middle)]),
  );
  // The answer to the first request says that the half of the second one has been read too.
  await new Promise((resolve) => socket.once("data", resolve));
  socket.write(request.subarray(middle));
  await new Promise((resolve) => socket.once("data", resolve));
  socket.destroy();
  server.stop();
  expect(commands).toEqual(["first", "é"]);
});

const PING = `${JSON.stringify({ command: "ping" })}\n`;

test("a client that never reads is given up before much is kept for it, and others are served", async () => {
  const text = "x".repeat(256 * 1024);
  let answered = 0;
  const { path, server } = serve("unread.sock", async () => ({ ok: true, text, answered: ++answered }));
  const socket = connect(path).pause();
  socket.on("error", () => {});
  socket.write(PING.repeat(1_000));
  // As nothing is read, only a failed write tells this side that the connection has ended.
  while (!socket.destroyed) {
    socket.write(PING);
    await Bun.sleep(5);
  }
  // What the kernel holds, a mebibyte above it, and the answer in which that was noticed.
  expect(answered).toBeLessThan(20);
  const other = connect(path);
  other.write(PING);
  await once(other, "data");
  other.destroy();
  server.stop();
}, 30_000);

test("one answer may be longer than what may be left unread", async () => {
  const text = "x".repeat(4 * 2 ** 20);
  const { path, server } = serve("long.sock", async () => ({ ok: true, text }));
  const socket = connect(path);
  socket.write(PING);
  let received = 0;
  while (received <= text.length) received += ((await once(socket, "data")) as [Buffer])[0].length;
  socket.destroy();
  server.stop();
});

test("requests do not pile up behind one that takes long", async () => {
  const { path, server } = serve("piled.sock", () => new Promise(() => {}));
  const socket = connect(path).resume();
  socket.on("error", () => {});
  const closed = once(socket, "close");
  socket.write(PING.repeat(3_000));
  await closed;
  server.stop();
});
