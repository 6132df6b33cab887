/**
 * Connections to backends that can be given up at any moment. Bun.connect cannot be cancelled while it is pending, so
 * the socket is made and connected by system calls, and Bun gets the descriptor: terminate() then frees it at once.
 *
 * Nothing is allocated here per connection but what Bun.connect needs: the caller's own connection object is the data
 * of the socket, and one handler object serves all connections of a connector.
 */
import { errno, libc, reserve, socketOption } from "./libc.ts";
import type { SocketAddress } from "./socket_address.ts";

/** SOCK_STREAM with SOCK_NONBLOCK and SOCK_CLOEXEC. */
const STREAM = 1 | 0o4000 | 0o2000000;
const SOL_SOCKET = 1;
const SO_ERROR = 4;
const EBADF = 9;
const ECONNABORTED = 103;
const ECONNRESET = 104;
const EINPROGRESS = 115;

const PENDING = 0;
const CONNECTED = 1;
const ENDED = 2;

/** Failure code of `failed` when the TLS handshake and not a system call failed; `reason` then tells why. */
export const TLS_FAILED = -1;

const target = reserve(112);

/** Options of TLS connections to one server, which share them. */
export interface ClientTlsOptions extends Bun.TLSOptions {
  /**
   * Decides about the server's certificate, with `rejectUnauthorized: false`: gets what the library says of its chain
   * ("" = nothing is wrong with it, but names are not verified) and returns why it is refused, or "".
   */
  readonly verdict?: (chainProblem: string, certificate: unknown) => string;
  /** Session that the server gave last, offered by the next connection. Kept by the connector; null at first. */
  session?: Uint8Array | null;
}

/**
 * One attempt to connect and, when it succeeds, the connection. Extend it; an object serves one attempt and is not used
 * again. `socket` is null before Bun has the descriptor and after the end.
 */
export class Attempt {
  socket: Bun.Socket<this> | null = null;
  /** Written by the connector alone. */
  attemptState: typeof PENDING | typeof CONNECTED | typeof ENDED = PENDING;
  /** Null for a plain connection. Written by the connector alone. */
  attemptTls: ClientTlsOptions | null = null;
  /** Bytes that go before everything else. Written by the connector alone. */
  attemptPrelude: Uint8Array | null = null;

  get connected(): boolean {
    return this.attemptState === CONNECTED;
  }
}

/**
 * What a connector calls; `attempt` is the caller's own object. Exactly one of `connected` and `failed` is called for
 * an attempt that is not cancelled. A first write() that returns less than 0 is a failed connection: terminate it.
 */
export interface ConnectHandlers<A extends Attempt> {
  /** The connection stands (with TLS: the handshake is over and its verdict accepted). Write now, not before. */
  connected(attempt: A): void;
  /**
   * No connection. `code` is an error number (111 = ECONNREFUSED) or TLS_FAILED with `reason` such as
   * `ERR_TLS_CERT_ALTNAME_INVALID`. May be called before `connect` returns.
   */
  failed(attempt: A, code: number, reason: string): void;
  data(attempt: A, bytes: Buffer): void;
  /** The socket takes bytes: after a short write, and once after a TLS handshake. */
  drain(attempt: A): void;
  /** The peer sends no more (FIN); our side is still open. */
  end(attempt: A): void;
  /** The connection is gone; `code` is an error number, 0 = closed in order. Not called after `cancel`. */
  closed(attempt: A, code: number): void;
  /** A handler of the caller threw, or TLS broke (then `closed` follows). Without it the error ends the process. */
  error?(attempt: A, error: Error): void;
}

export interface Connector<A extends Attempt> {
  /**
   * Starts to connect. With `tls` (Bun's options: serverName, ca, cert, key, rejectUnauthorized) the handshake is part
   * of the attempt. `prelude` (at most some hundred bytes, such as a PROXY header) is sent first, before TLS. There is
   * no timeout here: the caller cancels at its deadline.
   */
  connect(
    address: SocketAddress,
    attempt: A,
    tls?: ClientTlsOptions | null,
    prelude?: Uint8Array | null,
  ): void;
  /** Gives up an attempt or cuts a connection (RST): its descriptor is free on return. No handler is called. */
  cancel(attempt: A): void;
}

