/** Writing with backpressure: whatever a socket takes at a time, the bytes leave once and in order. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { CodecDriver, segmentsOf } from "../../../test/support/http1/codec_driver.ts";
import { MemorySocket } from "../../../test/support/http1/memory_socket.ts";
import { NO_LIMITS } from "../../../test/support/http1/naive_fields.ts";
import { readRequestsNaively } from "../../../test/support/http1/naive_requests.ts";
import { readResponses } from "../../../test/support/http1/naive_response.ts";
import { Head } from "../head.ts";
import { latin1Bytes } from "./bytes.ts";
import {
  dropOutput,
  flushAnyStaged,
  flushStaged,
  send,
  sendWaiting,
  stage,
  waitingBytes,
  type Writer,
} from "./output.ts";
import { parseTrailers } from "./parse.ts";
import { JOIN_BYTES, scratch } from "./scratch.ts";

function writerInto(socket: MemorySocket | null): Writer {
  return { byteSocket: socket, waiting: null, writtenBytes: 0, closingFd: -1, plainFd: -1 };
}

/** Stages `text` as the head of `writer`. */
function stageText(writer: Writer, text: string): void {
  flushAnyStaged();
  scratch.set(latin1Bytes(text));
  stage(writer, 0, text.length);
}

describe("staging", () => {
  test("a head leaves before the block is used to parse something else", () => {
    const socket = new MemorySocket();
    const writer = writerInto(socket);
    stageText(writer, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const trailers = latin1Bytes("X-Trailer: 1\r\n\r\n");
    expect(parseTrailers(new Head(10), trailers, trailers.length)).toBe(trailers.length);
    flushStaged(writer);
    expect(socket.bytes.toString()).toBe("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  });

  test("a head and the first body part of an event leave in one write", () => {
    for (const length of [1, 100, 128, 129, 1_000, JOIN_BYTES]) {
      const socket = new MemorySocket();
      const writer = writerInto(socket);
      const body = new Uint8Array(length).fill(97);
      stageText(writer, "head");
      expect(send(writer, body, 0, length)).toBe(true);
      expect(flushStaged(writer)).toBe(true);
      expect([socket.parts.length, socket.bytes.toString()]).toEqual([1, `head${"a".repeat(length)}`]);
    }
  });

  test("a large part goes behind the head in place when nobody needs what stands before it", () => {
    const body = new Uint8Array(JOIN_BYTES * 2).fill(97);
    for (const [spare, writes] of [
      [true, 1],
      [false, 2],
    ] as const) {
      const socket = new MemorySocket();
      const writer = writerInto(socket);
      stageText(writer, "head");
      send(writer, body.slice(), 10, body.length, spare);
      expect(socket.parts.length).toBe(writes);
      expect(socket.bytes.toString()).toBe(`head${"a".repeat(body.length - 10)}`);
    }
    const socket = new MemorySocket();
    const writer = writerInto(socket);
    stageText(writer, "a longer head");
    send(writer, body.slice(), 10, body.length, true);
    expect(socket.bytes.toString()).toBe(`a longer head${"a".repeat(body.length - 10)}`);
  });

  test("a head of another writer leaves first, and to whom it belongs", () => {
    const [one, two] = [new MemorySocket(), new MemorySocket()];
    const [first, second] = [writerInto(one), writerInto(two)];
    stageText(first, "one");
    stageText(second, "two");
    send(first, latin1Bytes("more"), 0, 4);
    flushAnyStaged();
    expect([one.bytes.toString(), two.bytes.toString()]).toEqual(["onemore", "two"]);
  });

  test("what is dropped is never sent", () => {
    const socket = new MemorySocket(2);
    const writer = writerInto(socket);
    send(writer, latin1Bytes("abcd"), 0, 4);
    expect(waitingBytes(writer)).toBe(2);
    dropOutput(writer);
    stageText(writer, "head");
    dropOutput(writer);
    flushAnyStaged();
    socket.window = Infinity;
    expect(sendWaiting(writer)).toBe(true);
    expect([socket.bytes.toString(), writer.writtenBytes]).toEqual(["ab", 2]);
  });

  test("a writer whose socket is gone takes everything for sent", () => {
    const gone = writerInto(null);
    expect(send(gone, latin1Bytes("abc"), 0, 3)).toBe(true);
    gone.waiting = [latin1Bytes("x")];
    expect(sendWaiting(gone)).toBe(true);
    expect(gone.waiting).toBeNull();
  });
});

test("bytes that wait are the writer's own, whatever happens to the block they came from", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          text: fc.string({ minLength: 1, maxLength: 20, unit: fc.constantFrom("a", "b", "c") }),
          head: fc.boolean(),
          window: fc.nat(15),
        }),
        { maxLength: 12 },
      ),
      (steps) => {
        const socket = new MemorySocket(0);
        const writer = writerInto(socket);
        let expected = "";
        for (const { text, head, window } of steps) {
          socket.window = window;
          sendWaiting(writer);
          if (head) stageText(writer, text);
          else send(writer, latin1Bytes(text), 0, text.length);
          expected += text;
          if (head) flushStaged(writer);
          scratch.fill(33, 0, 64);
          expect(writer.writtenBytes + waitingBytes(writer)).toBe(expected.length);
        }
        socket.window = Infinity;
        expect(sendWaiting(writer)).toBe(true);
        expect(socket.bytes.toString()).toBe(expected);
      },
    ),
    { numRuns: 1_000 },
  );
});

