import { expect, test } from "bun:test";
import { connect as connectTcp, createConnection } from "node:net";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listenerOf } from "../core/test_plan.ts";
import { ManualClock } from "../platform/clock.ts";
import { writeProxyHeader } from "./proxy_header_writer.ts";
import { exchange, settle, startListener, until } from "./test_listener.ts";

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));
const joined = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

test("a plain connection belongs to its owner at once, with its addresses", async () => {
  using test = startListener({ plan: { trusted_proxies: ["127.0.0.0/8"] } });
  const client = connectTcp(test.port, "127.0.0.1");
  await until(() => test.accepted.length === 1);
  const [{ client: seen, tls }] = test.accepted as [(typeof test.accepted)[0]];
  expect(tls).toBeNull();
  expect(seen).toMatchObject({ address: "127.0.0.1", peerAddress: "127.0.0.1", trusted: true });
  expect([seen.port, seen.localAddress, seen.localPort]).toEqual([client.localPort!, "127.0.0.1", test.port]);
  expect(test.listener.opening).toBe(0);
  client.end("hello");
  await until(() => test.accepted[0]!.closed !== null);
  expect(test.accepted[0]).toMatchObject({ received: "hello", closed: 0 });
});

test("IPv4 clients of a dual-stack listener appear as IPv4", async () => {
  using test = startListener({ plan: { address: { kind: "tcp", host: "::", port: 0, dual_stack: true } } });
  expect(await exchange(test.port, [bytesOf("x")])).toBe("x");
  expect(test.accepted[0]!.client).toMatchObject({
    address: "127.0.0.1",
    localAddress: "127.0.0.1",
    trusted: false,
  });
});

test("clients of a unix socket have no address", async () => {
  const directory = mkdtempSync(join(tmpdir(), "listener-"));
  const path = join(directory, "web.sock");
  const address = { kind: "unix", path, mode: null, user: null, group: null } as const;
  using test = startListener({ plan: { address, trusted_proxies: ["10.0.0.0/8"] } });
  const client = createConnection(path);
  await until(() => test.accepted.length === 1);
  const { client: seen } = test.accepted[0]!;
  expect(seen).toMatchObject({
    address: "",
    peerAddress: "",
    trusted: true,
    port: 0,
    localPort: 0,
    localAddress: "",
  });
  client.destroy();
  rmSync(directory, { recursive: true });
});

test("a client that is not admitted or not accepted is cut", async () => {
  using test = startListener();
  test.admits = false;
  expect(await exchange(test.port, [bytesOf("x")])).toContain("ECONNRESET");
  test.admits = true;
  test.makeConsumer = () => null;
  expect(await exchange(test.port, [bytesOf("x")])).toContain("ECONNRESET");
  expect([test.admitted.length, test.accepted.length, test.failures]).toEqual([1, 0, []]);
});

test("an owner that throws loses its connection, and the listener tells", async () => {
  using test = startListener();
  test.makeConsumer = (echo) => {
    echo.onData = () => {
      throw new Error("a fault of ours");
    };
    return echo;
  };
  expect(await exchange(test.port, [bytesOf("x")])).toContain("ECONNRESET");
  expect(test.failures.map(String)).toEqual(["Error: a fault of ours"]);
});

const PROXY = { proxy_protocol: { trusted: ["127.0.0.1", "10.0.0.0/8"] } };
const V1 = bytesOf("PROXY TCP4 192.0.2.7 198.51.100.2 40000 443\r\n");
const V2 = writeProxyHeader("v2", "2001:db8::7", 40_000, "2001:db8::1", 443);

test("H-E22/listener a header of a trusted peer tells the client, at every split, with and without bytes behind it", async () => {
  using test = startListener({ plan: { ...PROXY, trusted_proxies: ["192.0.2.0/24"] } });
  for (const [header, address, trusted] of [
    [V1, "192.0.2.7", true],
    [V2, "2001:db8::7", false],
  ] as const) {
    const stream = joined(header, bytesOf("hello"));
    for (let split = 1; split < stream.length; split++) {
      test.accepted.length = 0;
      expect(await exchange(test.port, [stream.subarray(0, split), stream.subarray(split)])).toBe("hello");
      const { client, received } = test.accepted[0]!;
      expect(received).toBe("hello");
      expect(client).toMatchObject({
        address,
        port: 40_000,
        peerAddress: "127.0.0.1",
        localPort: 443,
        trusted,
      });
    }
    expect(await exchange(test.port, [stream])).toBe("hello");
    expect(await exchange(test.port, [header])).toBe("");
  }
  expect(test.rejected).toEqual([]);
  expect(test.listener.opening).toBe(0);
});

test("H-E22/listener LOCAL and UNKNOWN leave the addresses of the socket", async () => {
  using test = startListener({ plan: PROXY });
  const local = V2.slice(0, 16);
  local.set([0x20, 0, 0, 0], 12);
  for (const header of [bytesOf("PROXY UNKNOWN\r\n"), local])
    expect(await exchange(test.port, [joined(header, bytesOf("hello"))])).toBe("hello");
  for (const { client } of test.accepted) {
    expect(client).toMatchObject({ address: "127.0.0.1", peerAddress: "127.0.0.1", localPort: test.port });
    expect(client.port).not.toBe(40_000);
  }
});

