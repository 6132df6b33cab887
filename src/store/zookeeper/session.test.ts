/** The session against a scripted fake of a server, for faults and times that a real one does not show. */
import { expect, test } from "bun:test";
import { refusal } from "../../../test/support/store_tools.ts";
import { ManualClock } from "../../platform/clock.ts";
import { StoreRefused, StoreUnavailable } from "../errors.ts";
import type { ConnectionEvents, Dial } from "./connection.ts";
import { JuteError, JuteReader, JuteWriter } from "./jute.ts";
import { CODE, EVENT, OPERATION, XID } from "./protocol.ts";
import { ServerError, Session, type SessionOptions } from "./session.ts";

/** What one connection of the fake has seen, and what it says. */
class FakeConnection {
  readonly events: ConnectionEvents;
  readonly address: string;
  readonly sent: JuteReader[] = [];
  isClosed = false;

  constructor(address: string, events: ConnectionEvents) {
    this.address = address;
    this.events = events;
  }

  send(bytes: Uint8Array): void {
    this.sent.push(new JuteReader(bytes.slice(4)));
  }

  close(): void {
    this.isClosed = true;
  }

  /** As a real connection does: what is no record ends it. */
  say(...writers: JuteWriter[]): void {
    try {
      this.events.frames(writers.map((writer) => writer.frame().subarray(4)));
    } catch (error) {
      if (!(error instanceof JuteError)) throw error;
      this.events.closed(error.message);
    }
  }

  answer(xid: number, code: number = CODE.ok, zxid = 1n): JuteWriter {
    return new JuteWriter().int(xid).long(zxid).int(code);
  }

  /** Answers the greeting. */
  greet(sessionId: bigint, timeoutMs = 3_000): void {
    this.say(new JuteWriter().int(0).int(timeoutMs).long(sessionId).bytes(new Uint8Array(16).fill(1)));
  }
}

function started(options: Partial<SessionOptions> = {}, servers = 1) {
  const clock = new ManualClock();
  const connections: FakeConnection[] = [];
  const told: string[] = [];
  const dial: Dial = (address, _tls, _max, events) => {
    const connection = new FakeConnection(address.text, events);
    connections.push(connection);
    return connection;
  };
  const session = new Session(
    {
      servers: Array.from({ length: servers }, (_, index) => ({ host: "192.0.2.1", port: index + 1 })),
      session_timeout_ms: 3_000,
      connect_timeout_ms: 500,
      request_timeout_ms: 5_000,
      max_frame_bytes: 1_000,
      login: null,
      tls: null,
      ...options,
    },
    { clock, random: () => 0.5, names: { lookup: () => Promise.reject(new Error("no names here")) } },
    {
      connected: (isNew) => told.push(isNew ? "new" : "same"),
      disconnected: (reason) => told.push(reason),
      changed: (events) => told.push(events.map(({ path }) => path).join(" ")),
    },
    dial,
  );
  session.start();
  return {
    clock,
    connections,
    told,
    session,
    /** The last connection, once the session has dialled `count` times. */
    async dialled(count: number): Promise<FakeConnection> {
      for (let turn = 0; turn < 20 && connections.length < count; turn++) await Promise.resolve();
      expect(connections.length).toBe(count);
      return connections[count - 1]!;
    },
  };
}

async function greeted(connection: FakeConnection): Promise<void> {
  connection.events.connected();
  await Promise.resolve();
}

const get = (session: Session) =>
  session.request(
    OPERATION.sync,
    (writer) => void writer.text("/a"),
    (reader) => reader.text(),
  );

test("greets with nothing known, then with its session and the last position; logs in each time", async () => {
  const { clock, dialled, session, told } = started({ login: "user:pass" });
  const first = await dialled(1);
  await greeted(first);
  const greeting = first.sent[0]!;
  expect([greeting.int(), greeting.long(), greeting.int(), greeting.long()]).toEqual([0, 0n, 3_000, 0n]);
  first.greet(77n);
  expect(first.sent.length).toBe(2);
  const login = first.sent[1]!;
  expect([login.int(), login.int(), login.int(), login.text()]).toEqual([
    XID.auth,
    OPERATION.auth,
    0,
    "digest",
  ]);
  const asked = get(session);
  first.say(first.answer(1, CODE.ok, 42n).text("/a"));
  expect(await asked).toBe("/a");
  first.events.closed("cut");
  clock.advance(100);
  const second = await dialled(2);
  await greeted(second);
  const again = second.sent[0]!;
  expect([again.int(), again.long(), again.int(), again.long()]).toEqual([0, 42n, 3_000, 77n]);
  second.greet(77n);
  expect(second.sent.length).toBe(2);
  expect(told).toEqual(["new", "192.0.2.1:1: cut", "same"]);
  expect(JSON.stringify(told)).not.toContain("pass");
});

