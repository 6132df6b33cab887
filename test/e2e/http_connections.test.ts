/** Connections on both sides: reuse, order, tunnels, half-close (rows of groups C, E and F). */
import { expect, test } from "bun:test";
import { ManualClock } from "../../src/platform/clock.ts";
import { pass, startFairlead, until } from "../support/fairlead.ts";
import { askOnce, rawClient } from "../support/raw_client.ts";
import { answerText, rawOrigin } from "../support/raw_origin.ts";

const GET = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

test("kept connections to a backend serve one client after the other", async () => {
  using origin = await rawOrigin();
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ pool: app }]`,
  );
  for (let index = 0; index < 5; index++) expect((await askOnce(fairlead.port(), GET)).status).toBe(200);
  expect(origin.connections.length).toBe(1);
  expect(origin.requests.length).toBe(5);
});

test("H-C17 two pipelined requests are answered in order", async () => {
  using origin = await rawOrigin(async (request) => {
    if (request.target === "/slow") await Bun.sleep(50);
    return answerText(request.target);
  });
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ pool: app }]`,
  );
  using client = await rawClient(fairlead.port());
  client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\nGET /fast HTTP/1.1\r\nHost: a\r\n\r\n");
  expect((await client.answer()).body.toString()).toBe("/slow");
  expect((await client.answer()).body.toString()).toBe("/fast");
  expect(origin.connections.length).toBe(1);
});

test("an answer of any size and framing is whole when the connection ends with it", async () => {
  const sizes = [0, 1, 100, 4_096, 32_767, 32_768, 40_000, 1_000_000];
  const body = (target: string): string =>
    "abcdefgh".repeat(125_000).slice(0, Number(/\d+/.exec(target)![0]));
  using origin = await rawOrigin((request) => {
    const text = body(request.target);
    if (request.target.startsWith("/length")) return answerText(text);
    const chunk = text === "" ? "" : `${text.length.toString(16)}\r\n${text}\r\n`;
    const trailer = request.target.startsWith("/trailer") ? "X-End: yes\r\n" : "";
    return `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}0\r\n${trailer}\r\n`;
  });
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ pool: app }]`,
  );
  for (const size of sizes) {
    for (const kind of ["length", "chunks", "trailer"]) {
      for (const line of ["HTTP/1.0\r\n", "HTTP/1.1\r\nTE: trailers\r\nConnection: close\r\n"]) {
        using client = await rawClient(fairlead.port());
        const answer = await client.ask(`GET /${kind}/${size} ${line}Host: a\r\n\r\n`);
        expect(answer.body.equals(Buffer.from(body(`/${size}`)))).toBe(true);
        await client.end();
        expect([client.ended, client.reset, client.received.length]).toEqual([true, false, 0]);
      }
    }
  }
});

test("H-E15 a client that has sent FIN still gets its answer", async () => {
  using origin = await rawOrigin(async () => {
    await Bun.sleep(50);
    return answerText("late");
  });
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ pool: app }]`,
  );
  using client = await rawClient(fairlead.port());
  client.socket.end(GET);
  expect((await client.answer()).body.toString()).toBe("late");
  await client.end();
});

test("H-F1 a WebSocket handshake opens a tunnel both ways with half-close", async () => {
  using origin = await rawOrigin(undefined, {
    onData(connection, bytes) {
      if (!connection.everything.includes("\r\n\r\n")) return true;
      if (connection.everything.length === bytes.length) {
        connection.send(
          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
        );
      } else connection.send(`echo ${bytes.toString("latin1")}`);
      return true;
    },
  });
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ pool: app }]`,
  );
  using client = await rawClient(fairlead.port());
  const answer = await client.ask(
    "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\nSec-WebSocket-Version: 13\r\n\r\n",
  );
  expect(answer.status).toBe(101);
  expect(answer.get("sec-websocket-accept")).toBe("x");
  client.send("\x81\x01a");
  await client.until(() => client.received.length >= 8);
  expect(client.received.toString("latin1")).toBe("echo \x81\x01a");
  client.socket.end();
  await until(() => origin.connections[0]!.ended, "the origin sees the half-close");
  expect(client.ended).toBe(false);
  origin.connections[0]!.end("bye");
  await client.end();
  expect(client.received.toString("latin1")).toEndWith("bye");
  await until(() => fairlead.instance.program.stats()["connections"] === 0, "the tunnel is gone");
  expect((await fairlead.log(1))[0]).toMatchObject({ status: 101, reason: "-" });
});

test("a request on a kept connection that comes just after a drain has begun is answered, an idle one ends", async () => {
  const clock = new ManualClock();
  await using fairlead = await startFairlead(`routes: [{ respond: { status: 200, body: served } }]`, {
    clock,
  });
  using late = await rawClient(fairlead.port());
  using idle = await rawClient(fairlead.port());
  for (const client of [late, idle]) expect((await client.ask(GET)).status).toBe(200);
  void fairlead.instance.program.drain({ requestsMs: 60_000, tunnelsMs: 60_000, idleMs: 1_000 });
  await pass(clock, 500);
  const answer = await late.ask(GET);
  expect([answer.status, answer.get("connection")]).toEqual([200, "close"]);
  await late.end();
  expect(idle.ended).toBe(false);
  await pass(clock, 1_000);
  await idle.end();
  expect(idle.reset).toBe(false);
});