interface SocketError {
  readonly errno?: number;
  readonly code?: string;
}

/** Prepares a connector whose connections all use `handlers`. */
export function createConnector<A extends Attempt>(handlers: ConnectHandlers<A>): Connector<A> {
  const socket = socketHandlers(handlers);
  const beforeTls = preludeHandlers(handlers, socket);
  return {
    connect(address, attempt, tls = null, prelude = null) {
      const fd = startConnect(address);
      if (fd < 0) {
        attempt.attemptState = ENDED;
        handlers.failed(attempt, -fd, "");
        return;
      }
      attempt.attemptTls = tls;
      attempt.attemptPrelude = prelude;
      const options = { fd, data: attempt, allowHalfOpen: true, socket };
      try {
        const pending = Bun.connect(
          (tls === null
            ? options
            : prelude === null
              ? { ...options, tls }
              : { ...options, socket: beforeTls }) as never,
        ) as Promise<unknown>;
        pending.catch(ignore);
      } catch (error) {
        libc.close(fd);
        if (attempt.attemptState !== PENDING) throw error;
        attempt.attemptState = ENDED;
        handlers.failed(attempt, tls === null ? EBADF : TLS_FAILED, String(error));
      }
    },
    cancel,
  };
}

/** connectError has told of it already. */
function ignore(): void {}

function cancel(attempt: Attempt): void {
  if (attempt.attemptState === ENDED) return;
  attempt.attemptState = ENDED;
  const { socket } = attempt;
  attempt.socket = null;
  socket?.terminate();
}

/** A socket that is connecting or connected, or a negative error number. */
function startConnect(address: SocketAddress): number {
  const fd = libc.socket(address.family, STREAM, 0);
  if (fd < 0) return -errno();
  target.bytes.set(address.bytes);
  if (libc.connect(fd, target.address, address.bytes.length) === 0) return fd;
  const code = errno();
  if (code === EINPROGRESS) return fd;
  libc.close(fd);
  return -code;
}

function errorNumber(error: SocketError | undefined, otherwise: number): number {
  return error?.errno === undefined ? otherwise : Math.abs(error.errno);
}

/** What became of a plain socket at its first sign of life (writable or readable): 0 or an error number. */
function connectResult(socket: Bun.Socket<unknown>): number {
  const code = socketOption((socket as unknown as { fd: number }).fd, SOL_SOCKET, SO_ERROR);
  return code < 0 ? EBADF : code;
}

/** Sends what goes first. A new connection takes it whole, or it is none. */
function sendPrelude(socket: Bun.Socket<unknown>, { attemptPrelude: prelude }: Attempt): boolean {
  return prelude === null || socket.write(prelude) === prelude.length;
}

function failAttempt<A extends Attempt>(
  handlers: ConnectHandlers<A>,
  attempt: A,
  code: number,
  reason: string,
): void {
  cancel(attempt);
  handlers.failed(attempt, code, reason);
}

/**
 * Handlers of a plain socket that sends a prelude and becomes TLS then, with `secured` as its handlers. These here still
 * see the encrypted bytes, and the end, and leave both to the others.
 */
function preludeHandlers<A extends Attempt>(
  handlers: ConnectHandlers<A>,
  secured: ReturnType<typeof socketHandlers<A>>,
) {
  type Socket = Bun.Socket<A>;
  const isPlain = ({ data: attempt }: Socket) =>
    attempt.attemptTls !== null && attempt.attemptPrelude !== null;

  return {
    open(socket: Socket) {
      socket.data.socket = socket as never;
    },
    drain(socket: Socket) {
      const attempt = socket.data;
      if (!isPlain(socket) || attempt.attemptState !== PENDING) return;
      const code = connectResult(socket);
      if (code !== 0 || !sendPrelude(socket, attempt)) {
        failAttempt(handlers, attempt, code === 0 ? ECONNRESET : code, "");
        return;
      }
      attempt.attemptPrelude = null;
      socket.upgradeTLS({ data: attempt, tls: attempt.attemptTls!, socket: secured } as never);
    },
    data() {},
    end() {},
    close(socket: Socket, error?: SocketError) {
      const attempt = socket.data;
      if (!isPlain(socket) || attempt.attemptState !== PENDING) return;
      attempt.socket = null;
      failAttempt(handlers, attempt, errorNumber(error, ECONNRESET), "");
    },
    error: secured.error,
  };
}

