/**
 * A server for operators: one address with its operations. It speaks the HTTP/1 of the http plane, so the same strictness
 * and limits hold, in numbers that are small because its clients are few.
 */
import { messageOf } from "../core/text/message_of.ts";
import { renameSync, rmSync, statSync } from "node:fs";
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS } from "../core/defaults.ts";
import type { MountedService } from "../core/mounted_service.ts";
import type { ListenAddress } from "../core/plan.ts";
import { ExchangePool } from "../net/http_exchange.ts";
import { ServerConnection } from "../net/h1/server.ts";
import type { ServerHost } from "../net/h1/server_host.ts";
import type { ByteSocket } from "../net/h1/output.ts";
import { realClock, type Clock } from "../platform/clock.ts";
import {
  acceptOn,
  listenAddressText,
  peerCredentials,
  openListeningSocket,
  type ListeningSocket,
} from "../platform/sockets.ts";
import { TimerWheel } from "../platform/timer_wheel.ts";
import { plainAddress } from "../net/addresses.ts";
import { Access, type AccessRules, asksForCredentials, type RefusalCount } from "./access.ts";
import { adminAddress } from "./address.ts";
import { AdminHandler, type AdminClient } from "./handler.ts";
import type { Operation } from "./operation.ts";
import type { AdminServices } from "./services.ts";

const BACKLOG = 64;
/** Beyond these the one that has been idle for longest is closed, or the new one where none is idle. */
export const MAX_ADMIN_CONNECTIONS = 64;
const LIMITS = { ...DEFAULT_LIMITS, header_bytes: 8_192, target_bytes: 1_024 };
const TIMEOUTS = { ...DEFAULT_TIMEOUTS, request_header: 5_000, client_idle: 75_000 };
/** What is on its way when the server ends may still arrive for so long. */
const LAST_ANSWERS_MS = 1_000;

export interface AdminOptions {
  /** As users write it; port 0 = any free one. */
  readonly address: string;
  readonly rules: AccessRules;
  readonly operations: readonly Operation[];
  readonly services: AdminServices;
  /** Parts that answer below paths of their own. */
  readonly mounts?: () => readonly MountedService[];
  readonly refused: RefusalCount;
  /** Tells of a defect. */
  readonly failed: (text: string) => void;
  /** A program that this one is about to replace may serve there. */
  readonly shared?: boolean;
  readonly clock?: Clock;
}

export interface AdminServer {
  /** The real address as users write it: `127.0.0.1:9900`, `unix:/path`. */
  readonly address: string;
  /** 0 for a unix socket. */
  readonly port: number;
  /** Who may ask from now on. */
  setRules(rules: AccessRules): void;
  /** The program that served on a shared address before is gone for good. */
  keep(): void;
  /** Takes no further connection, closes idle ones, and the others after their answer. */
  stop(): void;
}

/** Starts to serve. Throws Error with one sentence when the address is in use, or needs a token and has none. */
export function startAdmin(options: AdminOptions): AdminServer {
  return new Server(options);
}

type AdminSocket = Bun.Socket<ServerConnection | null>;

class Server implements AdminServer {
  readonly address: string;
  readonly port: number;
  readonly #host: ServerHost<ServerConnection>;
  readonly #handler: AdminHandler;
  readonly #wanted: ListenAddress;
  readonly #refused: RefusalCount;
  readonly #connections = new Set<ServerConnection>();
  readonly #clock: Clock;
  readonly #listener: Bun.TCPSocketListener<ServerConnection | null>;
  readonly #file: SocketFile;

  constructor({
    address,
    rules,
    mounts = () => [],
    shared = false,
    clock = realClock,
    refused,
    ...rest
  }: AdminOptions) {
    const wanted = adminAddress(address, asksForCredentials(rules));
    this.#wanted = wanted;
    this.#refused = refused;
    this.#file = new SocketFile(wanted, shared);
    const { fd, host, port } = this.#open(wanted, shared);
    const real = wanted.kind === "tcp" ? { ...wanted, host, port } : wanted;
    this.address = listenAddressText(real);
    this.port = port;
    this.#clock = clock;
    const wheel = new TimerWheel(clock);
    this.#handler = new AdminHandler({ ...rest, mounts, access: this.#accessBy(rules), clock, wheel });
    this.#host = {
      handler: this.#handler,
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

  #open(wanted: ListenAddress, shared: boolean): ListeningSocket {
    try {
      const socket = openSocket(wanted, shared);
      this.#file.opened();
      return socket;
    } catch (error) {
      this.#file.remove();
      throw error;
    }
  }

  #accessBy(rules: AccessRules): Access {
    return new Access(rules, this.#wanted, this.#refused);
  }

  setRules(rules: AccessRules): void {
    this.#handler.access = this.#accessBy(rules);
  }

  keep(): void {
    this.#file.keep();
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

  #origin(socket: AdminSocket) {
    const address = plainAddress(socket.remoteAddress ?? "");
    const client: AdminClient = {
      address,
      port: socket.remotePort,
      localPort: 0,
      peerAddress: address,
      trusted: false,
      name: this.#wanted.kind === "unix" ? unixPeerName(socket) : peerName(address, socket.remotePort),
    };
    return {
      client,
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
    this.#file.remove();
    this.#listener.stop();
    this.#host.draining = true;
    for (const connection of this.#connections) {
      if (connection.idle) connection.endIdle();
      else connection.drain(0);
    }
    if (this.#connections.size === 0) return;
    const end = this.#clock.every(LAST_ANSWERS_MS, () => {
      end();
      for (const connection of this.#connections) connection.cutConnection();
    });
  }
}

function peerName(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function unixPeerName(socket: AdminSocket): string {
  const peer = peerCredentials((socket as unknown as { fd: number }).fd);
  return peer === null ? "unknown" : `uid ${peer.uid}, pid ${peer.pid}`;
}

function openSocket(address: ListenAddress, shared: boolean): ListeningSocket {
  try {
    // Every one may be shared later: a successor listens beside it until it is relieved.
    return openListeningSocket(address, { backlog: BACKLOG, reusePort: true, exclusive: !shared });
  } catch (error) {
    throw new Error(`admin: ${messageOf(error)}`, { cause: error });
  }
}

/** The file of a unix socket. Where another program serves there still, its file is put aside until it is relieved. */
class SocketFile {
  readonly #path: string | null;
  #ours = "";
  #isAside = false;

  constructor(address: ListenAddress, shared: boolean) {
    this.#path = address.kind === "unix" && !address.path.startsWith("@") ? address.path : null;
    if (!shared || this.#path === null || identityOf(this.#path) === "") return;
    renameSync(this.#path, this.#aside);
    this.#isAside = true;
  }

  get #aside(): string {
    return `${this.#path}.before`;
  }

  /** The socket listens: what stands there now is ours. */
  opened(): void {
    if (this.#path !== null) this.#ours = identityOf(this.#path);
  }

  /** Nobody serves on the file that was put aside any more. */
  keep(): void {
    if (this.#isAside) rmSync(this.#aside, { force: true });
    this.#isAside = false;
  }

  /** Removes the file, unless that of another process has taken its place, and puts back what stood there before. */
  remove(): void {
    if (this.#path === null) return;
    if (this.#ours !== "" && identityOf(this.#path) === this.#ours) rmSync(this.#path, { force: true });
    if (this.#isAside && identityOf(this.#path) === "") renameSync(this.#aside, this.#path);
    this.#isAside = false;
  }
}

/** Device and inode of a file, "" for none. */
function identityOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? "" : `${found.dev}:${found.ino}`;
}
