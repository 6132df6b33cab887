import { expect, test } from "bun:test";
import fc from "fast-check";
import { BINARY, CLOSE, FrameReader, PING, PONG, TEXT, type WebSocketEvent } from "./frame_reader.ts";
import { closeFrame, frame, textFrame } from "./frame_writer.ts";
import { webSocketHandshake } from "./handshake.ts";
import { clientFrame } from "./test_websocket.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

function eventsOf(chunks: readonly Uint8Array[], maxBytes = 1_000_000): WebSocketEvent[] {
  const reader = new FrameReader(maxBytes);
  const events: WebSocketEvent[] = [];
  for (const chunk of chunks) {
    reader.push(chunk);
    for (let event = reader.next(); event !== null; event = reader.next()) events.push(event);
  }
  return events;
}

const bad = (code: number): WebSocketEvent[] => [{ kind: "bad", code, reason: expect.any(String) as string }];

test("the examples of RFC 6455 5.7", () => {
  const masked = Uint8Array.of(0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58);
  expect(eventsOf([masked])).toEqual([{ kind: "text", text: "Hello" }]);
  expect([...textFrame(TEXT, "Hello")]).toEqual([0x81, 5, ...utf8("Hello")]);
  expect([...frame(BINARY, new Uint8Array(256)).subarray(0, 4)]).toEqual([0x82, 0x7e, 0x01, 0x00]);
  expect([...frame(BINARY, new Uint8Array(65_536)).subarray(0, 10)]).toEqual([
    0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0,
  ]);
});

test("messages come out as they went in, whatever their fragments, lengths and the parts they arrive in", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(fc.string({ maxLength: 400, unit: "grapheme" }), fc.array(fc.nat(1_000), { maxLength: 3 })),
        {
          maxLength: 6,
        },
      ),
      fc.integer({ min: 1, max: 50 }),
      (messages, step) => {
        const wire = Buffer.concat(
          messages.flatMap(([text, cuts]) => {
            const bytes = utf8(text);
            const places = cuts.map((cut) => cut % (bytes.length + 1)).toSorted((one, other) => one - other);
            const edges = [0, ...places, bytes.length];
            return edges.slice(1).map((end, index) =>
              clientFrame(index === 0 ? TEXT : 0, bytes.subarray(edges[index]!, end), {
                isLast: index === edges.length - 2,
              }),
            );
          }),
        );
        const chunks = Array.from(
          { length: Math.ceil(wire.length / step) },
          (_, index) => new Uint8Array(wire.subarray(index * step, (index + 1) * step)),
        );
        expect(eventsOf(chunks)).toEqual(messages.map(([text]) => ({ kind: "text", text })));
      },
    ),
    { numRuns: 200 },
  );
});

test("long messages, in both long forms", () => {
  for (const length of [125, 126, 65_535, 65_536, 70_000]) {
    const [event] = eventsOf([clientFrame(TEXT, utf8("x".repeat(length)))]);
    expect(event).toEqual({ kind: "text", text: "x".repeat(length) });
  }
});

test("control frames come between the fragments of a message", () => {
  const events = eventsOf([
    clientFrame(TEXT, utf8("a"), { isLast: false }),
    clientFrame(PING, utf8("p")),
    clientFrame(0, utf8("b"), { isLast: false }),
    clientFrame(PONG, new Uint8Array(0)),
    clientFrame(0, utf8("c")),
    clientFrame(BINARY, Uint8Array.of(1)),
  ]);
  expect(events).toEqual([
    { kind: "ping", bytes: utf8("p") },
    { kind: "pong", bytes: new Uint8Array(0) },
    { kind: "text", text: "abc" },
    { kind: "binary", bytes: Uint8Array.of(1) },
  ]);
});

