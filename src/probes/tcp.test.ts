import { expect, test } from "bun:test";
import { tcp } from "./tcp.ts";
import { backend, blackHole, checkOnce, openDescriptors, targetOf, until } from "./test_backend.ts";

/** Speaks like Redis: answers PING after a greeting that nobody asked for. */
const redis = () =>
  backend({
    open: (socket) => void socket.write("hello\r\n"),
    data(socket, received) {
      if (received.includes("PING\r\n")) socket.write("+PONG\r\n");
    },
  });

test("H-H5/tcp connect: a connection is enough, and it is closed in order", async () => {
  const ends: string[] = [];
  using server = backend({
    end(socket) {
      ends.push("FIN");
      socket.end();
    },
  });
  expect(await checkOnce(tcp, {}, targetOf(server.endpoint))).toEqual({ healthy: true, reason: "connected" });
  await until("the backend sees the end", () => server.accepted === 1 && server.open === 0);
  expect(ends).toEqual(["FIN"]);
  expect(server.received).toEqual([""]);
});

test("H-H5/tcp send and expect: text and regex anywhere in the answer", async () => {
  using server = redis();
  const check = (options: object) => checkOnce(tcp, options, targetOf(server.endpoint), { timeoutMs: 100 });
  const good = { healthy: true, reason: "the answer is as expected" };
  expect(await check({ send: "PING\r\n", expect: "+PONG" })).toEqual(good);
  expect(await check({ send: "PING\r\n", expect_regex: "(?m)^\\+PONG\\r$" })).toEqual(good);
  expect(await check({ expect: "hello" })).toEqual(good);
  expect(await check({ send: "PING\r\n", expect: "-ERR" })).toEqual({ healthy: false, reason: "timeout" });
  expect(await check({ expect: "hello", expect_regex: "PONG" })).toEqual({
    healthy: false,
    reason: "timeout",
  });
});

test("H-H5/tcp expect: an answer that comes byte by byte, and one that ends without the text", async () => {
  using slow = backend({
    async open(socket) {
      for (const byte of "220 ready") {
        socket.write(byte);
        await Bun.sleep(1);
      }
    },
  });
  expect((await checkOnce(tcp, { expect: "220 ready" }, targetOf(slow.endpoint))).healthy).toBe(true);
  using closing = backend({ open: (socket) => void socket.end("421 busy") });
  expect(await checkOnce(tcp, { expect: "220" }, targetOf(closing.endpoint))).toEqual({
    healthy: false,
    reason: "the answer does not contain the expected text, and the connection was closed",
  });
});

test("H-H6/tcp hanging, resetting and flooding peers fail and nothing stays open", async () => {
  const before = openDescriptors();
  const flooding = backend({
    async open(socket) {
      const part = "x".repeat(65_536);
      for (let count = 0; count < 200 && socket.write(part) >= 0; count++) await Bun.sleep(1);
    },
  });
  const cases = [
    [backend({}), /^timeout$/],
    [backend({ open: (socket) => socket.terminate() }), /no connection|lost/],
    [flooding, /^the answer does not contain/],
  ] as const;
  for (const [server, reason] of cases) {
    const result = await checkOnce(tcp, { expect: "y" }, targetOf(server.endpoint), { timeoutMs: 100 });
    expect([result.healthy, result.reason]).toEqual([false, expect.stringMatching(reason)]);
    await until("the backend sees the end", () => server.open === 0);
    server[Symbol.dispose]();
  }
  const hole = await blackHole();
  const withHole = openDescriptors();
  expect(await checkOnce(tcp, {}, targetOf(hole.endpoint), { timeoutMs: 50 })).toEqual({
    healthy: false,
    reason: "timeout",
  });
  await until("the given-up attempt is gone", () => openDescriptors() <= withHole);
  hole[Symbol.dispose]();
  await until("descriptors are back", () => openDescriptors() <= before);
});

test("settings that cannot be meant are refused", () => {
  for (const options of [{ send: "" }, { expect: "" }, { expect_regex: "[" }, { expected: "x" }])
    expect(tcp.schema.safeParse(options).success).toBe(false);
});
