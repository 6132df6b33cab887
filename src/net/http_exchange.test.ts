/** What an exchange does between a client's side and a backend's side that only keep what they are told. */
import { describe, expect, test } from "bun:test";
import type { ErrorCode } from "../core/errors.ts";
import {
  NEXT,
  RESPOND,
  UNKNOWN_LENGTH,
  WAIT,
  type BodyStage,
  type Downstream,
  type Upstream,
} from "./exchange.ts";
import { latin1Bytes } from "./h1/bytes.ts";
import { parsed, parseRequest } from "./h1/parse.ts";
import { Head } from "./head.ts";
import { HOLD_BYTES, HttpExchange, responseBodyLength, type ExchangeHandler } from "./http_exchange.ts";

/** Everything that happens, in order, as text. */
class Record {
  readonly events: string[] = [];

  take(): string[] {
    return this.events.splice(0);
  }
}

const textOf = (bytes: Uint8Array, from: number, to: number) =>
  Buffer.from(bytes.subarray(from, to)).toString("latin1");

function downstream({ events }: Record): Downstream {
  return {
    protocol: "1.1",
    planeCache: null,
    pinned: null,
    writtenBytes: 0,
    writeInformational: (_, status) => void events.push(`down ${status}`),
    writeHead: (_, status, __, length) => void events.push(`down head ${status} ${length}`),
    writeBody: (_, bytes, from, to) => events.push(`down body ${textOf(bytes, from, to)}`) > 0,
    writeEnd: (_, trailers) =>
      void events.push(`down end ${trailers === null ? "" : trailers.fields().join()}`),
    writeLocal: (_, status, fields, body) => void events.push(`down local ${status} ${fields}${body}`),
    openTunnel: () => void events.push("down tunnel"),
    cut: () => void events.push("down cut"),
    pauseRequest: () => void events.push("down pause"),
    resumeRequest: () => void events.push("down resume"),
    flush: () => true,
    writeContinue: () => void events.push("down continue"),
    endTunnelOutput: () => void events.push("down tunnel end"),
    noteProgress() {},
  } as Downstream;
}

function upstream({ events }: Record, takes = true): Upstream {
  return {
    writeBody: (bytes, from, to) => {
      events.push(`up body ${textOf(bytes, from, to)}`);
      return takes;
    },
    writeEnd: (trailers) => void events.push(`up end ${trailers === null ? "" : trailers.fields().join()}`),
    flush() {},
    abort: () => void events.push("up abort"),
    pauseResponse: () => void events.push("up pause"),
    resumeResponse: () => void events.push("up resume"),
  };
}

function handler({ events }: Record): ExchangeHandler {
  return {
    onRequest: () => void events.push("request"),
    onResume: (_, result) => void events.push(`resume ${result}`),
    onCollected: (exchange) =>
      void events.push(`collected ${Buffer.from(exchange.bodyBytes!).toString("latin1")}`),
    onResponseHead: (_, status) => void events.push(`head ${status}`),
    onUpstreamFailed: (_, code) => void events.push(`upstream failed ${code}`),
    onFail: (_, code) => void events.push(`fail ${code}`),
    onWait: (_, delayMs) => void events.push(`wait ${delayMs}`),
    onDeadline: () => void events.push("deadline"),
    onDone: ({ reason }) => void events.push(`done ${reason}`),
  };
}

function begun(
  requestLength = 0,
  exchange = new HttpExchange(20),
): { exchange: HttpExchange; record: Record } {
  const record = new Record();
  exchange.begin(downstream(record), handler(record), 0);
  exchange.requestLength = requestLength;
  exchange.requestEnded = requestLength === 0;
  return { exchange, record };
}

function trailersOf(...fields: [string, string][]): Head {
  const head = new Head(0);
  for (const [name, value] of fields) head.add(name, value);
  return head;
}

const feed = (exchange: HttpExchange, text: string) =>
  exchange.requestBody(latin1Bytes(text), 0, text.length);

