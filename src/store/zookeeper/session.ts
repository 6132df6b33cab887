/**
 * A session with an ensemble: it outlives connections, moves from server to server, and is replaced when it has expired.
 * Requests go out in their order and are answered in it; those under way when a connection breaks fail at once.
 */
import { messageOf } from "../../core/text/message_of.ts";
import type { ClientTlsOptions } from "../../platform/connect.ts";
import type { StoreEnvironment } from "../contract.ts";
import { DEFAULT_STORE } from "../defaults.ts";
import { StoreRefused, StoreUnavailable } from "../errors.ts";
import { once } from "../once.ts";
import type { Connection, Dial } from "./connection.ts";
import { JuteError, JuteReader, JuteWriter } from "./jute.ts";
import { addressOf, ServerList, serverText, type ServerName } from "./servers.ts";
import {
  CODE,
  codeText,
  NO_SESSION,
  OPERATION,
  readAnswerHeader,
  readConnectAnswer,
  readWatchEvent,
  writeConnectRequest,
  XID,
  type SessionId,
  type WatchEvent,
} from "./protocol.ts";

const { connect_timeout_ms, max_answer_bytes, max_pending_bytes, max_pending_requests } =
  DEFAULT_STORE.zookeeper;

export interface SessionOptions {
  readonly servers: readonly ServerName[];
  readonly session_timeout_ms: number;
  readonly connect_timeout_ms?: number;
  readonly request_timeout_ms: number;
  readonly max_frame_bytes: number;
  /** `user:password` of the scheme digest; null = nobody is logged in. */
  readonly login: string | null;
  /** Options for a server; null = plain. */
  readonly tls: ((server: ServerName) => ClientTlsOptions) | null;
}

export interface SessionEvents {
  /** Requests may be made. `isNew`: it is another session than before, and what belonged to that one is gone. */
  connected(isNew: boolean): void;
  disconnected(reason: string): void;
  /** Changes that came together. */
  changed(events: readonly WatchEvent[]): void;
}

export type SessionEnvironment = Pick<StoreEnvironment, "clock" | "random" | "names">;

/** The server has answered with an error. */
export class ServerError extends Error {
  readonly code: number;

  constructor(code: number) {
    super(codeText(code));
    this.name = "ServerError";
    this.code = code;
  }
}

interface Pending {
  readonly xid: number;
  readonly asked_at: number;
  readonly bytes: number;
  answered(reader: JuteReader): void;
  failed(error: Error): void;
}

type Phase = "idle" | "dialling" | "greeting" | "connected" | "closed";

export class Session {
  readonly #options: SessionOptions;
  readonly #environment: SessionEnvironment;
  readonly #events: SessionEvents;
  readonly #dial: Dial;
  readonly #servers: ServerList;
  readonly #pending: Pending[] = [];
  #pendingBytes = 0;
  #phase: Phase = "idle";
  #connection: Connection | null = null;
  #server = "";
  #session: SessionId = NO_SESSION;
  #timeout_ms: number;
  #lastZxid = 0n;
  #lastXid = 0;
  #heardAt = 0;
  /** Grows with each dial, so that what an earlier one still tells is not taken for the present one. */
  #dials = 0;
  /** When the present dial began. */
  #dialledAt = 0;
  #stopTimer: () => void = () => {};

  constructor(options: SessionOptions, environment: SessionEnvironment, events: SessionEvents, dial: Dial) {
    this.#options = options;
    this.#environment = environment;
    this.#events = events;
    this.#dial = dial;
    this.#servers = new ServerList(options.servers, environment.random);
    this.#timeout_ms = options.session_timeout_ms;
  }

  /** The session's number, 0n before the first one. Nodes that go with it have it as owner. */
  get id(): bigint {
    return this.#session.id;
  }

