/** What a body may do to a probe that looks at it: encodings, bytes that are none, and no end. */
import { expect, test } from "bun:test";
import { realClock } from "../platform/clock.ts";
import { socketAddress } from "../platform/socket_address.ts";
import { http } from "./http.ts";
import { ProbeScheduler } from "./scheduler.ts";
import { answering, backend, checkOnce, targetOf, until, type TestBackend } from "./test_backend.ts";

const PART = Buffer.alloc(65_536, "a");
const MEBIBYTE = 2 ** 20;

/** Answers with these bytes as a body. */
function serving(body: Uint8Array): TestBackend {
  return backend({
    data(socket, received) {
      if (!received.endsWith("\r\n\r\n")) return;
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
      socket.write(body);
    },
  });
}

/** Answers with `head` and then `PART` again and again, as fast as it is taken, `bytes` at most. */
function flooding(head: string, bytes: number): TestBackend {
  return backend({
    data(socket, received) {
      if (!received.endsWith("\r\n\r\n")) return;
      socket.write(head);
      let left = bytes;
      const timer = setInterval(() => {
        for (let count = 0; count < 20 && left > 0; count++) {
          const written = socket.write(PART.subarray(0, Math.min(left, PART.length)));
          if (written < 0) return clearInterval(timer);
          left -= written;
          if (written < PART.length) return;
        }
        if (left <= 0) clearInterval(timer);
      }, 1);
    },
  });
}

test("HF14 a body is read in its encoding, latin-1 or utf-8, and bytes that are none in it match nothing", async () => {
  const cases: [Uint8Array, string, string, boolean][] = [
    [Buffer.from("bereit für alle", "latin1"), "latin1", "^bereit f\u00fcr", true],
    [Buffer.from("bereit für alle", "latin1"), "utf-8", "^bereit f\u00fcr", false],
    [Buffer.from("bereit für alle"), "utf-8", "^bereit f\u00fcr", true],
    [Buffer.from("bereit für alle"), "latin1", "^bereit f\u00fcr", false],
    [Buffer.from("ok \xff\xfe\x80 ok", "latin1"), "utf-8", "^ok .* ok$", true],
    [Buffer.from("\xff\xfe\xc3\x28\xed\xa0\x80", "latin1"), "utf-8", "ok", false],
    [Buffer.from("ok \xc3", "latin1"), "utf-8", "^ok", true],
  ];
  for (const [body, expect_body_encoding, expect_body_regex, healthy] of cases) {
    using server = serving(body);
    const options = { expect_body_encoding, expect_body_regex };
    const found = await checkOnce(http, options, targetOf(server.endpoint));
    expect([body, expect_body_encoding, found.healthy]).toEqual([body, expect_body_encoding, healthy]);
  }
});

test("HF14 a regex that explodes elsewhere takes linear time here", async () => {
  using server = serving(PART);
  const begin = performance.now();
  for (const expect_body_regex of ["^(a+)+$", "(a|aa)+b", "(.*)(.*)(.*)(.*)x"]) {
    const found = await checkOnce(http, { expect_body_regex }, targetOf(server.endpoint));
    expect(found.reason).not.toBe("timeout");
  }
  expect(performance.now() - begin).toBeLessThan(2_000);
});

test("HF14 endless bodies and one of 100 MB are left after their first part, and the supervision of all goes on", async () => {
  using endless = flooding("HTTP/1.1 200 OK\r\n\r\n", Infinity);
  using large = flooding("HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n", 104_857_600);
  using good = answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  const options = http.schema.parse({ expect_body_regex: "^ok" });
  const counts = new Map<string, string[]>();
  const scheduler = new ProbeScheduler({
    clock: realClock,
    random: () => 0.5,
    result: (id, { reason }) => counts.set(id, [...(counts.get(id) ?? []), reason]),
  });
  const servers = { endless, large, good };
  Bun.gc(true);
  const before = process.memoryUsage.rss();
  scheduler.update(
    Object.entries(servers).map(([id, server]) => ({
      id,
      settings: "",
      timing: { interval_ms: 20, timeout_ms: 1_000, jitter: 0 },
      address: socketAddress(server.endpoint),
      check: http.create(options, targetOf(server.endpoint)),
    })),
  );
  await until("each is probed 40 times", () =>
    Object.keys(servers).every((id) => (counts.get(id)?.length ?? 0) >= 40),
  );
  scheduler.stop();
  expect(new Set(counts.get("endless"))).toEqual(new Set(["the body does not match ^ok"]));
  expect(new Set(counts.get("large"))).toEqual(new Set(["the body does not match ^ok"]));
  expect(new Set(counts.get("good"))).toEqual(new Set(["status 200"]));
  expect(process.memoryUsage.rss() - before).toBeLessThan(100 * MEBIBYTE);
  await until("nothing is open", () => endless.open + large.open + good.open === 0);
});