function socketHandlers<A extends Attempt>(handlers: ConnectHandlers<A>) {
  type Socket = Bun.Socket<A>;

  const fail = (attempt: A, code: number, reason: string) => failAttempt(handlers, attempt, code, reason);
  const succeed = (attempt: A) => {
    attempt.attemptState = CONNECTED;
    handlers.connected(attempt);
  };
  const settle = (attempt: A, socket: Socket) => {
    const code = connectResult(socket);
    if (code !== 0) fail(attempt, code, "");
    else if (sendPrelude(socket, attempt)) succeed(attempt);
    else fail(attempt, ECONNRESET, "");
  };

  return {
    // Fires inside Bun.connect while the socket is still in SYN-SENT: it gives the handle and says nothing more.
    open(socket: Socket) {
      const attempt = socket.data;
      attempt.socket = socket as never;
      const session = attempt.attemptTls?.session;
      if (session != null) socket.setSession(session as Buffer);
    },
    // Only of a verified connection: what a later one resumes is not verified again.
    session(socket: Socket, session: Uint8Array) {
      const { attemptState, attemptTls } = socket.data;
      if (attemptState === CONNECTED && attemptTls?.session !== undefined) attemptTls.session = session;
    },
    drain(socket: Socket) {
      const attempt = socket.data;
      if (attempt.attemptState === CONNECTED) handlers.drain(attempt);
      else if (attempt.attemptState === PENDING && attempt.attemptTls === null) settle(attempt, socket);
    },
    handshake(socket: Socket, authorized: boolean, error: (Error & SocketError) | null) {
      const attempt = socket.data;
      if (attempt.attemptState !== PENDING) return;
      const code = error?.code ?? "";
      const broken = code === "EPROTO" || code === "ECONNRESET";
      const verdict = attempt.attemptTls?.verdict;
      if (verdict !== undefined && !broken) {
        const refusal = verdict(code, socket.getPeerCertificate());
        if (refusal === "") succeed(attempt);
        else fail(attempt, TLS_FAILED, refusal);
      } else if (authorized || (!broken && attempt.attemptTls?.rejectUnauthorized === false))
        succeed(attempt);
      else fail(attempt, TLS_FAILED, code);
    },
    data(socket: Socket, bytes: Buffer) {
      const attempt = socket.data;
      if (attempt.attemptState === PENDING) settle(attempt, socket);
      if (attempt.attemptState === CONNECTED) handlers.data(attempt, bytes);
    },
    end(socket: Socket) {
      const attempt = socket.data;
      if (attempt.attemptState === PENDING) {
        if (attempt.attemptTls === null) settle(attempt, socket);
        else fail(attempt, ECONNRESET, "");
      }
      if (attempt.attemptState === CONNECTED) handlers.end(attempt);
    },
    close(socket: Socket, error?: SocketError) {
      const attempt = socket.data;
      attempt.socket = null;
      if (attempt.attemptState === PENDING) fail(attempt, errorNumber(error, ECONNRESET), "");
      else if (attempt.attemptState === CONNECTED) {
        attempt.attemptState = ENDED;
        handlers.closed(attempt, errorNumber(error, 0));
      }
    },
    connectError(socket: Socket) {
      // The event loop did not take the descriptor; Bun's own error number says nothing then.
      if (socket.data.attemptState === PENDING) fail(socket.data, ECONNABORTED, "");
    },
    error(socket: Socket, error: Error) {
      if (handlers.error === undefined) reportError(error);
      else handlers.error(socket.data, error);
    },
  };
}