/** Puts `-` behind every part and `!` at the end. */
const marking: BodyStage = {
  write: (_, bytes, from, to, next) =>
    next.write(latin1Bytes(`${textOf(bytes, from, to)}-`), 0, to - from + 1),
  end(_, trailers, next) {
    next.write(latin1Bytes("!"), 0, 1);
    next.end(trailers);
  },
};

describe("the request body", () => {
  test("what comes before a backend is there is kept, and goes to it in order with its end", () => {
    const { exchange, record } = begun(UNKNOWN_LENGTH);
    expect([feed(exchange, "one"), feed(exchange, "two")]).toEqual([true, true]);
    exchange.requestEnd(trailersOf(["X-T", "1"]));
    expect(record.take()).toEqual([]);
    expect(exchange.bodyUntouched).toBe(true);
    exchange.attach(upstream(record));
    expect(record.take()).toEqual(["up body one", "up body two", "up end X-T,1"]);
    expect([exchange.bodyUntouched, exchange.bytesIn]).toEqual([false, 6]);
  });

  test("the client is paused when too much is kept, and goes on when a backend takes it", () => {
    const { exchange, record } = begun(UNKNOWN_LENGTH);
    expect(feed(exchange, "a".repeat(HOLD_BYTES - 1))).toBe(true);
    expect(feed(exchange, "b")).toBe(false);
    exchange.attach(upstream(record));
    expect(record.take().at(-1)).toBe("down resume");
    expect(feed(exchange, "c")).toBe(true);
    exchange.requestEnd(null);
    expect(record.take()).toEqual(["up body c", "up end "]);
  });

  test("a backend that takes no more pauses the client until it says so", () => {
    const { exchange, record } = begun(UNKNOWN_LENGTH);
    feed(exchange, "one");
    exchange.attach(upstream(record, false));
    expect(record.take()).toEqual(["up body one"]);
    expect(feed(exchange, "two")).toBe(false);
    exchange.upstreamWritable();
    expect(record.take()).toEqual(["up body two", "down resume"]);
  });

  test("a request without body has no end of its own", () => {
    const { exchange, record } = begun(0);
    exchange.attach(upstream(record));
    expect(record.take()).toEqual([]);
  });

  test("what comes after an answer of ours is dropped", () => {
    const { exchange, record } = begun(UNKNOWN_LENGTH);
    exchange.respond(403);
    expect(feed(exchange, "x")).toBe(true);
    exchange.requestEnd(null);
    expect(record.take()).toEqual(["down local 403 "]);
  });

  test("a stage sees every byte once, before and after a backend is there", () => {
    const { exchange, record } = begun(UNKNOWN_LENGTH);
    exchange.requestStage = marking;
    feed(exchange, "one");
    exchange.attach(upstream(record));
    feed(exchange, "two");
    exchange.requestEnd(trailersOf(["X-T", "1"]));
    expect(record.take()).toEqual([
      "up body one-",
      "down resume",
      "up body two-",
      "up body !",
      "up end X-T,1",
    ]);
  });

  test("a stage whose end comes before a backend is there loses nothing", () => {
    const { exchange, record } = begun(UNKNOWN_LENGTH);
    exchange.requestStage = marking;
    feed(exchange, "one");
    exchange.requestEnd(trailersOf(["X-T", "1"]));
    exchange.attach(upstream(record));
    expect(record.take()).toEqual(["up body one-", "up body !", "up end X-T,1"]);
  });
});

