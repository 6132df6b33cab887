import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Attempt, createConnector, TLS_FAILED, type ConnectHandlers } from "./connect.ts";
import { errnoName } from "./libc.ts";
import { socketAddress } from "./socket_address.ts";
import { closeDescriptor, openListeningSocket } from "./sockets.ts";

const directory = mkdtempSync(join(tmpdir(), "fairlead-connect-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** An attempt that writes down everything that happens to it. */
class Recorded extends Attempt {
  readonly events: string[] = [];
  readonly over = Promise.withResolvers<void>();
  readonly settled = Promise.withResolvers<void>();
}

const handlers: ConnectHandlers<Recorded> = {
  connected(attempt) {
    attempt.events.push("connected");
    attempt.settled.resolve();
    attempt.socket?.write("hello");
  },
  failed(attempt, code, reason) {
    attempt.events.push(`failed ${code === TLS_FAILED ? reason : errnoName(code)}`);
    attempt.settled.resolve();
    attempt.over.resolve();
  },
  data(attempt, bytes) {
    attempt.events.push(`data ${bytes.toString()}`);
    if (bytes.includes("throw")) throw new Error("thrown by a handler");
  },
  drain: (attempt) => void attempt.events.push("drain"),
  end(attempt) {
    attempt.events.push("end");
    attempt.socket?.end();
  },
  closed(attempt, code) {
    attempt.events.push(`closed ${errnoName(code)}`);
    attempt.over.resolve();
  },
  error: (attempt, error) => void attempt.events.push(`error ${error.message}`),
};
const connector = createConnector(handlers);

/** Answers each read with the same bytes and closes. */
const echo = {
  data(socket: Bun.Socket<undefined>, bytes: Buffer) {
    socket.write(bytes);
    socket.end();
  },
};

async function attempted(host: string, port: number): Promise<string[]> {
  const attempt = new Recorded();
  connector.connect(socketAddress({ kind: "tcp", host, port }), attempt);
  await attempt.over.promise;
  return attempt.events;
}

const happy = ["connected", "data hello", "end", "closed no error"];

test("an accepting IPv4, IPv6 and unix peer: connected once, then bytes, end and close", async () => {
  const four = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: echo });
  const six = Bun.listen({ hostname: "::1", port: 0, socket: echo });
  const path = join(directory, "echo.sock");
  const local = Bun.listen({ unix: path, socket: echo });
  expect(await attempted("127.0.0.1", four.port)).toEqual(happy);
  expect(await attempted("::1", six.port)).toEqual(happy);
  const attempt = new Recorded();
  connector.connect(socketAddress({ kind: "unix", path }), attempt);
  await attempt.over.promise;
  expect(attempt.events).toEqual(happy);
  expect(attempt.socket).toBeNull();
  for (const listener of [four, six, local]) listener.stop();
});

test("a refused, unreachable or missing peer fails once with its error", async () => {
  const unused = openListeningSocket(
    { kind: "tcp", host: "127.0.0.1", port: 0, dual_stack: false },
    { backlog: 1, reusePort: false, exclusive: false },
  );
  closeDescriptor(unused.fd);
  expect(await attempted("127.0.0.1", unused.port)).toEqual(["failed ECONNREFUSED"]);
  expect(await attempted("::1", unused.port)).toEqual(["failed ECONNREFUSED"]);
  expect(await attempted("255.255.255.255", 80)).toEqual(["failed ENETUNREACH"]);
  const attempt = new Recorded();
  connector.connect(socketAddress({ kind: "unix", path: join(directory, "none.sock") }), attempt);
  expect(attempt.events).toEqual(["failed ENOENT"]);
  connector.cancel(attempt);
  expect(attempt.events).toEqual(["failed ENOENT"]);
});

/** A listener whose queue is full, so that further SYN segments are dropped. */
async function blackHole(): Promise<{ port: number; release: () => void }> {
  const made = openListeningSocket(
    { kind: "tcp", host: "127.0.0.1", port: 0, dual_stack: false },
    { backlog: 0, reusePort: false, exclusive: false },
  );
  const fillers: Recorded[] = [];
  for (let pending = 0; pending < 3 && fillers.length < 50;) {
    const filler = new Recorded();
    fillers.push(filler);
    connector.connect(socketAddress({ kind: "tcp", host: "127.0.0.1", port: made.port }), filler);
    await Promise.race([filler.settled.promise, Bun.sleep(100)]);
    if (!filler.connected) pending++;
  }
  return {
    port: made.port,
    release() {
      for (const filler of fillers) connector.cancel(filler);
      closeDescriptor(made.fd);
    },
  };
}

