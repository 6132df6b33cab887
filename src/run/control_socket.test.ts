import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openListeningSocket } from "../platform/sockets.ts";
import { serveControl } from "./control_socket.ts";

const directory = mkdtempSync(join(tmpdir(), "fairlead-control-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test("a request whose character stands in two chunks is whole", async () => {
  const path = join(directory, "control.sock");
  const address = { kind: "unix", path, mode: 0o600, user: null, group: null } as const;
  const { fd } = openListeningSocket(address, { backlog: 4, reusePort: false, exclusive: false });
  const commands: string[] = [];
  const server = serveControl(fd, async ({ command }) => {
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
