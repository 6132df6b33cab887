/** Limits of middlewares over several workers: the whole program in its own processes. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../support/fairlead.ts";
import { askOnce, rawClient, type RawClient } from "../support/raw_client.ts";
import { answerText, rawOrigin, type OriginConnection } from "../support/raw_origin.ts";
import { PROGRAM } from "../support/program.ts";

const READY_MS = 20_000;
const GET = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

/** Runs `fairlead run` on a configuration and returns the port of its listener `web`. */
async function startProcesses(yaml: string): Promise<{ port: number } & AsyncDisposable> {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-workers-"));
  const file = join(directory, "fairlead.yaml");
  writeFileSync(
    file,
    `${yaml}\nruntime_dir: ${directory}/run\nstate_dir: ${directory}/state\nadmin: { address: "127.0.0.1:0" }\n`,
  );
  const child = Bun.spawn([...PROGRAM, "run", "-c", file, "--log-format", "json"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await child.exited;
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    return { port: await portOf(child.stderr), [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The port in the line that says that all workers are ready. */
async function portOf(stderr: ReadableStream<Uint8Array>): Promise<number> {
  let text = "";
  const decoder = new TextDecoder();
  const reader = stderr.getReader();
  for (const end = performance.now() + READY_MS; performance.now() < end;) {
    const { value, done } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
    const ready = text.split("\n").find((line) => line.startsWith("{") && line.includes('"event":"ready"'));
    if (ready === undefined) continue;
    // What is said later must not fill the pipe.
    void (async () => {
      while (!(await reader.read()).done);
    })();
    const { listeners } = JSON.parse(ready) as { listeners: { name: string; port: number }[] };
    return listeners.find(({ name }) => name === "web")!.port;
  }
  throw new Error(`not ready: ${text}`);
}

test("H-I5 two workers keep one in-flight limit, and it is free again", async () => {
  const held: OriginConnection[] = [];
  using origin = await rawOrigin((_request, connection) => {
    held.push(connection);
  });
  await using fairlead = await startProcesses(
    [
      "workers: 2",
      "timeouts: { drain: 1s }",
      'listeners: { web: { address: "127.0.0.1:0" } }',
      `pools: { app: { backends: [{ url: "${origin.url}" }] } }`,
      "routes: [{ pool: app, middlewares: [{ in_flight_req: { amount: 4 } }] }]",
    ].join("\n"),
  );
  for (let round = 0; round < 3; round++) {
    const admitted: RawClient[] = [];
    let refused = 0;
    // One after the other, so that nobody enters in the same instant.
    for (let index = 0; index < 24; index++) {
      const client = await rawClient(fairlead.port);
      client.send(GET);
      await until(
        () => held.length > admitted.length || client.received.includes("\r\n\r\n"),
        "a request at the backend or refused",
      );
      if (held.length > admitted.length) admitted.push(client);
      else {
        expect((await client.answer()).status).toBe(429);
        client.close();
        refused++;
      }
    }
    expect([admitted.length, refused]).toEqual([4, 20]);
    for (const connection of held.splice(0)) connection.send(answerText("ok"));
    for (const client of admitted) {
      expect((await client.answer()).status).toBe(200);
      client.close();
    }
  }
  const last = askOnce(fairlead.port, GET);
  await until(() => held.length === 1, "a request that is let in");
  held[0]!.send(answerText("ok"));
  expect((await last).status).toBe(200);
}, 60_000);
