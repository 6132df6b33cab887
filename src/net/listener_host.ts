/** What a listener needs to know and whom it tells. */
import type { ErrorCode } from "../core/errors.ts";
import type { ListenerPlan, Timeouts } from "../core/plan.ts";
import type { TlsContext, TlsContexts } from "../platform/tls_contexts.ts";
import type { TlsEngines } from "../platform/tls_self_check.ts";
import type { TimerWheel } from "../platform/timer_wheel.ts";
import { CidrSet } from "./addresses.ts";
import type { ByteSocket } from "./h1/output.ts";
import type { AddressedSocket, SocketClient } from "./listener_client.ts";

/** The owner of an accepted connection: it gets every event of its socket. */
export interface ByteConsumer {
  onData(bytes: Uint8Array): void;
  /** The socket takes bytes again. */
  onDrain(): void;
  /** The peer sends no more; our side is still open. */
  onEnd(): void;
  /** The connection is gone. `code` is an error number, 0 = closed in order. */
  onClose(code: number): void;
}

/** What the handshake found out. */
export interface TlsSession {
  /** Name that the client asked for, lower case, "" = none. */
  readonly serverName: string;
  /** `1.2` or `1.3`. */
  readonly version: string;
  /** Negotiated protocol, "" = none. */
  readonly alpn: string;
  /** Another rule for client certificates holds for other hosts: ask `allowsHost` for each new one. */
  readonly checksHosts: boolean;
  /** False when a request for `host` (lower case, without port) must be answered with 421 (RFC 9110 15.5.20). */
  allowsHost(host: string): boolean;
}

/**
 * Whom a listener tells. For each connection: `admit` when its address is known, then `accept` when it is ready to
 * speak. A connection that is admitted and then fails (PROXY header, TLS) is told to `rejected` and never accepted; so
 * what `admit` counts ends either there or with the consumer's `onClose`.
 */
export interface ListenerHost {
  readonly wheel: TimerWheel;
  /** The timeouts that hold now: `tls_handshake`, and `request_header` for a PROXY header. */
  readonly timeouts: Timeouts;
  /** Limits are checked here, after the PROXY header and before TLS. False = the connection is cut (RST). */
  admit(client: SocketClient): boolean;
  /** A connection that is ready to speak; its bytes go to the consumer. Null = it is cut (RST). */
  accept(socket: ByteSocket, client: SocketClient, tls: TlsSession | null): ByteConsumer | null;
  /** A connection failed before it was accepted. `detail` is one sentence for the log. */
  rejected(code: ErrorCode, detail: string, client: SocketClient, admitted: boolean): void;
  /** A handler threw: a fault of ours. The connection has been cut. */
  failed(error: Error): void;
}

export interface ListenerOptions {
  readonly plan: ListenerPlan;
  /** A listening socket, which belongs to the listener from now on. */
  readonly fd: number;
  /** Null = no TLS. */
  readonly tls: TlsContexts | null;
  readonly host: ListenerHost;
  /** Which ways of TLS work; see `checkTlsEngines`. */
  readonly engines: TlsEngines;
}

/** A plan of a listener with everything prepared that each connection needs. Replaced as a whole. */
export class ListenerSettings {
  readonly plan: ListenerPlan;
  readonly tls: TlsContexts | null;
  /** Peers that send a PROXY header; null = none is expected. */
  readonly proxySenders: CidrSet | null;
  readonly trustedProxies: CidrSet | null;
  /** See ListenerFacts: all connections of a listening socket have the same port. */
  port = -1;

  constructor(plan: ListenerPlan, tls: TlsContexts | null) {
    this.plan = plan;
    this.tls = tls;
    this.proxySenders = plan.proxy_protocol === null ? null : new CidrSet(plan.proxy_protocol.trusted);
    this.trustedProxies = plan.trusted_proxies.length === 0 ? null : new CidrSet(plan.trusted_proxies);
  }

  /**
   * True when forwarding fields that come from `address` are believed. A peer on a unix socket has no address: whoever
   * may open the file is believed as soon as the plan names any proxy.
   */
  trusts(address: string): boolean {
    const { trustedProxies } = this;
    return trustedProxies !== null && (address === "" || trustedProxies.has(address));
  }

  /** True when the peer may send a PROXY header; on a unix socket everybody who may open the file. */
  takesHeaderFrom(peerAddress: string): boolean {
    return peerAddress === "" || this.proxySenders?.has(peerAddress) === true;
  }
}

/** A socket whose first bytes we read ourselves: one of Bun's or of node:net. */
export interface RawSocket extends AddressedSocket {
  data: ByteConsumer;
  write(bytes: Uint8Array, offset: number, length: number): number;
  end(): void;
  terminate(): void;
}

/** Makes a plain connection, of which `received` has been read, TLS; its owner is `data` then. */
export type Upgrade = (
  socket: RawSocket,
  options: {
    readonly data: ByteConsumer;
    readonly context: TlsContext;
    readonly alpn: readonly string[];
    readonly received: Uint8Array;
  },
) => void;

/** Data of a listening socket, and of each of its connections until it has an owner. */
export class ListenerState {
  readonly host: ListenerHost;
  readonly engines: TlsEngines;
  settings: ListenerSettings;
  readonly upgrade: Upgrade;
  /** Connections between accept(2) and `accept`. */
  opening = 0;

  constructor(host: ListenerHost, engines: TlsEngines, settings: ListenerSettings, upgrade: Upgrade) {
    this.host = host;
    this.upgrade = upgrade;
    this.engines = engines;
    this.settings = settings;
  }
}

/** Owner of a connection that is being closed. */
export const NOBODY: ByteConsumer = {
  onData() {},
  onDrain() {},
  onEnd() {},
  onClose() {},
};

/** Error number of a close event, 0 = closed in order. */
export function closeCode(error: { errno?: number } | undefined): number {
  return error?.errno === undefined ? 0 : Math.abs(error.errno);
}
