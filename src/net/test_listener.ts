/** A listener for tests: it gives back what comes, and notes what it is told. */
import { connect as connectTcp, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from "node:tls";
import { DEFAULT_TIMEOUTS } from "../core/defaults.ts";
import type { ListenerPlan, Timeouts } from "../core/plan.ts";
import { listenerOf } from "../core/test_plan.ts";
import { realClock, type Clock } from "../platform/clock.ts";
import { openListeningSocket } from "../platform/sockets.ts";
import { contextsOf } from "../platform/test_tls.ts";
import type { TlsContexts } from "../platform/tls_contexts.ts";
import { ALL_TLS_ENGINES, type TlsEngines } from "../platform/tls_self_check.ts";
import { TimerWheel } from "../platform/timer_wheel.ts";
import type { ByteSocket } from "./h1/output.ts";
import {
  openListener,
  type ByteConsumer,
  type Listener,
  type SocketClient,
  type TlsSession,
} from "./listener.ts";

/** Gives back all bytes, with backpressure; ends when the client has ended. */
export class Echo implements ByteConsumer {
  readonly socket: ByteSocket;
  readonly client: SocketClient;
  readonly tls: TlsSession | null;
  received = "";
  closed: number | null = null;
  #waiting: Uint8Array[] = [];
  #ended = false;
  paused = 0;

  constructor(socket: ByteSocket, client: SocketClient, tls: TlsSession | null) {
    this.socket = socket;
    this.client = client;
    this.tls = tls;
    // A socket tells its addresses while it is open.
    client.readAddresses();
  }

  onData(bytes: Uint8Array): void {
    if (this.received.length < 1_000) this.received += Buffer.from(bytes).toString("latin1");
    this.#waiting.push(bytes);
    this.onDrain();
    if (this.#waiting.length === 0) return;
    this.paused++;
    this.socket.pause();
  }

  onDrain(): void {
    while (this.#waiting.length > 0) {
      const bytes = this.#waiting[0]!;
      const taken = this.socket.write(bytes, 0, bytes.length);
      if (taken < bytes.length) {
        if (taken > 0) this.#waiting[0] = bytes.subarray(taken);
        return;
      }
      this.#waiting.shift();
    }
    this.socket.resume();
    if (this.#ended) this.socket.close();
  }

  onEnd(): void {
    this.#ended = true;
    this.onDrain();
  }

  onClose(code: number): void {
    this.closed = code;
  }
}

export interface TestListener extends Disposable {
  readonly listener: Listener;
  readonly port: number;
  readonly accepted: Echo[];
  /** `FL_… detail`, with `(admitted)` where the connection had been let in. */
  readonly rejected: string[];
  readonly admitted: SocketClient[];
  readonly failures: Error[];
  timeouts: Timeouts;
  /** What `admit` answers. */
  admits: boolean;
  /** What `accept` makes; null = refuses. */
  makeConsumer: ((echo: Echo) => ByteConsumer | null) | null;
}

export interface TestListenerOptions {
  readonly plan?: Partial<ListenerPlan>;
  readonly tls?: TlsContexts;
  readonly engines?: TlsEngines;
  readonly clock?: Clock;
}

export function startListener(options: TestListenerOptions = {}): TestListener {
  const plan = listenerOf("web", options.plan);
  const { fd, port } = openListeningSocket(plan.address, {
    backlog: plan.backlog,
    reusePort: false,
    exclusive: false,
  });
  const wheel = new TimerWheel(options.clock ?? realClock);
  const test: Omit<TestListener, "listener"> & { listener?: Listener } = {
    port,
    accepted: [],
    rejected: [],
    admitted: [],
    failures: [],
    timeouts: DEFAULT_TIMEOUTS,
    admits: true,
    makeConsumer: null,
    [Symbol.dispose]() {
      this.listener?.stop();
      wheel.stop();
      for (const { socket } of this.accepted) socket.terminate();
    },
  };
  test.listener = openListener({
    plan,
    fd,
    tls: options.tls ?? (plan.tls === null ? null : contextsOf(plan.tls)),
    engines: options.engines ?? ALL_TLS_ENGINES,
    host: {
      wheel,
      get timeouts() {
        return test.timeouts;
      },
      admit(client) {
        if (test.admits) test.admitted.push(client);
        return test.admits;
      },
      accept(socket, client, tls) {
        const echo = new Echo(socket, client, tls);
        const consumer = test.makeConsumer === null ? echo : test.makeConsumer(echo);
        if (consumer !== null) test.accepted.push(echo);
        return consumer;
      },
      rejected: (code, detail, _client, admitted) =>
        void test.rejected.push(`${code} ${detail}${admitted ? " (admitted)" : ""}`),
      failed: (error) => void test.failures.push(error),
    },
  });
  return test as TestListener;
}

/** Waits until `holds`; throws after a while. */
export async function until(holds: () => boolean, what = holds.toString()): Promise<void> {
  const end = performance.now() + 5_000;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`this did not come true: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Lets everything happen that has been started between sockets of this process. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Sends the parts one by one and returns what came back until the connection ended. */
export async function exchange(port: number, parts: readonly Uint8Array[], end = true): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let text = "";
  const socket = connectTcp({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  socket.on("data", (bytes) => (text += bytes.toString("latin1")));
  socket.on("error", (error: Error & { code?: string }) => (text += `[${error.code}]`));
  socket.on("close", () => resolve(text));
  socket.on("end", () => socket.end());
  await new Promise<void>((ready) => socket.once("connect", ready).once("close", ready));
  for (const [index, part] of parts.entries()) {
    if (index > 0) await settle();
    if (!socket.destroyed) await new Promise<void>((sent) => socket.write(part, () => sent()));
  }
  if (end) socket.end();
  const result = await promise;
  socket.destroy();
  return result;
}

/** A connection whose first bytes leave in two pieces. */
export function splitFirstWrite(port: number, split: number, before: Uint8Array = new Uint8Array(0)): Duplex {
  const socket = connectTcp({ port, host: "127.0.0.1", noDelay: true });
  let first = true;
  const stream = new Duplex({
    read: () => void socket.resume(),
    write(chunk: Buffer, _encoding, done) {
      if (!first) {
        socket.write(chunk, () => done());
        return;
      }
      first = false;
      const bytes = Buffer.concat([before, chunk]);
      const [head, rest] = [bytes.subarray(0, split), bytes.subarray(split)];
      if (head.length === 0 || rest.length === 0) socket.write(bytes, () => done());
      else socket.write(head, () => void settle().then(() => socket.write(rest, () => done())));
    },
    final: (done) => void socket.end(() => done()),
    destroy: (error, done) => {
      socket.destroy();
      done(error);
    },
  });
  socket.on("data", (bytes) => {
    if (!stream.push(bytes)) socket.pause();
  });
  socket.on("end", () => stream.push(null));
  socket.on("error", (error) => stream.destroy(error));
  socket.on("close", () => stream.destroy());
  return stream;
}

/** How a client saw a TLS connection on which it sent `hello` and then ended. */
export interface TlsVisit {
  /** Common name of the server's certificate, or null when there was no handshake. */
  readonly name: string | null;
  readonly protocol: string | null;
  readonly cipher: string | null;
  readonly alpn: string | null;
  readonly reused: boolean;
  readonly text: string;
  /** Code of the error, or null. */
  readonly error: string | null;
  readonly session: Buffer | null;
}

/** Connects as `options` say, sends `hello`, reads until the end. */
export async function visit(
  options: ConnectionOptions & { readonly port?: number; readonly socket?: Duplex | Socket },
): Promise<TlsVisit> {
  const { promise, resolve } = Promise.withResolvers<TlsVisit>();
  let seen: TlsVisit = {
    name: null,
    protocol: null,
    cipher: null,
    alpn: null,
    reused: false,
    text: "",
    error: null,
    session: null,
  };
  const client: TLSSocket = connectTls({
    host: "127.0.0.1",
    rejectUnauthorized: false,
    servername: "a.test",
    ...options,
  });
  client.on("secureConnect", () => {
    seen = {
      ...seen,
      name: (client.getPeerCertificate().subject as unknown as { CN?: string } | undefined)?.CN ?? null,
      protocol: client.getProtocol(),
      cipher: client.getCipher().name,
      alpn: client.alpnProtocol || null,
      reused: client.isSessionReused(),
    };
    client.write("hello");
  });
  client.on("session", (session: Buffer) => (seen = { ...seen, session }));
  client.on("data", (bytes: Buffer) => {
    seen = { ...seen, text: seen.text + bytes.toString("latin1") };
    client.end();
  });
  client.on(
    "error",
    (error: Error & { code?: string }) => (seen = { ...seen, error: seen.error ?? error.code ?? "" }),
  );
  client.on("close", () => resolve(seen));
  const timer = setTimeout(() => client.destroy(new Error("no end in time")), 5_000);
  const result = await promise;
  clearTimeout(timer);
  return result;
}
