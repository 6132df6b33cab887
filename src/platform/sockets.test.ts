import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ListenAddress } from "../core/plan.ts";
import { libc, reserve, socketOption } from "./libc.ts";
import {
  acceptOn,
  closeDescriptor,
  duplicateSocket,
  ListenError,
  openListeningSocket,
  peerCredentials,
  queuedConnections,
  refuseNewConnections,
} from "./sockets.ts";

const directory = mkdtempSync(join(tmpdir(), "fairlead-sockets-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const first = { backlog: 64, reusePort: true, exclusive: true };
const further = { backlog: 64, reusePort: true, exclusive: false };
const tcp = (host: string, port = 0, dual_stack = false): ListenAddress => ({
  kind: "tcp",
  host,
  port,
  dual_stack,
});
const unix = (path: string, mode: number | null = null): ListenAddress => ({
  kind: "unix",
  path: join(directory, path),
  mode,
  user: null,
  group: null,
});

const greeting = (text: string) => ({
  socket: {
    open(socket: Bun.Socket<undefined>) {
      socket.end(text);
    },
    data() {},
  },
});

/** What a server says to a client, or the error code. */
function ask(target: { port: number; host: string } | { path: string }): Promise<string> {
  return new Promise((resolve) => {
    let said = "";
    const socket = connect(target as never);
    socket.on("data", (bytes) => (said += bytes.toString()));
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "?"));
    socket.on("close", () => resolve(said));
  });
}

test("IPv4, IPv6 and dual stack listeners answer where they should", async () => {
  const reached: Record<string, string[]> = {};
  for (const [label, address] of Object.entries({
    four: tcp("127.0.0.1"),
    six: tcp("::1"),
    dual: tcp("", 0, true),
    six_only: tcp("::"),
  })) {
    const made = openListeningSocket(address, first);
    const listener = acceptOn(made.fd, 64, greeting("hello"));
    reached[label] = await Promise.all([
      ask({ host: "127.0.0.1", port: made.port }),
      ask({ host: "::1", port: made.port }),
    ]);
    listener.stop();
  }
  expect(reached).toEqual({
    four: ["hello", "ECONNREFUSED"],
    six: ["ECONNREFUSED", "hello"],
    dual: ["hello", "hello"],
    six_only: ["ECONNREFUSED", "hello"],
  });
});

/** tcpi_sacked (bytes 28 to 31 of struct tcp_info) of a listening socket is its backlog. */
function backlogOf(fd: number): number {
  const info = reserve(112);
  const length = reserve(16);
  length.int32[0] = 104;
  libc.getsockopt(fd, 6, 11, info.address, length.address);
  return info.int32[7] ?? 0;
}

test("several sockets of one address share its connections, and the backlog survives Bun.listen", async () => {
  const one = openListeningSocket(tcp("127.0.0.1"), { ...first, backlog: 1_000 });
  const two = openListeningSocket(tcp("127.0.0.1", one.port), { ...further, backlog: 1_000 });
  const kept = duplicateSocket(one.fd);
  const listeners = [acceptOn(one.fd, 1_000, greeting("one")), acceptOn(two.fd, 1_000, greeting("two"))];
  expect(backlogOf(kept)).toBe(1_000);
  const answers = new Set<string>();
  for (let round = 0; round < 200 && answers.size < 2; round++)
    answers.add(await ask({ host: "127.0.0.1", port: one.port }));
  expect([...answers].toSorted()).toEqual(["one", "two"]);
  for (const listener of listeners) listener.stop();
  closeDescriptor(kept);
});

test("an address in use is refused with address, port and holder, also when its holder would share it", () => {
  const holder = openListeningSocket(tcp("127.0.0.1"), further);
  const again = () => openListeningSocket(tcp("127.0.0.1", holder.port), first);
  expect(again).toThrow(ListenError);
  expect(again).toThrow(
    new RegExp(
      `^cannot listen on 127.0.0.1:${holder.port}: the address is in use by .+ \\(pid ${process.pid}\\)$`,
    ),
  );
  closeDescriptor(holder.fd);
  closeDescriptor(again().fd);
});

test("an address of another machine and a low port without rights say so", () => {
  expect(() => openListeningSocket(tcp("192.0.2.1", 8080), first)).toThrow(
    "cannot listen on 192.0.2.1:8080: the address does not belong to this machine",
  );
});

