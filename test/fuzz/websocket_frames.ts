/** Fuzz entry of WebSocket frames: any bytes as what a client sends, the same whatever pieces they come in. */
import { FrameReader, type WebSocketEvent } from "../../src/net/websocket/frame_reader.ts";
import type { FuzzEntry, Outcome } from "./engine.ts";

const MAX_BYTES = 1_024;

function check(holds: boolean, broken: string): void {
  if (!holds) throw new Error(broken);
}

/** What is read of `bytes` in pieces of this size. */
function eventsOf(bytes: Uint8Array, piece: number): WebSocketEvent[] {
  const reader = new FrameReader(MAX_BYTES);
  const events: WebSocketEvent[] = [];
  const take = (): void => {
    for (let event = reader.next(); event !== null; event = reader.next()) events.push(event);
  };
  for (let from = 0; from < bytes.length; from += piece) {
    reader.push(bytes.slice(from, from + piece));
    take();
  }
  return events;
}

function run(bytes: Uint8Array): Outcome {
  const whole = eventsOf(bytes, Math.max(1, bytes.length));
  for (const piece of [1, 3, 7])
    check(Bun.deepEquals(eventsOf(bytes, piece), whole), `pieces of ${piece} bytes read differently`);
  for (const [index, event] of whole.entries()) {
    const isEnd = event.kind === "close" || event.kind === "bad";
    check(!isEnd || index === whole.length - 1, "something follows the end");
    if (event.kind === "text") {
      check(event.text.isWellFormed(), "a text is no Unicode");
      check(Buffer.byteLength(event.text) <= MAX_BYTES, "a text is beyond the limit");
    }
    if (event.kind === "binary") check(event.bytes.length <= MAX_BYTES, "a message is beyond the limit");
    if (event.kind === "ping") check(event.bytes.length <= 125, "a ping is too long");
  }
  return whole
    .map(({ kind }) => kind)
    .slice(0, 4)
    .join(" ");
}

/** A masked frame; the mask is 0, so that the payload stands as it is. */
function frame(first: number, payload: string | Uint8Array): number[] {
  const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
  const length = bytes.length < 126 ? [0x80 | bytes.length] : [0xfe, bytes.length >> 8, bytes.length & 255];
  return [first, ...length, 0, 0, 0, 0, ...bytes];
}

export const websocketFrames: FuzzEntry = {
  name: "websocket_frames",
  run,
  seeds: () =>
    [
      frame(0x81, '{"os":"linux"}'),
      [...frame(0x01, '{"os":'), ...frame(0x89, "ping"), ...frame(0x80, '"linux"}')],
      [...frame(0x82, "abc"), ...frame(0x88, Uint8Array.of(3, 232))],
      frame(0x81, "ä€😀".repeat(60)),
      frame(0x8a, ""),
      [0x81, 0xff, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0],
    ].map((bytes) => Uint8Array.from(bytes)),
  tokens: ["\u0081\u0080", "\u0001\u0083", "\u0080\u0082", "\u0089\u0080", "\u0088\u0082", "\u00fe"],
};