test("what is against the protocol ends it with 1002, and nothing follows", () => {
  const unmasked = Uint8Array.of(0x81, 1, 0x61);
  const cases: Readonly<Record<string, readonly Uint8Array[]>> = {
    "no mask": [unmasked],
    "reserved bit": [Uint8Array.of(0xc1, 0x80, 0, 0, 0, 0)],
    "reserved opcode": [clientFrame(3, utf8(""))],
    "reserved control opcode": [clientFrame(11, utf8(""))],
    "fragmented ping": [clientFrame(PING, utf8(""), { isLast: false })],
    "long ping": [clientFrame(PING, new Uint8Array(126))],
    "continuation of nothing": [clientFrame(0, utf8("a"))],
    "message in a message": [clientFrame(TEXT, utf8("a"), { isLast: false }), clientFrame(TEXT, utf8("b"))],
    "16 bits for what fits into 7": [Uint8Array.of(0x81, 0xfe, 0, 125, 0, 0, 0, 0)],
    "64 bits for what fits into 16": [Uint8Array.of(0x81, 0xff, 0, 0, 0, 0, 0, 0, 255, 255)],
    "highest bit of the length": [Uint8Array.of(0x81, 0xff, 128, 0, 0, 0, 0, 0, 0, 0)],
    "half a close code": [clientFrame(CLOSE, Uint8Array.of(3))],
    ...Object.fromEntries(
      [0, 999, 1_004, 1_005, 1_006, 1_015, 1_016, 2_999, 5_000, 65_535].map((code) => [
        `close code ${code}`,
        [clientFrame(CLOSE, Uint8Array.of(code >> 8, code & 255))],
      ]),
    ),
  };
  for (const [name, frames] of Object.entries(cases))
    expect({ [name]: eventsOf([...frames, clientFrame(TEXT, utf8("later"))]) }).toEqual({
      [name]: bad(1_002),
    });
});

test("text that is no UTF-8 ends it with 1007, also when its fragments are none by themselves", () => {
  expect(eventsOf([clientFrame(TEXT, Uint8Array.of(0xff))])).toEqual(bad(1_007));
  expect(eventsOf([clientFrame(TEXT, Uint8Array.of(0xc3))])).toEqual(bad(1_007));
  expect(eventsOf([clientFrame(CLOSE, Uint8Array.of(3, 232, 0xff))])).toEqual(bad(1_007));
  expect(
    eventsOf([
      clientFrame(TEXT, Uint8Array.of(0xc3), { isLast: false }),
      clientFrame(0, Uint8Array.of(0xa9)),
    ]),
  ).toEqual([{ kind: "text", text: "é" }]);
  expect(eventsOf([clientFrame(TEXT, Uint8Array.of(0xef, 0xbb, 0xbf))])).toEqual([
    { kind: "text", text: "\ufeff" },
  ]);
});

test("a message that is too long is refused by its head, also as a sum of fragments", () => {
  const head = Uint8Array.of(0x81, 0xff, 0, 0, 0, 1, 0, 0, 0, 0);
  expect(eventsOf([head], 100)).toEqual(bad(1_009));
  expect(eventsOf([clientFrame(TEXT, new Uint8Array(101))], 100)).toEqual(bad(1_009));
  expect(eventsOf([clientFrame(TEXT, new Uint8Array(100).fill(97))], 100)).toMatchObject([{ kind: "text" }]);
  const fragments = [
    clientFrame(TEXT, new Uint8Array(60).fill(97), { isLast: false }),
    clientFrame(0, new Uint8Array(41).fill(97)),
  ];
  expect(eventsOf(fragments, 100)).toEqual(bad(1_009));
});

test("a close says its code, or none, and is the last", () => {
  for (const code of [1_000, 1_001, 1_003, 1_007, 1_014, 3_000, 4_999])
    expect(
      eventsOf([clientFrame(CLOSE, Uint8Array.of(code >> 8, code & 255)), clientFrame(PING, utf8(""))]),
    ).toEqual([{ kind: "close", code }]);
  expect(eventsOf([clientFrame(CLOSE, new Uint8Array(0))])).toEqual([{ kind: "close", code: 1_005 }]);
  expect([...closeFrame(1_000)]).toEqual([0x88, 2, 3, 232]);
  expect([...closeFrame(1_005)]).toEqual([0x88, 0]);
  expect([...closeFrame(1_009, "long")]).toEqual([0x88, 6, 3, 241, ...utf8("long")]);
  expect(closeFrame(1_009, "x".repeat(124)).length).toBe(4);
});

test("the handshake of RFC 6455 1.3, and what is none", () => {
  const asking = (fields: Readonly<Record<string, string>>) =>
    webSocketHandshake((name) => fields[name] ?? null);
  const key = "dGhlIHNhbXBsZSBub25jZQ==";
  expect(asking({ "sec-websocket-version": "13", "sec-websocket-key": key })).toEqual({
    fields:
      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
  });
  expect(asking({ "sec-websocket-version": "8", "sec-websocket-key": key })).toEqual({ problem: "version" });
  expect(asking({ "sec-websocket-key": key })).toEqual({ problem: "version" });
  for (const wrong of ["", "short", "dGhlIHNhbXBsZSBub25jZR==", `${key}x`])
    expect(asking({ "sec-websocket-version": "13", "sec-websocket-key": wrong })).toEqual({ problem: "key" });
});
