/**
 * Accepting connections on a listening socket, with PROXY headers and TLS where the plan says so. What is not asked for
 * costs nothing: a plain connection is handed to its owner in the event in which it comes, and the owner is the data of
 * its socket from then on; one handler object serves all connections of a listener.
 */
import { acceptOn, closeDescriptor, duplicateSocket } from "../platform/sockets.ts";
import type { ListenerPlan } from "../core/plan.ts";
import type { TlsContexts } from "../platform/tls_contexts.ts";
import { acceptByNode, type NodeListener, type NodeSocket } from "../platform/tls_node.ts";
import { acceptTls, upgradeServer, type TlsServerSocket } from "../platform/tls_hooks.ts";
import type { TlsEngines } from "../platform/tls_self_check.ts";
import { plainAddress } from "./addresses.ts";
import type { ByteSocket } from "./h1/output.ts";
import { SocketClient, type AddressedSocket } from "./listener_client.ts";
import {
  closeCode,
  ListenerSettings,
  ListenerState,
  NOBODY,
  type ByteConsumer,
  type ListenerHost,
  type ListenerOptions,
  type RawSocket,
  type Upgrade,
} from "./listener_host.ts";
import { Opening } from "./listener_opening.ts";
import { TlsHandshake, tlsHandlers, upgradedHandlers } from "./listener_tls.ts";

export type { ByteConsumer, ListenerHost, ListenerOptions, TlsSession } from "./listener_host.ts";
export { SocketClient } from "./listener_client.ts";

/** A listening socket that accepts. */
export interface Listener {
  /**
   * Uses another plan and other contexts for connections that come from now on. No queued connection is lost, and
   * those that are at work keep what they have. Throws when the process is out of descriptors; then nothing has
   * changed.
   */
  replace(plan: ListenerPlan, tls: TlsContexts | null): void;
  /** Stops to accept and closes the listening socket. Connections go on. */
  stop(): void;
  /** Connections that are neither accepted nor gone yet: they read a PROXY header or shake hands. */
  readonly opening: number;
}

/** Starts to accept on `options.fd`. Throws when this process accepts on that descriptor already. */
export function openListener(options: ListenerOptions): Listener {
  const { plan, fd, tls, host, engines } = options;
  const settings = new ListenerSettings(plan, tls);
  const state = new ListenerState(host, engines, settings, upgradeOf(host, engines));
  let accepting = accept(state, fd);
  return {
    replace(nextPlan, nextTls) {
      const next = new ListenerSettings(nextPlan, nextTls);
      const before = state.settings;
      if (!needsNewSocket(before, next, engines)) {
        state.settings = next;
        return;
      }
      // A second descriptor of the same socket: its queue of connections stays.
      const nextFd = duplicateSocket(accepting.fd);
      const old = accepting;
      state.settings = next;
      try {
        accepting = accept(state, nextFd);
      } catch (error) {
        state.settings = before;
        closeDescriptor(nextFd);
        throw error;
      }
      old.stop();
    },
    stop: () => accepting.stop(),
    get opening() {
      return state.opening;
    },
  };
}

/** What listeners of Bun and of node:net have in common. */
type Accepting = NodeListener;
type Data = ListenerState | ByteConsumer;

/** How a connection begins. */
type Start = "plain" | "opening" | "tls" | "node";

function startOf({ tls, proxySenders }: ListenerSettings, engines: TlsEngines): Start {
  if (tls !== null && !engines.upgrade && (proxySenders !== null || tls.needsName || !engines.listener))
    return "node";
  if (proxySenders !== null) return "opening";
  if (tls === null) return "plain";
  return tls.needsName || !engines.listener ? "opening" : "tls";
}

/** What a listening socket of Bun cannot change while it listens: how connections begin, and the default context. */
function needsNewSocket(before: ListenerSettings, next: ListenerSettings, engines: TlsEngines): boolean {
  const start = startOf(next, engines);
  if (start !== startOf(before, engines) || next.plan.backlog !== before.plan.backlog) return true;
  return start === "tls" && !sameBase(before.tls!, next.tls!);
}

function sameBase(before: TlsContexts, next: TlsContexts): boolean {
  return before.default === next.default && before.alpn.join() === next.alpn.join();
}

function accept(state: ListenerState, fd: number): Accepting {
  const { settings, host, engines } = state;
  const { backlog } = settings.plan;
  switch (startOf(settings, engines)) {
    case "plain":
      return acceptOn<Data>(fd, backlog, {
        data: state,
        socket: plainHandlers(host, openPlain),
      }) as never;
    case "opening":
      return acceptOn<Data>(fd, backlog, {
        data: state,
        socket: plainHandlers(host, openOpening),
      }) as never;
    case "node":
      return acceptByNode(fd, backlog, {
        open: (socket) => openOpening(socket as NodeSocket & RawSocket, state),
        failed: host.failed.bind(host),
      });
    case "tls": {
      const { tls } = settings;
      return acceptTls<Data>(fd, backlog, {
        data: state,
        context: tls!.default,
        alpn: tls!.alpn,
        find: (name) => state.settings.tls?.find(name.toLowerCase()) ?? null,
        socket: tlsHandlers(host, openTls) as never,
      }) as never;
    }
  }
}

function upgradeOf(host: ListenerHost, engines: TlsEngines): Upgrade {
  const socket = upgradedHandlers(host);
  return engines.upgrade
    ? (plain, options) => upgradeServer(plain as unknown as Bun.Socket<unknown>, { ...options, socket })
    : (plain, options) => (plain as unknown as NodeSocket).upgrade({ ...options, socket });
}

/** The owner of a connection is the data of its socket; before `open` it is the listener. */
function plainHandlers(
  host: ListenerHost,
  open: (socket: Bun.Socket<ByteConsumer>, state: ListenerState) => void,
): Bun.SocketHandler<Data> {
  return {
    open: (socket) => open(socket as Bun.Socket<ByteConsumer>, socket.data as ListenerState),
    data: (socket, bytes) => (socket.data as ByteConsumer).onData(bytes),
    drain: (socket) => (socket.data as ByteConsumer).onDrain(),
    end: (socket) => (socket.data as ByteConsumer).onEnd(),
    close: (socket, error) => (socket.data as ByteConsumer).onClose(closeCode(error as { errno?: number })),
    error(socket, error) {
      socket.terminate();
      host.failed(error);
    },
  };
}

function openPlain(socket: Bun.Socket<ByteConsumer>, { host, settings }: ListenerState): void {
  const client = clientOf(socket, settings);
  const consumer = host.admit(client) ? host.accept(socket as unknown as ByteSocket, client, null) : null;
  socket.data = consumer ?? NOBODY;
  if (consumer === null) socket.terminate();
}

function openOpening(socket: RawSocket, state: ListenerState): void {
  const opening = new Opening(state, socket);
  socket.data = opening;
  opening.begin();
}

function openTls(socket: TlsServerSocket<ByteConsumer>): void {
  const state = socket.data as unknown as ListenerState;
  const { host, settings } = state;
  const client = clientOf(socket as AddressedSocket, settings);
  if (!host.admit(client)) {
    socket.data = NOBODY;
    socket.terminate();
    return;
  }
  const contexts = settings.tls!;
  const handshake = new TlsHandshake(state, client, contexts, contexts.default);
  host.wheel.after(handshake, host.timeouts.tls_handshake);
  socket.data = handshake;
  handshake.begin(socket);
}

function clientOf(socket: AddressedSocket, settings: ListenerSettings): SocketClient {
  return new SocketClient(socket, plainAddress(socket.remoteAddress ?? ""), null, settings);
}