describe("through both sides", () => {
  const windows = fc.array(fc.nat(40), { minLength: 1, maxLength: 30 });
  const cuts = fc.array(fc.nat(120), { maxLength: 4 });

  test("a client that takes a few bytes at a time gets the whole answer", () => {
    const answers = [
      "HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\nabcdefghijklmnopqrstuvwxyz",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x\r\n,\r\n6\r\n world\r\n0\r\nX-T: 1\r\n\r\n",
      "HTTP/1.0 200 OK\r\n\r\nuntil the end of the connection",
    ];
    fc.assert(
      fc.property(fc.constantFrom(...answers), windows, cuts, (answer, sizes, places) => {
        const bytes = latin1Bytes(answer);
        const sorted = places.map((place) => place % bytes.length).toSorted((a, b) => a - b);
        const driver = new CodecDriver(() => segmentsOf(bytes, sorted));
        driver.clientSocket.window = sizes[0]!;
        driver.feed(latin1Bytes("GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n"));
        driver.finishBackend();
        for (const size of [...sizes, Infinity, Infinity]) {
          driver.clientSocket.window = size;
          driver.server.onDrain();
        }
        driver.dispose();
        const [expected] = readResponses(answer, false, true);
        const [actual] = readResponses(driver.clientSocket.bytes.toString("latin1"), false, true);
        expect([actual?.status, actual?.body, actual?.trailers]).toEqual([
          expected?.status,
          expected?.body,
          expected?.trailers,
        ]);
        expect(driver.errors).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });

  test("a backend that takes a few bytes at a time gets the whole request", () => {
    const requests = [
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 26\r\n\r\nabcdefghijklmnopqrstuvwxyz",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x\r\n,\r\n6\r\n world\r\n0\r\n\r\n",
    ];
    fc.assert(
      fc.property(fc.constantFrom(...requests), windows, cuts, (request, sizes, places) => {
        const bytes = latin1Bytes(request);
        const driver = new CodecDriver(() => []);
        driver.backendWindow = sizes[0]!;
        for (const segment of segmentsOf(
          bytes,
          places.map((place) => place % bytes.length).toSorted((a, b) => a - b),
        ))
          driver.feed(segment);
        const { connection, socket } = driver.backends[0]!;
        for (const size of [...sizes, Infinity, Infinity]) {
          socket.window = size;
          connection.onDrain();
        }
        driver.dispose();
        const [expected] = readRequestsNaively(bytes, NO_LIMITS).requests;
        const { requests: actual, ending } = readRequestsNaively(socket.bytes, NO_LIMITS);
        expect([actual.length, actual[0]?.body, ending.kind]).toEqual([1, expected?.body, "complete"]);
      }),
      { numRuns: 1_000 },
    );
  });
});