test("H-E22/listener missing, malformed and cut headers close without an answer and are told", async () => {
  using test = startListener({ plan: PROXY });
  expect(await exchange(test.port, [bytesOf("GET / HTTP/1.1\r\n\r\n")])).not.toContain("G");
  expect(await exchange(test.port, [bytesOf("PROXY TCP4 1.2.3 1.2.3.4 1 1\r\n")])).not.toContain("P");
  expect(await exchange(test.port, [V1.subarray(0, 20)])).toBe("");
  await until(() => test.rejected.length === 3);
  expect(test.rejected).toEqual([
    "FL_BAD_PROXY_HEADER bad PROXY header: the connection does not start with one (from 127.0.0.1)",
    "FL_BAD_PROXY_HEADER bad PROXY header: TCP4 with an address that is not IPv4 (from 127.0.0.1)",
    "FL_BAD_PROXY_HEADER the connection ended before a PROXY header",
  ]);
  expect([test.admitted.length, test.accepted.length, test.listener.opening]).toEqual([0, 0, 0]);
});

test("H-E22/listener a peer that is not trusted is closed, header or not", async () => {
  using test = startListener({ plan: { proxy_protocol: { trusted: ["10.0.0.0/8"] } } });
  for (const bytes of [V1, bytesOf("GET / HTTP/1.1\r\n\r\n")])
    expect(await exchange(test.port, [joined(bytes, bytesOf("hello"))])).not.toContain("hello");
  expect(test.rejected).toEqual(Array(2).fill("FL_BAD_PROXY_HEADER 127.0.0.1 may not send PROXY headers"));
  expect([test.admitted.length, test.accepted.length, test.listener.opening]).toEqual([0, 0, 0]);
});

test("H-E22/listener limits see the client of the header", async () => {
  using test = startListener({ plan: PROXY });
  test.admits = false;
  expect(await exchange(test.port, [joined(V1, bytesOf("hello"))])).not.toContain("hello");
  test.admits = true;
  expect(await exchange(test.port, [joined(V1, bytesOf("hello"))])).toBe("hello");
  expect(test.admitted.map(({ address }) => address)).toEqual(["192.0.2.7"]);
});

test("a header that does not come is waited for as long as a request head", async () => {
  const clock = new ManualClock();
  using test = startListener({ plan: PROXY, clock });
  const socket = connectTcp(test.port, "127.0.0.1");
  let closed = false;
  socket.on("error", () => {}).on("close", () => (closed = true));
  socket.write(V1.subarray(0, 9));
  await until(() => test.listener.opening === 1);
  clock.advance(9_900);
  await settle();
  expect(closed).toBe(false);
  clock.advance(200);
  await until(() => closed);
  expect(test.rejected).toEqual(["FL_BAD_PROXY_HEADER the PROXY header was not complete in time"]);
  expect(test.listener.opening).toBe(0);
});

test("H-G8/listener the client's address comes through a unix socket by a PROXY header", async () => {
  const directory = mkdtempSync(join(tmpdir(), "listener-"));
  const path = join(directory, "web.sock");
  const address = { kind: "unix", path, mode: null, user: null, group: null } as const;
  using test = startListener({ plan: { address, ...PROXY } });
  const client = createConnection(path);
  client.write(V1);
  await until(() => test.accepted.length === 1);
  expect(test.accepted[0]!.client).toMatchObject({
    address: "192.0.2.7",
    port: 40_000,
    peerAddress: "",
    localPort: 443,
  });
  client.destroy();
  rmSync(directory, { recursive: true });
});

test("a reload changes what new connections meet and no other", async () => {
  using test = startListener();
  const old = connectTcp(test.port, "127.0.0.1");
  let text = "";
  old.on("data", (bytes) => (text += bytes.toString()));
  await until(() => test.accepted.length === 1);
  test.listener.replace(listenerOf("web", PROXY), null);
  expect(await exchange(test.port, [joined(V1, bytesOf("new"))])).toBe("new");
  old.write("old");
  await until(() => text === "old");
  test.listener.replace(listenerOf("web", { trusted_proxies: ["127.0.0.1"] }), null);
  expect(await exchange(test.port, [bytesOf("plain")])).toBe("plain");
  expect(test.accepted.map(({ client }) => client.trusted)).toEqual([false, false, true]);
  old.destroy();
});

test("no connection is lost while the socket is replaced", async () => {
  using test = startListener();
  let going = true;
  const results: string[] = [];
  const load = Array.from({ length: 8 }, async () => {
    while (going) results.push(await exchange(test.port, [bytesOf("x")]));
  });
  for (let round = 0; round < 20; round++) {
    test.listener.replace(listenerOf("web", { backlog: 500 + (round % 2) }), null);
    await settle();
  }
  going = false;
  await Promise.all(load);
  expect(results.length).toBeGreaterThan(20);
  expect(results.every((text) => text === "x")).toBe(true);
});

test("a listener that is stopped refuses, and its connections go on", async () => {
  using test = startListener();
  const old = connectTcp(test.port, "127.0.0.1");
  let text = "";
  old.on("data", (bytes) => (text += bytes.toString()));
  await until(() => test.accepted.length === 1);
  test.listener.stop();
  expect(await exchange(test.port, [bytesOf("x")])).toContain("ECONNREFUSED");
  old.write("still here");
  await until(() => text === "still here");
  old.destroy();
});
