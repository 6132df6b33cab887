/** One connection to one server: plain or TLS, frames in, bytes out. The session above it decides everything else. */
import { Attempt, createConnector, TLS_FAILED, type ClientTlsOptions } from "../../platform/connect.ts";
import { errnoName } from "../../platform/libc.ts";
import type { SocketAddress } from "../../platform/socket_address.ts";
import { upstreamTlsProblem } from "../../platform/tls_upstream.ts";
import { FrameReader } from "./frames.ts";
import { JuteError } from "./jute.ts";

/** What the owner of a connection is told. After `closed`, and after `close`, nothing is told. */
export interface ConnectionEvents {
  /** Write now, not before. */
  connected(): void;
  /** Frames that came together. What is thrown as JuteError closes the connection with its words. */
  frames(frames: readonly Buffer[]): void;
  /** There is no connection (any more); `reason` is for an operator. May be called before `dial` returns. */
  closed(reason: string): void;
}

export interface Connection {
  /** What the socket does not take at once waits in memory; the owner bounds how much that is. */
  send(bytes: Uint8Array): void;
  /** Closes in order (FIN) where everything has been sent, else cuts. */
  close(): void;
}

/** Starts to connect. There is no timeout here: the owner closes at its deadline. */
export type Dial = (
  address: SocketAddress,
  tls: ClientTlsOptions | null,
  maxAnswerBytes: number,
  events: ConnectionEvents,
) => Connection;

class ServerConnection extends Attempt implements Connection {
  readonly #frames: FrameReader;
  #events: ConnectionEvents | null;
  #waiting: Uint8Array[] = [];

  constructor(maxAnswerBytes: number, events: ConnectionEvents) {
    super();
    this.#frames = new FrameReader(maxAnswerBytes);
    this.#events = events;
  }

  send(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    if (this.#waiting.length === 1) this.flush();
  }

  flush(): void {
    for (let bytes = this.#waiting[0]; bytes !== undefined; bytes = this.#waiting[0]) {
      const taken = this.socket?.write(bytes) ?? -1;
      if (taken < 0) return this.fail("the connection was closed");
      if (taken < bytes.length) {
        this.#waiting[0] = bytes.subarray(taken);
        return;
      }
      this.#waiting.shift();
    }
  }

  close(): void {
    this.#events = null;
    if (this.connected && this.#waiting.length === 0) this.socket?.close();
    connector.cancel(this);
  }

  onConnected(): void {
    this.#events?.connected();
  }

  receive(bytes: Uint8Array): void {
    try {
      const frames = this.#frames.push(bytes);
      if (frames.length > 0) this.#events?.frames(frames);
    } catch (error) {
      if (!(error instanceof JuteError)) throw error;
      this.fail(`the server sent what is no answer of ZooKeeper: ${error.message}`);
    }
  }

  fail(reason: string): void {
    const events = this.#events;
    this.close();
    events?.closed(reason);
  }
}

const connector = createConnector<ServerConnection>({
  connected: (connection) => connection.onConnected(),
  failed(connection, code, reason) {
    connection.fail(code === TLS_FAILED ? tlsProblem(reason) : `no connection (${errnoName(code)})`);
  },
  data: (connection, bytes) => connection.receive(bytes),
  drain: (connection) => connection.flush(),
  end: (connection) => connection.fail("the server closed the connection"),
  closed: (connection, code) =>
    connection.fail(
      code === 0 ? "the server closed the connection" : `the connection was lost (${errnoName(code)})`,
    ),
  error(connection, error: Error & { readonly code?: string }) {
    // TLS can break after the handshake, such as by an alert; what our own code throws must be seen.
    if (error.code === undefined) reportError(error);
    connection.fail(`the connection broke (${error.code ?? error.message})`);
  },
});

function tlsProblem(reason: string): string {
  return upstreamTlsProblem(reason).replace("to the backend", "to the server");
}

export const dialServer: Dial = (address, tls, maxAnswerBytes, events) => {
  const connection = new ServerConnection(maxAnswerBytes, events);
  connector.connect(address, connection, tls);
  return connection;
};
