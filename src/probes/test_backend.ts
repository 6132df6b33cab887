/** Backends that answer badly in every way, and a way to run one check against them. For tests. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { z } from "zod";
import type { Endpoint } from "../core/model.ts";
import { isIp } from "../core/schema/ip.ts";
import { socketAddress } from "../platform/socket_address.ts";
import { closeDescriptor, openListeningSocket } from "../platform/sockets.ts";
import { openConnection, type ProbeConnection } from "./connection.ts";
import type { Probe, ProbeResult, ProbeTarget } from "./contract.ts";

type Socket = Bun.Socket<{ received: string }>;

/** What a backend does. `received` is everything that has come so far, latin1. */
export interface Behaviour {
  open?(socket: Socket): void | Promise<void>;
  data?(socket: Socket, received: string): void | Promise<void>;
  end?(socket: Socket): void;
}

export interface TestBackend extends Disposable {
  readonly port: number;
  readonly endpoint: Endpoint;
  /** Connections so far, and those of them that are still open here. */
  readonly accepted: number;
  readonly open: number;
  /** Everything that came, per connection. */
  readonly received: readonly string[];
}

/** Listens on loopback, or on the unix socket `where.unix`. */
export function backend(
  behaviour: Behaviour,
  where: {
    readonly unix?: string;
    readonly tls?: Bun.TLSOptions;
    readonly hostname?: string;
    readonly port?: number;
  } = {},
): TestBackend {
  const connections = new Set<Socket>();
  const received: { received: string }[] = [];
  const socket = {
    open(opened: Socket) {
      opened.data = { received: "" };
      received.push(opened.data);
      connections.add(opened);
      void behaviour.open?.(opened);
    },
    data(from: Socket, bytes: Buffer) {
      from.data.received += bytes.toString("latin1");
      void behaviour.data?.(from, from.data.received);
    },
    end(ended: Socket) {
      if (behaviour.end === undefined) ended.end();
      else behaviour.end(ended);
    },
    close: (closed: Socket) => void connections.delete(closed),
    error() {},
  };
  const tls = where.tls === undefined ? {} : { tls: where.tls };
  const shared = { socket, data: { received: "" }, allowHalfOpen: true, ...tls };
  const hostname = where.hostname ?? "127.0.0.1";
  const listener =
    where.unix === undefined
      ? Bun.listen({ hostname, port: where.port ?? 0, ...shared } as never)
      : Bun.listen({ unix: where.unix, ...shared } as never);
  const port = where.unix === undefined ? (listener as unknown as { port: number }).port : 0;
  return {
    port,
    endpoint:
      where.unix === undefined ? { kind: "tcp", host: hostname, port } : { kind: "unix", path: where.unix },
    get accepted() {
      return received.length;
    },
    get open() {
      return connections.size;
    },
    get received() {
      return received.map((one) => one.received);
    },
    [Symbol.dispose]() {
      for (const one of connections) one.terminate();
      (listener as unknown as { stop(force: boolean): void }).stop(true);
    },
  };
}

/** A backend that answers every request head with `answer`. */
export function answering(
  answer: string | ((head: string, socket: Socket) => string | null),
  where: Parameters<typeof backend>[1] = {},
): TestBackend {
  return backend(
    {
      data(socket, received) {
        if (!received.endsWith("\r\n\r\n")) return;
        const text = typeof answer === "string" ? answer : answer(received, socket);
        if (text !== null) socket.write(text);
      },
    },
    where,
  );
}

/** A listener whose queue is full: nobody answers further connections, as behind a firewall that drops them. */
export async function blackHole(): Promise<{ readonly endpoint: Endpoint } & Disposable> {
  const made = openListeningSocket(
    { kind: "tcp", host: "127.0.0.1", port: 0, dual_stack: false },
    { backlog: 0, reusePort: false, exclusive: false },
  );
  const endpoint: Endpoint = { kind: "tcp", host: "127.0.0.1", port: made.port };
  const fillers: ProbeConnection[] = [];
  for (let pending = 0; pending < 2 && fillers.length < 20;) {
    const settled = Promise.withResolvers<void>();
    const handlers = {
      connected: () => settled.resolve(),
      data() {},
      ended() {},
      failed: () => settled.resolve(),
    };
    const filler = openConnection(socketAddress(endpoint), { tls: null, prelude: null }, handlers);
    fillers.push(filler);
    await Promise.race([settled.promise, Bun.sleep(50)]);
    if (!filler.connected) pending++;
  }
  return {
    endpoint,
    [Symbol.dispose]() {
      for (const filler of fillers) filler.cut();
      closeDescriptor(made.fd);
    },
  };
}

export function targetOf(endpoint: Endpoint, settings: Partial<ProbeTarget> = {}): ProbeTarget {
  return {
    endpoint,
    tls: false,
    pool_tls: null,
    host: null,
    proxy_protocol: "none",
    readFile: (path) => readFileSync(path, "utf8"),
    ...settings,
  };
}

/** Runs one check as a scheduler does: it is ended when it takes longer than `timeoutMs`. */
export async function checkOnce<Options>(
  probe: Probe<Options>,
  options: z.input<Probe<Options>["schema"]>,
  target: ProbeTarget,
  { endpoint = target.endpoint, timeoutMs = 2_000 } = {},
): Promise<ProbeResult> {
  const check = probe.create(probe.schema.parse(options), target);
  const result = Promise.withResolvers<ProbeResult>();
  const cancel = check.start(socketAddress(endpoint), result.resolve);
  const timer = setTimeout(() => {
    cancel();
    result.resolve({ healthy: false, reason: "timeout" });
  }, timeoutMs);
  const found = await result.promise;
  clearTimeout(timer);
  return found;
}

/** Sockets and files that this process has open. */
export function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

/** Waits for a condition; throws after five seconds. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  const end = performance.now() + 5_000;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`waited in vain: ${what}`);
    await Bun.sleep(2);
  }
}

export interface TestDirectory extends Disposable {
  file(name: string): string;
}

export function testDirectory(): TestDirectory {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-probes-"));
  return {
    file: (name) => join(directory, name),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}

export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
  readonly certPath: string;
  readonly keyPath: string;
}

/** A self-signed certificate for `name`, a host name or an address. */
export function certificate(directory: TestDirectory, name: string): TestCertificate {
  const [keyPath, certPath] = [directory.file(`${name}.key`), directory.file(`${name}.crt`)];
  const words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const names = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=${isIp(name) ? "IP" : "DNS"}:${name}`];
  const made = Bun.spawnSync(["openssl", ...words, ...names, "-keyout", keyPath, "-out", certPath]);
  if (made.exitCode !== 0) throw new Error(made.stderr.toString());
  return { certPath, keyPath, cert: readFileSync(certPath, "utf8"), key: readFileSync(keyPath, "utf8") };
}
