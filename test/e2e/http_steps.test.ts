/** Steps, body modes and slots, each shown by a module that exists for this alone. */
import { expect, test } from "bun:test";
import { z } from "zod";
import { NEXT, WAIT, type Step } from "../../src/net/exchange.ts";
import { HttpProgram } from "../../src/planes/http/program.ts";
import { startFairlead, until } from "../support/fairlead.ts";
import { askOnce, rawClient } from "../support/raw_client.ts";
import { answerText, rawOrigin } from "../support/raw_origin.ts";
import { stopped } from "../support/stopped.ts";
import { programWithTestSteps, testParts, type TestObservations } from "../support/test_steps.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const chunked = (...parts: string[]) =>
  `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join("")}0\r\n\r\n`;
const post = (body: string) => `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

async function withSteps(middlewares: string) {
  const seen: TestObservations = { teed: [], peeked: [], done: [] };
  const origin = await rawOrigin((request) => answerText(`got ${request.body.toString("latin1")}`));
  const fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ pool: app, middlewares: ${middlewares} }]`,
    { middlewares: testParts, createProgram: programWithTestSteps(seen) },
  );
  return {
    seen,
    origin,
    fairlead,
    port: fairlead.port(),
    async [Symbol.asyncDispose]() {
      origin.close();
      await fairlead[Symbol.asyncDispose]();
    },
  };
}

test("a step that waits 50 ms delays its request and no other", async () => {
  await using it = await withSteps("[{ test_wait: { ms: 50 } }]");
  const began = performance.now();
  const answers = await Promise.all(Array.from({ length: 20 }, () => askOnce(it.port, post("body"))));
  const took = performance.now() - began;
  expect(answers.map(({ body }) => body.toString())).toEqual(Array.from({ length: 20 }, () => "got body"));
  expect(took).toBeGreaterThanOrEqual(49);
  expect(took).toBeLessThan(800);
});

test("a wait ends at its deadline with 503, and a late resume changes nothing", async () => {
  await using it = await withSteps("[{ test_wait: { ms: 300, deadline: 100 } }]");
  using client = await rawClient(it.port);
  expect((await client.ask(GET)).status).toBe(503);
  await Bun.sleep(350);
  expect(it.origin.requests.length).toBe(0);
  expect((await it.fairlead.log(1))[0]!["reason"]).toBe("FL_STEP_TIMEOUT");
});

test("a wait ends when the client goes away", async () => {
  await using it = await withSteps("[{ test_wait: { ms: 200 } }]");
  const client = await rawClient(it.port);
  client.send(GET);
  await until(() => it.fairlead.instance.program.stats()["connections"] === 1, "the connection is there");
  client.socket.resetAndDestroy();
  expect((await it.fairlead.log(1))[0]!["reason"]).toBe("FL_CLIENT_ABORT");
  await Bun.sleep(250);
  expect(it.origin.requests.length).toBe(0);
});

test("a body that comes while a step waits is held, and paused beyond the limit", async () => {
  let goOn: (() => void) | null = null;
  const step: Step = {
    name: "test_hold",
    onRequest(exchange) {
      const token = exchange.wait(60_000);
      goOn = () => exchange.resume(token, NEXT);
      return WAIT;
    },
  };
  const parts: Buffer[] = [];
  let received = 0;
  const size = 32 * 2 ** 20;
  using origin = await rawOrigin(undefined, {
    onData(connection, bytes) {
      parts.push(bytes);
      received += bytes.length;
      connection.everything = Buffer.alloc(0);
      if (received > size) connection.send(answerText("whole"));
      return true;
    },
  });
  await using fairlead = await startFairlead(
    `pools: { app: { backends: [{ url: "${origin.url}" }] } }\nroutes: [{ pool: app, middlewares: [{ test_hold: {} }] }]`,
    {
      middlewares: [{ name: "test_hold", summary: "For tests.", schema: z.strictObject({}) }],
      createProgram: (identity) => new HttpProgram(identity, { createStep: () => step }),
    },
  );
  const body = Buffer.alloc(size, "0123456789abcdef+");
  using client = await rawClient(fairlead.port());
  client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
  client.send(body);
  await until(() => goOn !== null, "the step waits");
  // The buffers of the two ends' kernels hold some megabytes; the rest is still with the client.
  expect(await stopped(() => client.socket.writableLength)).toBeGreaterThan(size / 2);
  expect(origin.connections.length).toBe(0);
  goOn!();
  await until(() => received > size, "the backend has the body", 20_000);
  expect((await client.answer()).body.toString()).toBe("whole");
  const all = Buffer.concat(parts);
  expect(all.subarray(all.indexOf("\r\n\r\n") + 4).equals(body)).toBe(true);
}, 30_000);

