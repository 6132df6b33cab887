/**
 * The admin server: `/health` and `/metrics` by GET and HEAD, for this machine only. It speaks the HTTP/1 of the http
 * plane, so the same strictness and limits hold, in numbers that are small because its clients are few.
 */
import { messageOf } from "../core/text/message_of.ts";
import { rmSync, statSync } from "node:fs";
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS } from "../core/defaults.ts";
import type { ListenAddress } from "../core/plan.ts";
import { ExchangePool } from "../net/http_exchange.ts";
import { ServerConnection, type ServerHost } from "../net/h1/server.ts";
import type { ByteSocket } from "../net/h1/output.ts";
import { realClock, type Clock } from "../platform/clock.ts";
import {
  acceptOn,
  listenAddressText,
  openListeningSocket,
  type ListeningSocket,
} from "../platform/sockets.ts";
import { TimerWheel } from "../platform/timer_wheel.ts";
import { adminAddress } from "./address.ts";
import { AdminHandler, type AdminPages } from "./handler.ts";

const BACKLOG = 64;
/** Beyond these the one that has been idle for longest is closed, or the new one where none is idle. */
export const MAX_ADMIN_CONNECTIONS = 64;
const LIMITS = { ...DEFAULT_LIMITS, header_bytes: 8_192, target_bytes: 1_024 };
const TIMEOUTS = { ...DEFAULT_TIMEOUTS, request_header: 5_000, client_idle: 75_000 };
/** What is on its way when the server ends may still arrive for so long. */
const LAST_ANSWERS_MS = 1_000;

export interface AdminOptions extends AdminPages {
  /** `admin.address` of the configuration; port 0 = any free one. */
  readonly address: string;
  readonly clock?: Clock;
}

export interface AdminServer {
  /** The real address as users write it: `127.0.0.1:9900`, `unix:/path`. */
  readonly address: string;
  /** 0 for a unix socket. */
  readonly port: number;
  /** Takes no further connection, closes idle ones, and the others after their answer. */
  stop(): void;
}

/** Starts to serve. Throws Error with one sentence when the address is not for this machine alone or is in use. */
export function startAdmin(options: AdminOptions): AdminServer {
  return new Server(options);
}

type AdminSocket = Bun.Socket<ServerConnection | null>;

class Server implements AdminServer {
  readonly address: string;
  readonly port: number;
  readonly #host: ServerHost;
  readonly #connections = new Set<ServerConnection>();
  readonly #clock: Clock;
  readonly #listener: Bun.TCPSocketListener<ServerConnection | null>;
  readonly #removeFile: () => void;

  constructor({ address: text, clock = realClock, metrics, health }: AdminOptions) {
    const wanted = adminAddress(text);
    const { fd, host, port } = openSocket(wanted);
    const real = wanted.kind === "tcp" ? { ...wanted, host, port } : wanted;
    this.address = listenAddressText(real);
    this.port = port;
    this.#clock = clock;
    this.#removeFile = fileRemover(wanted);
    const wheel = new TimerWheel(clock);
    this.#host = {
      handler: new AdminHandler({ metrics, health }, clock, wheel, wanted.kind === "tcp"),
      wheel,
      exchanges: new ExchangePool(),
      now: () => clock.now(),
      limits: LIMITS,
      timeouts: TIMEOUTS,
      draining: false,
      connectionClosed: (connection) => void this.#connections.delete(connection),
      limitHit() {},
    };
    this.#listener = acceptOn<ServerConnection | null>(fd, BACKLOG, {
      data: null,
      socket: {
        open: (socket) => this.#opened(socket),
        data: (socket, bytes) => socket.data?.onData(bytes),
        drain: (socket) => socket.data?.onDrain(),
        end: (socket) => socket.data?.onEnd(),
        close: (socket) => socket.data?.onClose(),
        error: (socket) => socket.terminate(),
      },
    });
  }

  #opened(socket: AdminSocket): void {
    if (!this.#makeRoom()) {
      socket.terminate();
      return;
    }
    const connection = new ServerConnection(
      socket as unknown as ByteSocket,
      this.#host,
      this.#origin(socket),
    );
    socket.data = connection;
    this.#connections.add(connection);
  }

  #makeRoom(): boolean {
    if (this.#connections.size < MAX_ADMIN_CONNECTIONS) return true;
    for (const connection of this.#connections) {
      if (!connection.idle) continue;
      this.#connections.delete(connection);
      connection.cutConnection();
      return true;
    }
    return false;
  }

  #origin({ remoteAddress, remotePort }: AdminSocket) {
    return {
      client: {
        address: remoteAddress,
        port: remotePort,
        localPort: 0,
        peerAddress: remoteAddress,
        trusted: false,
      },
      secure: false,
      listenerName: "admin",
      listenerIndex: 0,
      hostRule: null,
      serverName: "",
      tlsVersion: "",
      abortsHalfClosed: false,
    };
  }

  stop(): void {
    this.#removeFile();
    this.#listener.stop();
    this.#host.draining = true;
    for (const connection of this.#connections) connection.drain();
    if (this.#connections.size === 0) return;
    const end = this.#clock.every(LAST_ANSWERS_MS, () => {
      end();
      for (const connection of this.#connections) connection.cutConnection();
    });
  }
}

function openSocket(address: ListenAddress): ListeningSocket {
  try {
    return openListeningSocket(address, { backlog: BACKLOG, reusePort: false, exclusive: true });
  } catch (error) {
    throw new Error(`admin: ${messageOf(error)}`, { cause: error });
  }
}

/** Removes the file of a unix socket, unless that of another process has taken its place. */
function fileRemover(address: ListenAddress): () => void {
  if (address.kind !== "unix") return () => {};
  const { path } = address;
  const identity = (): string => {
    const found = statSync(path, { throwIfNoEntry: false });
    return found === undefined ? "" : `${found.dev}:${found.ino}`;
  };
  const ours = identity();
  return () => {
    if (identity() === ours) rmSync(path, { force: true });
  };
}