  start(): void {
    if (this.#phase === "idle") this.#connect();
  }

  /**
   * Sends a request and gives back what `read` makes of the answer's record. Rejects with ServerError, StoreUnavailable (no
   * connection, or lost meanwhile) and StoreRefused (larger than the server takes).
   */
  request<Answer>(
    operation: number,
    write: (writer: JuteWriter) => void,
    read: (reader: JuteReader) => Answer,
  ): Promise<Answer> {
    if (this.#phase !== "connected" || this.#connection === null)
      return Promise.reject(new StoreUnavailable("there is no connection to ZooKeeper"));
    const xid = this.#lastXid === 0x7fff_ffff ? 1 : this.#lastXid + 1;
    const writer = new JuteWriter().int(xid).int(operation);
    write(writer);
    const frame = writer.frame();
    const refusal = this.#refusal(frame.length - 4);
    if (refusal !== null) return Promise.reject(refusal);
    this.#lastXid = xid;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.#pendingBytes += frame.length;
    this.#pending.push({
      xid,
      asked_at: this.#environment.clock.now(),
      bytes: frame.length,
      answered: (reader) => resolve(read(reader)),
      failed: reject,
    });
    this.#connection.send(frame);
    return promise;
  }

  /** Gives up the connection as if it had broken; the session goes on by the next one. */
  abandon(reason: string): void {
    if (this.#phase === "connected") this.#lost(reason);
  }

  /** A server closes the connection for a longer frame, which would look like an outage. */
  #refusal(size: number): Error | null {
    const { max_frame_bytes } = this.#options;
    if (size > max_frame_bytes)
      return new StoreRefused(
        `the request has ${size} bytes, more than max_frame_bytes ${max_frame_bytes} (the server's jute.maxbuffer)`,
      );
    return this.#pending.length >= max_pending_requests || this.#pendingBytes + size > max_pending_bytes
      ? new StoreUnavailable("too many requests wait for ZooKeeper")
      : null;
  }

  /** Ends the session, and with it its nodes, where the server can still be told within `limitMs`. */
  async close(limitMs: number): Promise<void> {
    if (this.#phase === "connected") {
      const ended = this.request(
        OPERATION.closeSession,
        () => {},
        () => {},
      ).catch(() => {});
      const { promise, resolve } = Promise.withResolvers<void>();
      const stop = once(this.#environment.clock, limitMs, resolve);
      await Promise.race([ended, promise]);
      stop();
    }
    this.#phase = "closed";
    this.#drop("the store is closed");
  }

  /** Leaves the connection, as when it had broken. */
  #drop(reason: string): void {
    this.#dials++;
    this.#stopTimer();
    this.#connection?.close();
    this.#connection = null;
    const pending = this.#pending.splice(0);
    this.#pendingBytes = 0;
    for (const { failed } of pending) failed(new StoreUnavailable(reason, true));
  }