test("expired: a new session, from the beginning", async () => {
  const { clock, dialled, session, told } = started();
  const first = await dialled(1);
  await greeted(first);
  first.greet(77n);
  first.events.closed("cut");
  clock.advance(100);
  const second = await dialled(2);
  await greeted(second);
  second.greet(0n, 0);
  clock.advance(200);
  const third = await dialled(3);
  await greeted(third);
  const greeting = third.sent[0]!;
  expect([greeting.int(), greeting.long(), greeting.int(), greeting.long()]).toEqual([0, 0n, 3_000, 0n]);
  third.greet(78n);
  expect([session.id, told.at(-1)]).toEqual([78n, "new"]);
});

test("after a long outage: the next try is near, and a session that expired meanwhile costs no further wait", async () => {
  const { clock, connections, dialled, told } = started();
  const first = await dialled(1);
  await greeted(first);
  first.greet(77n);
  for (let failures = 1; failures <= 10; failures++) {
    connections.at(-1)!.events.closed("refused");
    for (let passed = 0; connections.length === failures; passed += 50) {
      expect(passed).toBeLessThanOrEqual(1_000);
      clock.advance(50);
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    }
  }
  const last = await dialled(11);
  await greeted(last);
  last.greet(0n, 0);
  clock.advance(100);
  const next = await dialled(12);
  await greeted(next);
  next.greet(78n);
  expect(told.at(-1)).toBe("new");
});

test("silence: pings, then another server after two thirds of the session's timeout", async () => {
  const { clock, dialled, told } = started({}, 2);
  const first = await dialled(1);
  await greeted(first);
  first.greet(1n, 3_000);
  clock.advance(1_000);
  expect([first.sent.length, first.sent[1]!.int()]).toEqual([2, XID.ping]);
  first.say(first.answer(XID.ping));
  clock.advance(2_000);
  expect(first.isClosed).toBe(false);
  clock.advance(1_000);
  expect(first.isClosed).toBe(true);
  expect(told.at(-1)).toContain("silent");
  clock.advance(20);
  const second = await dialled(2);
  expect(second.address).not.toBe(first.address);
});

/** Pauses before each of 12 tries of two servers, of which each lasts `attemptMs` and then fails as `fail` says. */
async function pausesOf(
  attemptMs: number,
  fail: (connection: FakeConnection) => void,
): Promise<{ readonly pauses: number[]; readonly connections: FakeConnection[] }> {
  const { clock, connections, dialled } = started({}, 2);
  const pauses: number[] = [];
  for (let tries = 1; tries <= 12; tries++) {
    const connection = await dialled(tries);
    clock.advance(attemptMs);
    fail(connection);
    let pause = 0;
    while (connections.length === tries && pause < 5_000) {
      clock.advance(10);
      pause += 10;
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    }
    pauses.push(pause);
  }
  return { pauses, connections };
}

test("servers that refuse are tried again after pauses that grow with each round", async () => {
  const { pauses } = await pausesOf(0, ({ events }) => events.closed("refused"));
  expect(pauses).toEqual([10, 100, 10, 200, 10, 400, 10, 800, 10, 1_000, 10, 1_000]);
});

test("a server that connects and says nothing is left after the connect timeout, which counts for the pause", async () => {
  const { pauses, connections } = await pausesOf(500, () => {});
  expect(pauses).toEqual([10, 10, 10, 10, 10, 10, 10, 300, 10, 500, 10, 500]);
  expect(connections.slice(0, 12).every(({ isClosed }) => isClosed)).toBe(true);
});

test("a lost connection fails what is under way at once, and nothing is answered twice", async () => {
  const { clock, dialled, session } = started();
  expect((await refusal(get(session))).message).toContain("no connection");
  const first = await dialled(1);
  await greeted(first);
  first.greet(1n);
  const [one, two] = [get(session), get(session)];
  first.say(first.answer(1).text("x"));
  first.events.closed("cut");
  expect(await one).toBe("x");
  const error = await refusal(two);
  expect(error).toBeInstanceOf(StoreUnavailable);
  expect((error as StoreUnavailable).perhaps_done).toBe(true);
  clock.advance(100);
  const second = await dialled(2);
  first.say(first.answer(2).text("late"));
  await greeted(second);
  second.greet(1n);
  const three = get(session);
  expect(second.sent[1]!.int()).toBe(3);
  second.say(second.answer(3).text("y"));
  expect(await three).toBe("y");
});