test("a step that throws answers 500 and says so in the log", async () => {
  await using it = await withSteps("[{ test_throw: {} }]");
  const answer = await askOnce(it.port, GET);
  expect(answer.status).toBe(500);
  expect(answer.body.toString()).not.toContain("broken");
  expect((await it.fairlead.log(1))[0]!["reason"]).toBe("FL_STEP_FAILED");
});

test("a transformer of the request body changes its bytes and its framing", async () => {
  await using it = await withSteps("[{ test_upper: { side: request } }]");
  expect((await askOnce(it.port, post("hello"))).body.toString()).toBe("got HELLO");
  expect((await askOnce(it.port, chunked("ab", "c"))).body.toString()).toBe("got ABC");
  expect(it.origin.requests.every((request) => request.get("transfer-encoding") === "chunked")).toBe(true);
});

test("a transformer of the response body changes its bytes and its framing", async () => {
  await using it = await withSteps("[{ test_upper: { side: response } }]");
  const answer = await askOnce(it.port, post("hello"));
  expect([answer.body.toString(), answer.delimited]).toEqual(["GOT HELLO", "chunked"]);
  const old = await askOnce(it.port, "GET / HTTP/1.0\r\n\r\n");
  expect([old.body.toString(), old.delimited]).toEqual(["GOT ", "close"]);
});

test("a tee sees every byte and changes nothing", async () => {
  await using it = await withSteps("[{ test_tee: {} }]");
  expect((await askOnce(it.port, post("whole body"))).body.toString()).toBe("got whole body");
  expect((await askOnce(it.port, chunked("in ", "parts"))).body.toString()).toBe("got in parts");
  expect(it.seen.teed).toEqual(["whole body", "in parts"]);
  expect(it.origin.requests[0]!.get("content-length")).toBe("10");
});

test("stages meet the body in the order of the route, and several work together", async () => {
  await using it = await withSteps("[{ test_tee: {} }, { test_upper: { side: request } }, { test_tee: {} }]");
  expect((await askOnce(it.port, post("abc"))).body.toString()).toBe("got ABC");
  expect(it.seen.teed).toEqual(["abc", "ABC"]);
});

test("peek gives a step the first bytes and the backend all of them", async () => {
  await using it = await withSteps("[{ test_peek: { bytes: 4 } }]");
  const body = "0123456789".repeat(30_000);
  expect((await askOnce(it.port, post(body))).body.toString("latin1")).toBe(`got ${body}`);
  expect(it.seen.peeked[0]!.length).toBeGreaterThanOrEqual(4);
  expect(body.startsWith(it.seen.peeked[0]!)).toBe(true);
  expect((await askOnce(it.port, post("ab"))).body.toString()).toBe("got ab");
  expect(it.seen.peeked[1]).toBe("ab");
  expect((await askOnce(it.port, GET)).body.toString()).toBe("got ");
});

test("buffer gives a step the whole body, and one over its limit 413", async () => {
  await using it = await withSteps("[{ test_peek: { bytes: 8, whole: true } }]");
  expect((await askOnce(it.port, chunked("1234", "5678"))).body.toString()).toBe("got 12345678");
  expect(it.seen.peeked).toEqual(["12345678"]);
  expect((await askOnce(it.port, post("123456789"))).status).toBe(413);
  expect((await askOnce(it.port, chunked("1234", "56789"))).status).toBe(413);
  expect(it.origin.requests.length).toBe(1);
});

test("a client that waits for 100 gets it when a step wants the body", async () => {
  await using it = await withSteps("[{ test_peek: { bytes: 8, whole: true } }]");
  using client = await rawClient(it.port);
  client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  expect((await client.answer()).status).toBe(100);
  client.send("abc");
  expect((await client.answer()).body.toString()).toBe("got abc");
});

test("slots belong to one exchange and one step, and every step hears of the end", async () => {
  await using it = await withSteps("[{ test_slot: { name: one } }, { test_slot: { name: two } }]");
  using client = await rawClient(it.port);
  for (let round = 0; round < 3; round++) {
    expect((await client.ask(GET)).all("x-slot")).toEqual(["two", "one"]);
  }
  expect(it.seen.done).toEqual(["two", "one", "two", "one", "two", "one"]);
});

test("a transformer behind a step that peeks changes also what was peeked", async () => {
  await using it = await withSteps("[{ test_peek: { bytes: 4 } }, { test_upper: { side: request } }]");
  expect((await askOnce(it.port, post("abcdefgh"))).body.toString()).toBe("got ABCDEFGH");
  expect((await askOnce(it.port, chunked("ab", "cd", "ef"))).body.toString()).toBe("got ABCDEF");
});