  #connect(): void {
    this.#phase = "dialling";
    const server = this.#servers.next();
    this.#server = serverText(server);
    const dial = ++this.#dials;
    this.#dialledAt = this.#environment.clock.now();
    const limit = this.#options.connect_timeout_ms ?? connect_timeout_ms;
    this.#stopTimer = once(this.#environment.clock, limit, () => this.#lost(`no answer within ${limit} ms`));
    const { names, random } = this.#environment;
    addressOf(server, names, random).then(
      (address) => {
        if (dial !== this.#dials) return;
        const connection = this.#dial(address, this.#options.tls?.(server) ?? null, max_answer_bytes, {
          connected: () => dial === this.#dials && this.#greet(),
          frames: (frames) => dial === this.#dials && this.#receive(frames),
          closed: (reason) => dial === this.#dials && this.#lost(reason),
        });
        if (dial === this.#dials) this.#connection = connection;
      },
      (error: unknown) => dial === this.#dials && this.#lost(messageOf(error)),
    );
  }

  #greet(): void {
    // The event may come before `dial` has given the connection back.
    queueMicrotask(() => {
      if (this.#phase !== "dialling" || this.#connection === null) return;
      this.#phase = "greeting";
      const { session_timeout_ms } = this.#options;
      const writer = writeConnectRequest(new JuteWriter(), this.#session, this.#lastZxid, session_timeout_ms);
      this.#connection.send(writer.frame());
    });
  }

  /** The connection is gone or of no use: the next server is tried after a pause. */
  #lost(reason: string): void {
    if (this.#phase === "closed") return;
    const text = `${this.#server}: ${reason}`;
    const { clock } = this.#environment;
    // A server that has been waited for in vain has not been bothered meanwhile.
    const waitedMs = this.#phase === "connected" ? 0 : clock.now() - this.#dialledAt;
    this.#phase = "dialling";
    this.#drop(text);
    this.#stopTimer = once(clock, this.#servers.failed(waitedMs), () => this.#connect());
    this.#events.disconnected(text);
  }

  #receive(frames: readonly Buffer[]): void {
    this.#heardAt = this.#environment.clock.now();
    const dial = this.#dials;
    const events: WatchEvent[] = [];
    for (const frame of frames) {
      if (dial !== this.#dials) return;
      if (this.#phase === "greeting") this.#greeted(new JuteReader(frame));
      else this.#answer(new JuteReader(frame), events);
    }
    if (events.length > 0) this.#events.changed(events);
  }

  #greeted(reader: JuteReader): void {
    const { timeout_ms, session } = readConnectAnswer(reader);
    if (timeout_ms <= 0) {
      if (this.#session.id === 0n) throw new JuteError("a new session that has expired");
      this.#session = NO_SESSION;
      // What comes after it is another history; the old position would be ahead of a server that was set up anew.
      this.#lastZxid = 0n;
      // The server is there: waiting as after its failures would only make the outage longer.
      this.#servers.succeeded();
      this.#lost("the session has expired");
      return;
    }
    const isNew = session.id !== this.#session.id;
    this.#session = session;
    this.#timeout_ms = timeout_ms;
    this.#phase = "connected";
    this.#servers.succeeded();
    this.#stopTimer();
    const { login } = this.#options;
    if (login !== null) this.#logIn(login);
    const third = Math.max(1, Math.floor(timeout_ms / 3));
    this.#stopTimer = this.#environment.clock.every(third, () => this.#beat());
    this.#events.connected(isNew);
  }

  #logIn(login: string): void {
    const writer = new JuteWriter().int(XID.auth).int(OPERATION.auth);
    this.#connection?.send(writer.int(0).text("digest").bytes(Buffer.from(login)).frame());
  }

  /** Three times in a session's timeout: silence for two of them is a dead server. */
  #beat(): void {
    const now = this.#environment.clock.now();
    const { request_timeout_ms } = this.#options;
    const oldest = this.#pending[0];
    if (now - this.#heardAt > (this.#timeout_ms * 2) / 3) this.#lost("the server has fallen silent");
    else if (oldest !== undefined && now - oldest.asked_at > request_timeout_ms)
      this.#lost(`a request has had no answer for ${request_timeout_ms} ms`);
    else this.#connection?.send(new JuteWriter().int(XID.ping).int(OPERATION.ping).frame());
  }

  #answer(reader: JuteReader, events: WatchEvent[]): void {
    const { xid, zxid, code } = readAnswerHeader(reader);
    switch (xid) {
      case XID.ping:
        return;
      case XID.notification: {
        const event = readWatchEvent(reader);
        if (event.type > 0) events.push(event);
        return;
      }
      case XID.auth:
        if (code !== CODE.ok) this.#lost(codeText(code));
        return;
      default:
        if (zxid > this.#lastZxid) this.#lastZxid = zxid;
        // What had changed before this answer is told before it.
        if (events.length > 0) this.#events.changed(events.splice(0));
        this.#settle(xid, code, reader);
    }
  }

  #settle(xid: number, code: number, reader: JuteReader): void {
    const pending = this.#pending[0];
    if (pending?.xid !== xid) throw new JuteError(`an answer to request ${xid}, which is not the next one`);
    // While it is in the list, so that it fails with the others when its answer cannot be read.
    if (code === CODE.ok) pending.answered(reader);
    else if (code === CODE.sessionExpired || code === CODE.sessionMoved)
      pending.failed(new StoreUnavailable(codeText(code)));
    else pending.failed(new ServerError(code));
    this.#pending.shift();
    this.#pendingBytes -= pending.bytes;
  }
}