test("errors of the server, answers out of turn, and answers that are none", async () => {
  const { clock, dialled, session, told } = started();
  const first = await dialled(1);
  await greeted(first);
  first.greet(1n);
  const asked = get(session);
  first.say(first.answer(1, CODE.noNode));
  const error = await refusal(asked);
  expect(error).toBeInstanceOf(ServerError);
  expect((error as ServerError).code).toBe(CODE.noNode);
  const next = get(session);
  first.say(first.answer(9).text("x"));
  expect(await refusal(next)).toBeInstanceOf(StoreUnavailable);
  expect(told.at(-1)).toContain("an answer to request 9, which is not the next one");
  clock.advance(100);
  const second = await dialled(2);
  await greeted(second);
  second.greet(1n);
  const short = get(session);
  second.say(second.answer(3).int(1_000));
  expect(await refusal(short)).toBeInstanceOf(StoreUnavailable);
  expect(told.at(-1)).toContain("a length of 1000");
});

test("changes are told before the answer that came after them, and together", async () => {
  const { dialled, session, told } = started();
  const first = await dialled(1);
  await greeted(first);
  first.greet(1n);
  const event = (path: string) =>
    first.answer(XID.notification, CODE.ok, -1n).int(EVENT.created).int(3).text(path);
  const asked = get(session).then(() => told.push("answered"));
  first.say(event("/a"), event("/b"), first.answer(1).text("x"), event("/c"));
  await asked;
  expect(told).toEqual(["new", "/a /b", "/c", "answered"]);
});

test("a request without answer ends the connection although pings come back", async () => {
  const { clock, dialled, session, told } = started();
  const first = await dialled(1);
  await greeted(first);
  first.greet(1n, 3_000);
  const asked = refusal(get(session));
  for (let second = 0; second < 6 && !first.isClosed; second++) {
    clock.advance(1_000);
    if (!first.isClosed) first.say(first.answer(XID.ping));
  }
  expect(await asked).toBeInstanceOf(StoreUnavailable);
  expect(told.at(-1)).toContain("no answer for 5000 ms");
});

test("refused credentials are told, and what is too large is refused before it is sent", async () => {
  const { dialled, session, told } = started({ login: "user:pass" });
  const first = await dialled(1);
  await greeted(first);
  first.greet(1n);
  const before = first.sent.length;
  const large = session.request(
    OPERATION.setData,
    (writer) => void writer.bytes(new Uint8Array(1_000)),
    () => null,
  );
  expect(await refusal(large)).toBeInstanceOf(StoreRefused);
  expect(first.sent.length).toBe(before);
  first.say(first.answer(XID.auth, CODE.authFailed));
  expect(told.at(-1)).toBe("192.0.2.1:1: the server refuses our credentials");
  expect(first.isClosed).toBe(true);
});

test("closing ends the session where the server answers, and does not wait for one that does not", async () => {
  for (const answers of [true, false]) {
    const { clock, connections, dialled, session } = started();
    const first = await dialled(1);
    await greeted(first);
    first.greet(1n);
    const closed = session.close(1_000);
    const request = first.sent.at(-1)!;
    expect([request.int(), request.int()]).toEqual([1, OPERATION.closeSession]);
    if (answers) first.say(first.answer(1));
    else clock.advance(1_000);
    await closed;
    expect(first.isClosed).toBe(true);
    clock.advance(60_000);
    expect(connections.length).toBe(1);
  }
});

test("an abandoned connection is followed by another one of the same session", async () => {
  const { clock, dialled, session, told } = started();
  session.abandon("not connected yet");
  const first = await dialled(1);
  await greeted(first);
  first.greet(5n);
  session.abandon("a reason");
  expect([first.isClosed, told.at(-1)]).toEqual([true, "192.0.2.1:1: a reason"]);
  clock.advance(100);
  const second = await dialled(2);
  await greeted(second);
  second.greet(5n);
  expect([session.id, told.at(-1)]).toEqual([5n, "same"]);
});
