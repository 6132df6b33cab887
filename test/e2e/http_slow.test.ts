/** Slow and stuck clients and backends on a virtual clock (rows of groups B, D and E). */
import { expect, test } from "bun:test";
import { ManualClock } from "../../src/platform/clock.ts";
import { pass, startFairlead, until, type FairleadOptions } from "../support/fairlead.ts";
import { askOnce, rawClient } from "../support/raw_client.ts";
import { answerText, rawOrigin, type OriginHandler, type RawOriginOptions } from "../support/raw_origin.ts";

const GET = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

/** A program whose time stands still, in front of one origin. */
async function setUp(
  handler?: OriginHandler,
  options: RawOriginOptions & FairleadOptions & { pool?: string; top?: string } = {},
) {
  const clock = new ManualClock();
  const origin = await rawOrigin(handler, options);
  const fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${origin.url}" }]${options.pool ?? ""} } }\nroutes: [{ pool: app }]\n${options.top ?? ""}`,
    { ...options, clock },
  );
  return {
    clock,
    origin,
    fairlead,
    port: fairlead.port(),
    async [Symbol.asyncDispose]() {
      origin.close();
      await fairlead[Symbol.asyncDispose]();
    },
  };
}

test("H-B8 a head that comes byte by byte ends with 408 at its timeout, and others are served meanwhile", async () => {
  await using it = await setUp();
  using slow = await rawClient(it.port);
  using other = await rawClient(it.port);
  const head = "GET / HTTP/1.1\r\nHost: a.example\r\nX-Slow: ";
  for (let index = 0; index < 9; index++) {
    slow.send(head.charAt(index));
    expect((await other.ask(GET)).status).toBe(200);
    await pass(it.clock, 1_000);
  }
  await pass(it.clock, 900);
  expect(slow.received.length).toBe(0);
  await pass(it.clock, 200, 50);
  const answer = await slow.answer();
  expect([answer.status, answer.get("connection")]).toEqual([408, "close"]);
  await slow.end();
  expect((await other.ask(GET)).status).toBe(200);
  const lines = await it.fairlead.log(11);
  expect(lines.filter(({ status }) => status === 408)).toMatchObject([{ reason: "FL_HEADER_TIMEOUT" }]);
  expect(it.origin.requests.length).toBe(10);
});

const BODY_HEAD = (length: number) => `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`;

test("H-E17 a body above the minimum rate goes on for 30 minutes", async () => {
  await using it = await setUp((request) => answerText(String(request.body.length)));
  using client = await rawClient(it.port);
  const parts = 360;
  const part = "x".repeat(300 * 5);
  client.send(BODY_HEAD(parts * part.length));
  for (let index = 1; index <= parts; index++) {
    client.send(part);
    await until(
      () =>
        (it.origin.connections[0]?.received.length ?? 0) >= index * part.length ||
        it.origin.requests.length > 0,
      "the part arrives",
    );
    await pass(it.clock, 5_000);
    expect(client.closed).toBe(false);
  }
  const answer = await client.answer();
  expect([answer.status, answer.body.toString()]).toEqual([200, String(parts * part.length)]);
}, 30_000);

test("H-E17 a body below the minimum rate ends with 408", async () => {
  await using it = await setUp();
  using client = await rawClient(it.port);
  client.send(BODY_HEAD(100_000));
  const start = it.clock.now();
  while (!client.ended && it.clock.now() - start < 60_000) {
    client.send("x".repeat(100));
    await pass(it.clock, 1_000);
  }
  const answer = await client.answer();
  expect([answer.status, answer.get("connection")]).toEqual([408, "close"]);
  expect(it.clock.now() - start).toBeWithin(10_000, 13_001);
  await until(() => it.origin.connections.every(({ closed }) => closed), "the backend's side is cut");
  expect(it.origin.requests.length).toBe(0);
  expect((await it.fairlead.log(1))[0]).toMatchObject({ status: 408, reason: "FL_BODY_TOO_SLOW" });
  expect(it.fairlead.metric("limits_hit_total", 'limit="minimum_rate"')).toBe(1);
});
