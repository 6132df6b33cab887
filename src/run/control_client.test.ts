import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { askSupervisor, NotRunningError } from "./control_client.ts";
import { controlSocketPath } from "./runtime_directory.ts";

const directory = mkdtempSync(join(tmpdir(), "fairlead-client-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test("nobody who listens is told as such", async () => {
  const refused = await askSupervisor(directory, { command: "status" }).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(NotRunningError);
});

// More than a socket's buffer takes at once, so that it comes in chunks; of three shifts at least two split a character.
test.each([0, 1, 2])(
  "an answer whose characters stand in two chunks is whole (shifted by %p)",
  async (shift) => {
    const text = "x".repeat(shift) + "€".repeat(1_000_000);
    const server = createServer((socket) => socket.end(`${JSON.stringify({ ok: true, text })}\n`));
    await new Promise<void>((resolve) => server.listen(controlSocketPath(directory), resolve));
    const answer = await askSupervisor(directory, { command: "status" });
    server.close();
    expect(answer["text"] === text).toBe(true);
  },
);