describe("collecting", () => {
  test("the first bytes are handed over when there are enough, and go on like all others", () => {
    const { exchange, record } = begun(UNKNOWN_LENGTH);
    expect(exchange.collect(5)).toBe(true);
    feed(exchange, "abc");
    expect(record.take()).toEqual([]);
    feed(exchange, "defg");
    expect(record.take()).toEqual(["collected abcdefg"]);
    feed(exchange, "h");
    exchange.attach(upstream(record));
    expect(record.take()).toEqual(["up body abc", "up body defg", "up body h", "down resume"]);
  });

  test("a shorter body is handed over at its end", () => {
    const { exchange, record } = begun(3);
    expect(exchange.collect(5)).toBe(true);
    feed(exchange, "abc");
    exchange.requestEnd(null);
    exchange.attach(upstream(record));
    expect(record.take()).toEqual(["collected abc", "up body abc", "up end "]);
  });

  test("what is here already needs no waiting", () => {
    const nothing = begun(0);
    expect([nothing.exchange.collect(5), nothing.exchange.bodyBytes]).toEqual([false, new Uint8Array(0)]);
    const held = begun(UNKNOWN_LENGTH);
    feed(held.exchange, "abcdef");
    expect(held.exchange.collect(5)).toBe(false);
    expect(Buffer.from(held.exchange.bodyBytes!).toString()).toBe("abcdef");
  });

  test("a stage that is set after collecting sees what was collected", () => {
    for (const ended of [false, true]) {
      const { exchange, record } = begun(UNKNOWN_LENGTH);
      exchange.collect(3);
      feed(exchange, "abc");
      if (ended) exchange.requestEnd(null);
      exchange.useRequestStage(marking);
      exchange.attach(upstream(record));
      if (!ended) exchange.requestEnd(null);
      const sent = record.take().filter((event) => event.startsWith("up"));
      expect(sent).toEqual(["up body abc-", "up body !", "up end "]);
    }
  });
});

describe("answers", () => {
  test("the first one counts", () => {
    const { exchange, record } = begun();
    exchange.attach(upstream(record));
    expect(exchange.respond(404, "X: 1\r\n", "no")).toBe(RESPOND);
    expect(exchange.respond(200)).toBe(RESPOND);
    expect(record.take()).toEqual(["up abort", "down local 404 X: 1\r\nno"]);
    expect([exchange.status, exchange.up]).toEqual([404, null]);
  });

  test("a backend's body goes through a stage to the client, and then its end", () => {
    const { exchange, record } = begun();
    exchange.attach(upstream(record));
    exchange.responseStage = marking;
    exchange.responseBody(latin1Bytes("xone"), 1, 4);
    exchange.responseEnd(trailersOf(["X-T", "1"]));
    expect(record.take()).toEqual(["down body one-", "down body !", "down end X-T,1"]);
    expect([exchange.responseEnded, exchange.up]).toEqual([true, null]);
  });

  test("an answer that breaks is cut, with its reason", () => {
    const { exchange, record } = begun();
    exchange.responseBroken("FL_UPSTREAM_TRUNCATED", "words");
    expect(record.take()).toEqual(["down cut"]);
    expect([exchange.reason, exchange.reasonDetail]).toEqual(["FL_UPSTREAM_TRUNCATED", "words"]);
  });

  test("no body belongs to HEAD, 1xx, 204 and 304", () => {
    expect(responseBodyLength(true, 200, 5)).toBe(0);
    for (const status of [100, 101, 103, 204, 304])
      expect(responseBodyLength(false, status, UNKNOWN_LENGTH)).toBe(0);
    for (const status of [200, 205, 206, 404]) expect(responseBodyLength(false, status, 5)).toBe(5);
    expect(responseBodyLength(false, 200, UNKNOWN_LENGTH)).toBe(UNKNOWN_LENGTH);
  });
});

describe("the end", () => {
  test("it comes once, and cuts the backend off", () => {
    const { exchange, record } = begun();
    exchange.attach(upstream(record));
    exchange.clientAborted("FL_CLIENT_ABORT");
    exchange.clientAborted("FL_DRAINED");
    exchange.finish();
    expect(record.take()).toEqual(["up abort", "done FL_CLIENT_ABORT"]);
    expect(exchange.fail("FL_STEP_FAILED")).toBe(RESPOND);
    exchange.onDeadline();
    expect(record.take()).toEqual([]);
  });

  test("the first reason stays", () => {
    const { exchange } = begun();
    exchange.reason = "FL_BODY_TOO_LARGE" satisfies ErrorCode;
    exchange.clientAborted("FL_CLIENT_ABORT");
    expect(exchange.reason).toBe("FL_BODY_TOO_LARGE");
  });
});