const openFile = (fd: number) => {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return "free";
  }
};

test("a black-holed attempt ends when it is cancelled, and its descriptor is free at once", async () => {
  const hole = await blackHole();
  const address = socketAddress({ kind: "tcp", host: "127.0.0.1", port: hole.port });
  for (let round = 0; round < 20; round++) {
    const attempt = new Recorded();
    connector.connect(address, attempt);
    const fd = (attempt.socket as unknown as { fd: number }).fd;
    const before = openFile(fd);
    expect(before).toMatch(/^socket:/);
    connector.cancel(attempt);
    expect(openFile(fd)).not.toBe(before);
    expect([attempt.connected, attempt.socket]).toEqual([false, null]);
    await Bun.sleep(0);
    expect(attempt.events).toEqual([]);
  }
  hole.release();
});

test("a peer that resets, and a handler that throws, are told apart", async () => {
  const resetter = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: (socket: Bun.Socket<undefined>) => socket.terminate() },
  });
  expect(await attempted("127.0.0.1", resetter.port)).toEqual(["connected", "closed ECONNRESET"]);
  const thrower = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: (socket: Bun.Socket<undefined>) => void socket.end("throw") },
  });
  expect(await attempted("127.0.0.1", thrower.port)).toEqual([
    "connected",
    "data throw",
    "error thrown by a handler",
    "end",
    "closed no error",
  ]);
  for (const listener of [resetter, thrower]) listener.stop();
});

test("2,000 attempts in turn leave no descriptor behind", async () => {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: echo });
  const address = socketAddress({ kind: "tcp", host: "127.0.0.1", port: server.port });
  const open = () => readdirSync("/proc/self/fd").length;
  const before = open();
  let good = 0;
  for (let round = 0; round < 40; round++) {
    const attempts = Array.from({ length: 50 }, () => new Recorded());
    for (const attempt of attempts) connector.connect(address, attempt);
    await Promise.all(attempts.map((attempt) => attempt.over.promise));
    good += attempts.filter((attempt) => attempt.events.join() === happy.join()).length;
  }
  expect(good).toBe(2_000);
  expect(open()).toBeLessThan(before + 20);
  server.stop();
});

async function certificate(): Promise<{ cert: string; key: string }> {
  const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")];
  const words = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost
    -addext subjectAltName=DNS:localhost`.split(/\s+/);
  const made = Bun.spawnSync(["openssl", ...words, "-keyout", key, "-out", cert]);
  if (made.exitCode !== 0) throw new Error(made.stderr.toString());
  return { cert: await Bun.file(cert).text(), key: await Bun.file(key).text() };
}

test("TLS: the attempt ends with the verdict on the handshake", async () => {
  const { cert, key } = await certificate();
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, tls: { cert, key }, socket: echo });
  const talker = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { open: (socket: Bun.Socket<undefined>) => void socket.write("220 no TLS here\r\n"), data() {} },
  });
  const closer = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { open: (socket: Bun.Socket<undefined>) => void socket.end(), data() {} },
  });
  const secured = async (port: number, tls: Bun.TLSOptions) => {
    const attempt = new Recorded();
    connector.connect(socketAddress({ kind: "tcp", host: "127.0.0.1", port }), attempt, tls);
    await attempt.settled.promise;
    if (attempt.connected) await attempt.over.promise;
    return attempt.events.filter((event) => event !== "drain").slice(0, 2);
  };
  const trusted = { ca: cert, serverName: "localhost" };
  expect(await secured(server.port, trusted)).toEqual(["connected", "data hello"]);
  expect(await secured(server.port, { serverName: "localhost" })).toEqual([
    "failed DEPTH_ZERO_SELF_SIGNED_CERT",
  ]);
  expect(await secured(server.port, { ca: cert, serverName: "a.example" })).toEqual([
    "failed ERR_TLS_CERT_ALTNAME_INVALID",
  ]);
  expect(await secured(server.port, { rejectUnauthorized: false })).toEqual(["connected", "data hello"]);
  expect(await secured(talker.port, trusted)).toEqual(["failed EPROTO"]);
  expect(await secured(talker.port, { rejectUnauthorized: false })).toEqual(["failed EPROTO"]);
  expect(await secured(closer.port, trusted)).toEqual(["failed ECONNRESET"]);
  for (const listener of [server, talker, closer]) listener.stop();
});