test("a unix socket gets its mode before anybody can connect, and a stale file is replaced", async () => {
  const address = unix("a.sock", 0o640);
  const stale = openListeningSocket(address, first);
  closeDescriptor(stale.fd);
  expect(existsSync(join(directory, "a.sock"))).toBe(true);
  const made = openListeningSocket(address, first);
  expect(statSync(join(directory, "a.sock")).mode & 0o777).toBe(0o640);
  const listener = acceptOn(made.fd, 64, greeting("unix"));
  expect(await ask({ path: join(directory, "a.sock") })).toBe("unix");
  expect(() => openListeningSocket(address, first)).toThrow("a living process listens there");
  listener.stop();
});

test("a unix socket that cannot be made says why and leaves what stands there", () => {
  writeFileSync(join(directory, "file"), "kept");
  expect(() => openListeningSocket(unix("file"), first)).toThrow("a file that is no socket stands there");
  expect(existsSync(join(directory, "file"))).toBe(true);
  expect(() => openListeningSocket(unix("none/a.sock"), first)).toThrow("the directory does not exist");
  const nobody = { ...unix("b.sock"), user: "no such user" } as ListenAddress;
  expect(() => openListeningSocket(nobody, first)).toThrow("no user named no such user");
  expect(existsSync(join(directory, "b.sock"))).toBe(false);
  expect(() => openListeningSocket(unix("x".repeat(120)), first)).toThrow("107 bytes");
});

test("the peer of a unix socket is known by its credentials", async () => {
  const made = openListeningSocket(unix("c.sock", 0o600), first);
  const seen = Promise.withResolvers<unknown>();
  const listener = acceptOn(made.fd, 64, {
    socket: {
      open(socket) {
        seen.resolve(peerCredentials((socket as unknown as { fd: number }).fd));
        socket.end();
      },
      data() {},
    },
  });
  await ask({ path: join(directory, "c.sock") });
  const { pid, getuid, getgid } = process;
  expect(await seen.promise).toEqual({ pid, uid: getuid?.() ?? -1, gid: getgid?.() ?? -1 });
  listener.stop();
});

test("queued connections are counted, and a refusing socket takes no new ones", async () => {
  const made = openListeningSocket(tcp("127.0.0.1"), first);
  const target = { host: "127.0.0.1", port: made.port };
  expect(queuedConnections(made.fd)).toBe(0);
  const waiting = [ask(target), ask(target), ask(target)];
  while (queuedConnections(made.fd) < 3) await Bun.sleep(1);
  expect(refuseNewConnections(made.fd)).toBe(true);
  const late = ask(target);
  const kept = duplicateSocket(made.fd);
  const listener = acceptOn(made.fd, 64, greeting("served"));
  expect(await Promise.all(waiting)).toEqual(["served", "served", "served"]);
  expect(queuedConnections(kept)).toBe(0);
  listener.stop();
  closeDescriptor(kept);
  expect(await late).toBe("ECONNREFUSED");

  const local = openListeningSocket(unix("q.sock"), first);
  expect(queuedConnections(local.fd)).toBe(0);
  const queued = ask({ path: join(directory, "q.sock") });
  while (queuedConnections(local.fd) === 0) await Bun.sleep(1);
  const server = acceptOn(local.fd, 64, greeting("local"));
  expect(await queued).toBe("local");
  server.stop();
});

test("deferred accept keeps a connection back until its first byte, and ends when the address is retired", async () => {
  const TCP_DEFER_ACCEPT = 9;
  const made = openListeningSocket(tcp("127.0.0.1"), { ...first, deferAccept: true });
  expect(socketOption(made.fd, 6, TCP_DEFER_ACCEPT)).toBeGreaterThan(0);
  const silent = await Bun.connect({ hostname: "127.0.0.1", port: made.port, socket: { data() {} } });
  expect(queuedConnections(made.fd)).toBe(0);
  const speaking = await Bun.connect({ hostname: "127.0.0.1", port: made.port, socket: { data() {} } });
  speaking.write("x");
  while (queuedConnections(made.fd) < 1) await Bun.sleep(1);
  // The silent one comes too, when the kernel has asked again.
  while (queuedConnections(made.fd) < 2) await Bun.sleep(10);
  expect(refuseNewConnections(made.fd)).toBe(true);
  expect(socketOption(made.fd, 6, TCP_DEFER_ACCEPT)).toBe(0);
  for (const socket of [silent, speaking]) socket.terminate();
  closeDescriptor(made.fd);
});