describe("waiting", () => {
  test("a wait ends once, by its own token", () => {
    const { exchange, record } = begun();
    const token = exchange.wait(50);
    expect(exchange.waiting).toBe(true);
    exchange.resume(token + 1, NEXT);
    exchange.resume(token - 1, NEXT);
    exchange.resume(token, NEXT);
    exchange.resume(token, NEXT);
    expect(record.take()).toEqual(["wait 50", `resume ${NEXT}`]);
    expect(WAIT).not.toBe(NEXT);
  });

  test("a token of a wait that was given up, or of an earlier use of the object, does nothing", () => {
    const { exchange, record } = begun();
    const given = exchange.wait(50);
    exchange.stopWaiting();
    exchange.resume(given, NEXT);
    const old = exchange.wait(50);
    exchange.finish();
    exchange.resume(old, NEXT);
    const again = begun(0, exchange);
    exchange.resume(old, NEXT);
    exchange.wait(60);
    exchange.resume(old, NEXT);
    exchange.resume(given, NEXT);
    expect(record.take()).toEqual(["wait 50", "wait 50", "done "]);
    expect(again.record.take()).toEqual(["wait 60"]);
  });
});

describe("what a request says", () => {
  function parsedExchange(text: string, exchange = new HttpExchange(20)): HttpExchange {
    begun(0, exchange);
    const bytes = latin1Bytes(text);
    expect(parseRequest(exchange.request, bytes, bytes.length)).toBe(bytes.length);
    exchange.methodFrom = parsed.start;
    exchange.methodTo = parsed.methodEnd;
    exchange.targetFrom = parsed.targetStart;
    exchange.targetTo = parsed.targetEnd;
    return exchange;
  }

  test("method, target and path are those of the bytes until they are assigned", () => {
    const exchange = parsedExchange("FOO /a/b?c?d HTTP/1.1\r\n\r\n");
    expect([exchange.method, exchange.target, exchange.path, exchange.matchPath]).toEqual([
      "FOO",
      "/a/b?c?d",
      "/a/b",
      "/a/b",
    ]);
    exchange.matchPath = "/normal";
    expect([exchange.path, exchange.matchPath]).toEqual(["/a/b", "/normal"]);
    exchange.target = "/new?x";
    expect([exchange.target, exchange.path, exchange.matchPath]).toEqual(["/new?x", "/new", "/new"]);
    exchange.target = "/";
    expect([exchange.target, exchange.path]).toEqual(["/", "/"]);
  });

  test("nothing of an earlier request is left", () => {
    const exchange = parsedExchange("GET /old?x HTTP/1.1\r\n\r\n");
    const { requestId, serial } = exchange;
    exchange.matchPath = "/normal";
    exchange.requestId = "mine";
    exchange.target = "/rewritten";
    exchange.bodyBytes = new Uint8Array(3);
    exchange.requestStage = exchange.responseStage = marking;
    exchange.respond(500);
    exchange.reason = "FL_STEP_FAILED";
    exchange.user = "user";
    exchange.finish();
    exchange.request.reset();
    parsedExchange("PUT /new HTTP/1.1\r\n\r\n", exchange);
    expect([exchange.method, exchange.target, exchange.path, exchange.matchPath]).toEqual([
      "PUT",
      "/new",
      "/new",
      "/new",
    ]);
    expect(exchange.requestId).toMatch(/^[0-9a-f]{32}$/);
    expect([exchange.requestId === requestId, exchange.serial === serial]).toEqual([false, false]);
    expect(exchange.bodyBytes ?? exchange.requestStage ?? exchange.responseStage).toBeNull();
    expect([exchange.status, exchange.reason, exchange.user, exchange.done]).toEqual([0, "", "", false]);
    expect([exchange.responseStarted, exchange.bodyUntouched, exchange.waiting]).toEqual([
      false,
      true,
      false,
    ]);
  });
});
